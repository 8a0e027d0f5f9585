"""Strategy ``random``: every candidate is a new random crystal (RG, section 4.1 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from crysim import hookimpl
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import ANY_NUMBER, Candidate, Problem, Strategy, Trial, derive_rng
from crysim.strategies.racing import Race


class RandomSearch(Strategy):
    """Random crystals without a filter on distances, unless the problem sets one (end of section 4.1).

    The crystal of trial n depends on the seed and n alone, so how many are asked for at a time changes nothing.
    """

    name: ClassVar[str] = "random"
    newer_options: ClassVar[Mapping[str, Any]] = {"race": False}
    max_ahead: ClassVar[int] = ANY_NUMBER

    def __init__(self, problem: Problem, *, race: bool = False) -> None:
        """Choose whether to race.

        Args:
            problem: what to solve.
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        self.problem = problem
        self._race = Race(problem.contents, wanted=race)
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
        return self._race.give_leave(
            [
                Candidate(self._generator.sample(1, derive_rng(self.problem.seed, "random", number))[0])
                for number in numbers
            ]
        )

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count them."""
        self._asked += len(candidates)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn nothing but what is to be beaten."""
        self._race.learn(trials)


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [RandomSearch]
