"""Crystals of the other arms, many for one, settled in a learned potential: the lowest that is not known is relaxed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.packing import scaled
from crysim.crystal.validity import is_comparable
from crysim.interfaces import Draft, Stream, Trial
from crysim.interfaces.racing import average_distances, which_are_near
from crysim.symmetry import Combination
from crysim_baselines.portfolio.drafts import PRIOR, ArmDraft
from crysim_baselines.portfolio.minima import Minima
from crysim_baselines.potential import Learning, PairPotential, Settled, annealed

FIRST_STEPS, LEFT, STEPS = 40, 6, 200
"""Of the descent of each, how many of the lowest that are not known go on to their end, and the steps of theirs."""
PLACED_AGAIN, PLACEMENTS = 3, 8
"""So many combinations of a pool's random crystals, the lowest, are placed so many times more."""
SAME_ENERGY = 0.002
"""eV per atom, in the potential, of one crystal twice."""
LOWEST, BEGUN = 100, 300
"""Known are so many of the lowest minima, and of the last crystals that were relaxed from where they had settled."""
PREDICTED = "predicted"
"""In the info of what has settled, its energy there, eV per atom."""


@dataclass(frozen=True, eq=False)
class KnownLow:
    """Where a known crystal settles in the potential.

    Attributes:
        energy: eV per atom there.
        volume: Å³ per atom.
        distances: Å, its average distances (`crysim.interfaces.racing`).
    """

    energy: float
    volume: float
    distances: Floats

    @classmethod
    def of(cls, crystal: Crystal, potential: PairPotential) -> KnownLow | None:
        """Of a crystal; None where it comes to nothing in the potential."""
        end = potential.settle(crystal, STEPS)
        if end is None or end.crystal is None or not is_comparable(end.crystal):
            return None
        return cls(end.energy, crystal.volume / crystal.num_atoms, average_distances(end.crystal))


@dataclass(frozen=True, eq=False)
class KnownLows:
    """Many of them: energies ``[n]``, volumes ``[n]`` and distances ``[n, k]``."""

    energies: Floats
    volumes: Floats
    distances: Floats

    @classmethod
    def of(cls, lows: Sequence[KnownLow]) -> KnownLows:
        """In one."""
        energies = np.array([one.energy for one in lows])
        volumes = np.array([one.volume for one in lows])
        return cls(energies, volumes, np.array([one.distances for one in lows]))

    def hold(self, crystal: Crystal, potential: PairPotential) -> bool:
        """Whether one of them is a crystal at rest in the potential: of its distances and energy, once brought to the
        same volume."""
        if not len(self.energies):
            return False
        wider = np.cbrt(self.volumes / (crystal.volume / crystal.num_atoms))
        for place in np.flatnonzero(which_are_near(wider[:, None] * average_distances(crystal), self.distances)):
            there = potential.settle(scaled(crystal, wider[place]), FIRST_STEPS)
            if there is not None and abs(there.energy - self.energies[place]) < SAME_ENERGY:
                return True
        return False


@dataclass(frozen=True)
class SettledDraft(Draft):
    """The lowest of a pool of drafts after descents in a potential.

    Attributes:
        pool: what is drawn.
        stream: of the candidate, once the pool's are drawn.
        potential: in which it is settled.
        known: what is not wanted again.
        anneals: whether each is annealed in the potential before.
        placements: more of each of the prior's combinations that settled lowest, `PLACED_AGAIN` of them.
    """

    pool: tuple[ArmDraft, ...]
    stream: Stream
    potential: PairPotential
    known: KnownLows
    anneals: bool = False
    placements: int = 0

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        """The crystal, the arm that drew it, and its energy in the potential."""
        found: list[tuple[Settled, str]] = []
        for one, arm in self.begin():
            end = self.potential.settle(one, STEPS) if self._keeps_distances(one.crystal) else None
            if end is not None and self._is_wanted(end.crystal):
                found.append((end, arm))
                if len(found) == LEFT:
                    break
        if found:
            end, arm = min(found, key=lambda one: one[0].energy)
            assert end.crystal is not None
            return end.crystal, {"drawn": arm, PREDICTED: end.energy}
        crystal, info = self.pool[0].draw()
        return crystal, {"drawn": info.get("origin", self.pool[0].arm)}

    def begin(self) -> list[tuple[Settled, str]]:
        """All of the pool after the first steps of their descents and by which arm, lowest first."""
        rng = self.stream.generator()
        begun: list[tuple[Settled, str]] = []
        for draft in self.pool:
            crystal, info = draft.draw()
            start = annealed(crystal, self.potential, rng) if self.anneals else crystal
            one = None if start is None else self.potential.settle(start, FIRST_STEPS)
            if one is not None:
                begun.append((one, info.get("origin", draft.arm)))
        begun.sort(key=lambda one: one[0].energy)
        begun += [(one, PRIOR) for one in self._placed_again(begun, rng)]
        return sorted(begun, key=lambda one: one[0].energy)

    def _placed_again(self, begun: Sequence[tuple[Settled, str]], rng: np.random.Generator) -> Iterator[Settled]:
        """More placements of the prior's combinations that settled lowest.

        A combination that is right settles low wherever its atoms are put, and seldom right at the first try.
        """
        filling = self.pool[0].filling
        lowest: dict[tuple[int, Combination], Crystal] = {}
        for one, arm in begun:
            if arm == PRIOR and len(lowest) < PLACED_AGAIN:
                lowest.setdefault((one.start.space_group, one.start.combination), one.start)
        for (number, combination), first in lowest.items():
            volume = first.volume * filling.contents.num_atoms / first.num_atoms
            for _ in range(self.placements):
                crystal = filling.prior.generator.place(number, combination, volume, rng)
                end = None if crystal is None else self.potential.settle(crystal, FIRST_STEPS)
                if end is not None:
                    yield end

    def _is_wanted(self, crystal: Crystal | None) -> TypeGuard[Crystal]:
        return self._keeps_distances(crystal) and not self.known.hold(crystal, self.potential)

    def _keeps_distances(self, crystal: Crystal | None) -> TypeGuard[Crystal]:
        filling = self.pool[0].filling
        return crystal is not None and keep_distances(crystal, filling.contents.elements, filling.thresholds)


class Settling:
    """What crystals of all contents settle in: the potential that a search has learned, and what is known there.

    Known are its lowest minima, and where relaxations of crystals that had settled began: they would end where they
    ended, which is often not where these minima settle.
    """

    def __init__(self, composition: Composition, minima: Minima) -> None:
        """Nothing is learned yet.

        Args:
            composition: of the crystals, any number of formula units of it.
            minima: of the search, as they are found.
        """
        self._learning = Learning(composition)
        self._minima = minima
        self._begun: deque[Crystal] = deque(maxlen=BEGUN)
        self._lows: KnownLows | None = None
        self._known_in: PairPotential | None = None
        self._known: dict[Crystal, KnownLow | None] = {}

    def tell(self, trial: Trial) -> None:
        """Learn from a relaxation."""
        self._learning.tell(trial)
        self._lows = None
        begun = trial.candidate.crystal
        if PREDICTED in trial.candidate.info and begun is not None:
            self._begun.append(begun)

    @property
    def potential(self) -> PairPotential | None:
        """None while too little is known."""
        return self._learning.potential

    def draft(self, pool: Sequence[ArmDraft], stream: Stream, anneals: bool = False) -> SettledDraft:
        """The lowest of a pool of drafts that is not known yet; there is a potential. See `SettledDraft`."""
        potential = self.potential
        assert potential is not None
        if self._lows is None:
            if self._known_in is not potential:
                self._known_in, self._known = potential, {}
            crystals = (*(one.crystal for one in self._minima.lowest(LOWEST)), *self._begun)
            lows = (self._low(crystal, potential) for crystal in crystals)
            self._lows = KnownLows.of([low for low in lows if low is not None])
        return SettledDraft(tuple(pool), stream, potential, self._lows, anneals, 0 if anneals else PLACEMENTS)

    def _low(self, crystal: Crystal, potential: PairPotential) -> KnownLow | None:
        if crystal not in self._known:
            self._known[crystal] = KnownLow.of(crystal, potential)
        return self._known[crystal]
