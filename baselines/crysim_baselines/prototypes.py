"""Strategy ``prototypes``: known structure types that fit the formula, likeliest first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from crysim import hookimpl
from crysim.crystal import Crystal, MinDistances
from crysim.crystal.packing import scaled
from crysim.errors import InputError, check_at_least
from crysim.interfaces import ANY_NUMBER, Candidate, Problem, Strategy, Trial, derive_rng
from crysim_baselines.fitting_types import FittingTypes
from crysim_baselines.packed_random import PackedGenerator


class Prototypes(Strategy):
    """The formula in the known structure types and those of a folder, at predicted volumes.

    A type is taken where its cell holds the problem's contents: of a conventional cell also where its primitive cell
    holds those atoms, which is then described in P1. After the last one they are proposed again, strained at random,
    as often as asked for, and then random crystals; which types there are depends on the formula alone, what comes
    after them on the seed and the number of the trial.
    """

    name: ClassVar[str] = "prototypes"
    max_ahead: ClassVar[int] = ANY_NUMBER

    def __init__(
        self,
        problem: Problem,
        *,
        folder: str | None = None,
        library: bool = True,
        rounds: int = 2,
        spread: float = 0.15,
    ) -> None:
        """Choose the options.

        Args:
            problem: what to solve. Its allowed space groups hold; its minimum distances hold where they are given,
                and not the default, which is larger than some bonds.
            folder: structure files to take as types too, before those of the library.
            library: whether the known structure types are used.
            rounds: how often each type is proposed: first at the predicted volume, then at volumes drawn about it.
            spread: of those volumes, relative.
        """
        check_at_least(f"strategy '{self.name}'", ("rounds", rounds, 1))
        if not 0 <= spread < 1:
            raise InputError(f"option 'spread' of strategy 'prototypes' is {spread}: it must be from 0 to below 1")
        self.problem = problem
        self._types = FittingTypes(problem.contents, self._allows, folder=folder, library=library)
        self._rounds = rounds
        self._spread = spread
        self._asked = 0

    def check(self) -> None:
        """Raise InputError if the folder is none, or a file in it cannot be read."""
        self._types.check()

    @cached_property
    def _generator(self) -> PackedGenerator:
        return PackedGenerator(self.problem)

    def ask(self, n: int) -> list[Candidate]:
        """Propose the next types, and random crystals when there are no more."""
        numbers = range(self._asked, self._asked + n)
        self._asked += n
        return [self._candidate(number) for number in numbers]

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count them."""
        self._asked += len(candidates)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Nothing: types are not learnt from."""

    def _candidate(self, number: int) -> Candidate:
        began = time.perf_counter()
        if (known := self._types.get(number)) is not None:
            name, crystal = known
            return Candidate(crystal, {"prototype": name}, {"decode": time.perf_counter() - began})
        rng = derive_rng(self.problem.seed, "prototypes", number)
        types = len(self._types)
        if number < types * self._rounds and (known := self._types.get(number % types)) is not None:
            name, crystal = known
            strained = scaled(crystal, float(rng.uniform(1 - self._spread, 1 + self._spread)) ** (1 / 3))
            if self._allows(strained):
                return Candidate(strained, {"prototype": name}, {"decode": time.perf_counter() - began})
        return Candidate(self._generator.draw(rng), {}, {"decode": time.perf_counter() - began})

    def _allows(self, crystal: Crystal) -> bool:
        problem = self.problem
        if problem.space_groups is not None and crystal.space_group not in problem.space_groups:
            return False
        given = MinDistances(problem.composition, problem.min_distance or 0.0, problem.pair_distances)
        return given.satisfied_by(crystal)


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [Prototypes]
