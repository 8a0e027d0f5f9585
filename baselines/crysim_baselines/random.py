"""Strategy ``random``: every candidate is a new random crystal (RG, section 4.1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from crysim import hookimpl
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import ANY_NUMBER, Candidate, Problem, Strategy, Trial, derive_rng


class RandomSearch(Strategy):
    """Random crystals without a filter on distances, unless the problem sets one (end of section 4.1).

    The crystal of trial n depends on the seed and n alone, so how many are asked for at a time changes nothing.
    """

    name: ClassVar[str] = "random"
    max_ahead: ClassVar[int] = ANY_NUMBER

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._asked = 0

    @cached_property
    def _generator(self) -> RandomGenerator:
        problem = self.problem
        distance = problem.min_distance or 0.0
        return RandomGenerator(problem.contents, problem.space_groups, distance, problem.pair_distances)

    def ask(self, n: int) -> list[Candidate]:
        """Propose ``n`` random crystals."""
        numbers = range(self._asked, self._asked + n)
        self._asked += n
        return [
            Candidate(self._generator.sample(1, derive_rng(self.problem.seed, "random", number))[0])
            for number in numbers
        ]

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count them."""
        self._asked += len(candidates)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Nothing: a random search learns nothing."""


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [RandomSearch]
