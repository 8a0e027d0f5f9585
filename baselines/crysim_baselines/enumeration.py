"""Strategy ``enumerate``: Wyckoff combinations by fewest free parameters first, coordinates by low discrepancy.

It learns nothing. A structure with few free parameters is simple, and simple structures are common among the stable
ones; garnet's 160 atoms have four. What costs no relaxation is done beforehand: each combination is placed at many
points of a Sobol sequence, and is left out if its atoms never fit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import numpy as np

from crysim import hookimpl
from crysim.crystal import Crystal
from crysim.crystal.packing import place
from crysim.errors import InputError
from crysim.interfaces import ANY_NUMBER, Candidate, Problem, Strategy, Trial
from crysim.strategies.racing import Race
from crysim_baselines.screening import Placement, Screener


class Enumerate(Strategy):
    """Enumerates combinations, the simplest first.

    Combinations of equal numbers of free parameters make a level. A pass takes the best-packed few of a random block
    of each level, lowest level first; each pass goes one level deeper than the one before, so that no level, however
    large, keeps the next ones waiting for ever. Every so often a combination that was proposed is placed anew, at the
    next points of its Sobol sequence.
    """

    name: ClassVar[str] = "enumerate"
    newer_options: ClassVar[Mapping[str, Any]] = {"race": False}
    max_ahead: ClassVar[int] = ANY_NUMBER

    def __init__(
        self,
        problem: Problem,
        *,
        points: int = 128,
        block: int = 400,
        quota: int = 16,
        min_ratio: float = 0.7,
        revisit: int = 4,
        race: bool = False,
    ) -> None:
        """Choose how thorough the screening is; nothing is enumerated yet.

        Args:
            problem: what to solve.
            points: placements of a combination that are looked at for one candidate.
            block: combinations of one level that are screened together, at most.
            quota: candidates that a pass takes from one level, at most.
            min_ratio: least distance over the sum of covalent radii below which a combination is left out.
            revisit: every so many candidates an earlier combination is placed anew; 0: never.
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        for key, value, least in (("points", points, 1), ("block", block, 1), ("quota", quota, 1)):
            if value < least:
                raise InputError(f"option '{key}' of strategy 'enumerate' is {value}: it must be at least {least}")
        if revisit < 0 or min_ratio < 0:
            raise InputError("options 'revisit' and 'min_ratio' of strategy 'enumerate' cannot be negative")
        self.problem = problem
        self._points = points
        self._block = block
        self._quota = quota
        self._min_ratio = min_ratio
        self._revisit = revisit
        self._race = Race(problem.contents, wanted=race)
        self._asked = 0
        self._placements: list[Placement] = []

    def ask(self, n: int) -> list[Candidate]:
        """Propose the next ``n`` of the enumeration, scaled to the volume of the best crystal so far."""
        start = time.perf_counter()
        first, self._asked = self._asked, self._asked + n
        while len(self._placements) < self._asked:
            self._placements.append(next(self._enumeration))
        volume = None if self._race.best is None else self._race.best[1]
        share = (time.perf_counter() - start) / n
        candidates = [
            Candidate(
                self._crystal(one, volume),
                info={
                    "free_parameters": one.parameters,
                    "visit": one.visit,
                    "packing_ratio": one.ratio,
                },
                seconds={"screen": share},
            )
            for one in self._placements[first : self._asked]
        ]
        return self._race.give_leave(candidates)

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count them."""
        self._asked += len(candidates)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember the volume of the best."""
        self._race.learn(trials)

    def _crystal(self, placement: Placement, volume: float | None) -> Crystal:
        crystal = place(
            self.problem.contents.composition_in(placement.space_group),
            placement.space_group,
            placement.combination,
            placement.cell,
            placement.points,
        )
        if volume is None:
            return crystal
        cell = np.array(crystal.cell)
        cell[:3] *= (self.problem.contents.of_cell(volume, crystal) / crystal.volume) ** (1 / 3)
        return crystal.with_parameters(cell, [site.free for site in crystal.sites])

    @cached_property
    def _enumeration(self) -> Iterator[Placement]:
        return self._with_revisits(self._passes())

    def _with_revisits(self, fresh: Iterator[Placement]) -> Iterator[Placement]:
        """The fresh placements, and among them every so often an earlier one placed anew, in turn."""
        seen: list[Placement] = []
        turn = 0
        for number in count(1):
            if self._revisit and number % self._revisit == 0 and turn < len(seen):
                again = self._screener.visit_again(seen[turn])
                turn = (turn + 1) % len(seen)
                seen[turn - 1] = again
                yield again
                continue
            placement = next(fresh)
            if placement.parameters > 1:
                seen.append(placement)
            yield placement

    def _passes(self) -> Iterator[Placement]:
        levels = self._screener.levels()
        for depth in count(1):
            batches = [self._screener.take(level, self._block, self._quota) for level in levels[:depth]]
            for batch in batches:
                yield from batch
            if not any(batches) and depth >= len(levels):
                self._screener.relax_demands()
                if all(level.exhausted for level in levels):
                    levels = self._screener.levels()

    @cached_property
    def _screener(self) -> Screener:
        return Screener(self.problem, self._points, self._min_ratio)


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [Enumerate]
