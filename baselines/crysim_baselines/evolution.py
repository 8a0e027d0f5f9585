"""Strategy ``evolution``: an evolutionary search with the operators of CrySPY and USPEX."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.crystal import Crystal
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.errors import InputError, UnknownNameError
from crysim.interfaces import Candidate, Problem, Strategy, Trial, derive_rng
from crysim.strategies.racing import Race
from crysim_baselines import operators
from crysim_baselines.packed_random import PackedGenerator

_TRIES = 20
"""How often an operator is tried, with new parents, before a random crystal takes its place."""


class Evolution(Strategy):
    """Generations of relaxed crystals, of which the fittest have children.

    The first generation is random. Parents are drawn by tournaments among the fittest distinct crystals of the last
    generation and the elites, the best of all. A child is made by cut-and-splice, permutation, strain or mutation, or
    is random; each depends on the seed, its number and the generations before alone.
    """

    name: ClassVar[str] = "evolution"
    newer_options: ClassVar[Mapping[str, Any]] = {"initial": "random", "race": False}

    def __init__(
        self,
        problem: Problem,
        *,
        population: int = 20,
        fittest: int = 10,
        elites: int = 2,
        tournament: int = 3,
        crossover: float = 0.4,
        permutation: float = 0.1,
        strain: float = 0.1,
        mutation: float = 0.2,
        initial: Literal["random", "prior"] = "random",
        race: bool = False,
    ) -> None:
        """Choose the options.

        Args:
            problem: what to solve; its minimum distance holds for random crystals and children.
            population: trials of one generation.
            fittest: distinct crystals of the last generation that may be parents.
            elites: best distinct crystals of all generations that may be parents too.
            tournament: crystals drawn, of which the lowest in energy becomes a parent.
            crossover, permutation, strain, mutation: shares of the children; the rest is random.
            initial: what random crystals, those of the first generation among them, are drawn from: ``random``, any
                fitting group alike, or a ``prior`` of frequent groups and few free coordinates
                (`crysim.crystal.prior`).
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        for key, value, least in (
            ("population", population, 2),
            ("fittest", fittest, 1),
            ("elites", elites, 0),
            ("tournament", tournament, 1),
        ):
            if value < least:
                raise InputError(f"option '{key}' of strategy 'evolution' is {value}: it must be at least {least}")
        shares = (crossover, permutation, strain, mutation)
        if min(shares) < 0 or sum(shares) > 1 + 1e-9:
            raise InputError("strategy 'evolution': the shares of operators are not negative and at most 1 together")
        if initial not in ("random", "prior"):
            raise UnknownNameError("kind of initial crystals", initial, ("random", "prior"))
        self.problem = problem
        self._from_prior = initial == "prior"
        self._population = population
        self._fittest = fittest
        self._elites = elites
        self._tournament = tournament
        self._shares = dict(zip(("crossover", "permutation", "strain", "mutation"), shares, strict=True))
        self._race = Race(problem.contents, wanted=race)
        self._told = 0
        self._current: list[tuple[float, Crystal]] = []
        self._best: list[tuple[float, Crystal]] = []
        self._parents: list[tuple[float, Crystal]] = []

    @cached_property
    def _generator(self) -> PackedGenerator | PriorGenerator:
        if self._from_prior:
            return PriorGenerator(Prior(self.problem.contents, self.problem.space_groups), self.problem.min_distances)
        return PackedGenerator(self.problem)

    def ask(self, n: int) -> list[Candidate]:
        """Propose children, at most those that are left of the generation."""
        left = self._population - self._told % self._population
        numbers = range(self._told, self._told + min(n, left))
        return self._race.give_leave([self._candidate(number) for number in numbers])

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn the energies; at the end of a generation the next parents are chosen."""
        self._race.learn(trials)
        for trial in trials:
            if trial.counts and trial.crystal is not None and trial.energy is not None:
                self._keep(trial.energy, trial.crystal)
            self._told += 1
            if self._told % self._population == 0:
                self._select()

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Seed structures are the parents of the first generation."""
        self._race.learn(trials)
        for trial in trials:
            if trial.counts and trial.crystal is not None and trial.energy is not None:
                self._keep(trial.energy, trial.crystal)
        self._select()

    def _keep(self, energy: float, crystal: Crystal) -> None:
        """Take a relaxed crystal as a possible parent; one whose primitive cell has grown cannot be one."""
        contents = self.problem.contents
        if not contents.primitive or contents.held_by(crystal):
            self._current.append((energy, crystal))

    def _select(self) -> None:
        self._best = _distinct_best([*self._best, *self._current], self._elites)
        last = _distinct_best(self._current, self._fittest)
        merged = _distinct_best([*last, *self._best], self._fittest + self._elites)
        # a generation without a single success leaves the old parents
        self._parents = merged or self._parents
        self._current = []

    def _candidate(self, number: int) -> Candidate:
        start = time.perf_counter()
        rng = derive_rng(self.problem.seed, self.name, number)
        crystal, operator = self._child(rng) if self._parents else (None, "random")
        if crystal is None:
            best = self._parents[0][1] if self._parents else None
            volume = None if best is None else self.problem.contents.per_cell(best.volume, best)
            crystal, operator = self._generator.draw(rng, volume), "random"
        info = {"operator": operator, "generation": number // self._population}
        return Candidate(crystal, info=info, seconds={"breed": time.perf_counter() - start})

    def _child(self, rng: np.random.Generator) -> tuple[Crystal | None, str]:
        place = int(np.searchsorted(np.cumsum(list(self._shares.values())), rng.random(), side="right"))
        if place == len(self._shares):
            return None, "random"
        operator = list(self._shares)[place]
        for _ in range(_TRIES):
            crystal = self._apply(operator, rng)
            if crystal is not None and self.problem.allows(crystal):
                return crystal, operator
        return None, "random"

    def _apply(self, operator: str, rng: np.random.Generator) -> Crystal | None:
        parent, contents = self._parent(rng), self.problem.contents
        if operator == "crossover":
            return operators.cut_and_splice(parent, self._parent(rng), rng, contents)
        if operator == "permutation":
            return operators.permute(parent, rng, contents)
        if operator == "strain":
            return operators.strain(parent, rng, contents)
        return operators.mutate(parent, rng)

    def _parent(self, rng: np.random.Generator) -> Crystal:
        """The winner of a tournament; parents are in order of energy."""
        drawn = rng.integers(len(self._parents), size=self._tournament)
        return self._parents[int(drawn.min())][1]


def _distinct_best(found: Sequence[tuple[float, Crystal]], n: int) -> list[tuple[float, Crystal]]:
    """The ``n`` lowest distinct crystals, lowest first."""
    from crysim.crystal.distinct import distinct

    kept = distinct([crystal for _, crystal in found], [energy for energy, _ in found])
    return [found[i] for i in kept[:n]]


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [Evolution]
