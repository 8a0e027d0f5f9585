"""What the strategies that propose generation by generation share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from crysim.crystal import Crystal
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.errors import UnknownNameError
from crysim.interfaces import Candidate, Problem, Strategy, Trial
from crysim.strategies.racing import Race
from crysim_baselines.packed_random import PackedGenerator

INITIAL = ("random", "prior")
"""What random crystals are drawn from: any fitting group alike, or a prior of frequent groups and few free coordinates
(`crysim.crystal.prior`)."""


class Generations(Strategy):
    """Generations of one size, the first of random crystals; each depends on the seed and those before alone."""

    newer_options: ClassVar[Mapping[str, Any]] = {"initial": "random", "race": False}

    def __init__(self, problem: Problem, population: int, initial: str, *, race: bool) -> None:
        """Begin the first generation.

        Args:
            problem: what to solve.
            population: trials of one generation.
            initial: one of `INITIAL`.
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        if initial not in INITIAL:
            raise UnknownNameError("kind of initial crystals", initial, INITIAL)
        self.problem = problem
        self._from_prior = initial == "prior"
        self._population = population
        self._race = Race(problem.contents, wanted=race)
        self._told = 0

    @cached_property
    def _generator(self) -> PackedGenerator | PriorGenerator:
        if self._from_prior:
            return PriorGenerator(Prior(self.problem.contents, self.problem.space_groups), self.problem.min_distances)
        return PackedGenerator(self.problem)

    def ask(self, n: int) -> list[Candidate]:
        """Propose crystals, at most those that are left of the generation."""
        left = self._population - self._told % self._population
        numbers = range(self._told, self._told + min(n, left))
        return self._race.give_leave([self._candidate(number) for number in numbers])

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn the energies; at the end of a generation the next one is prepared."""
        self._race.learn(trials)
        for trial in trials:
            for one, crystal, energy in counting([trial]):
                self._learn(self._told, one, crystal, energy)
            self._told += 1
            if self._told % self._population == 0:
                self._end_generation()

    @abstractmethod
    def _candidate(self, number: int) -> Candidate:
        """The candidate of a trial's number."""

    @abstractmethod
    def _learn(self, number: int, trial: Trial, crystal: Crystal, energy: float) -> None:
        """Take a relaxed crystal and its energy, eV per cell."""

    @abstractmethod
    def _end_generation(self) -> None:
        """Choose what the next generation is made from."""


def counting(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Crystal, float]]:
    """The trials that count, with their crystals and energies."""
    for trial in trials:
        if trial.counted and trial.crystal is not None and trial.energy is not None:
            yield trial, trial.crystal, trial.energy
