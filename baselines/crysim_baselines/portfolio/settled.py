"""Crystals of the other arms, many for one, settled in a learned potential: the lowest that is not known is relaxed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.packing import scaled
from crysim.interfaces import Draft, Trial
from crysim.interfaces.racing import are_near, average_distances
from crysim_baselines.portfolio.drafts import ArmDraft
from crysim_baselines.portfolio.minima import Minima
from crysim_baselines.potential import Learning, PairPotential, Settled

POOL = 24
"""Crystals of which one is relaxed."""
FIRST_STEPS, LEFT, STEPS = 40, 6, 200
"""Of the descent of each, how many of the lowest go on, and the steps of theirs."""
SAME_ENERGY = 0.002
"""eV per atom, in the potential, of one crystal twice."""


@dataclass(frozen=True, eq=False)
class KnownLow:
    """Where a minimum settles in the potential.

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
        """Of the crystal of a minimum; None where it comes to nothing in the potential."""
        end = potential.settle(crystal, STEPS)
        if end is None:
            return None
        return cls(end.energy, crystal.volume / crystal.num_atoms, average_distances(end.crystal))


@dataclass(frozen=True)
class SettledDraft(Draft):
    """The lowest of a pool of drafts after descents in a potential.

    Attributes:
        pool: what is drawn.
        potential: in which it is settled.
        known: minima that are not wanted again.
    """

    pool: tuple[ArmDraft, ...]
    potential: PairPotential
    known: tuple[KnownLow, ...]

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        """The crystal, the arm that drew it, and its energy in the potential."""
        ends: list[tuple[Settled, str]] = []
        for draft in self.pool:
            crystal, info = draft.draw()
            end = self.potential.settle(crystal, FIRST_STEPS)
            if end is not None and self._keeps_distances(end.crystal):
                ends.append((end, info.get("origin", draft.arm)))
        ends.sort(key=lambda one: one[0].energy)
        found = []
        for begun, arm in ends[:LEFT]:
            end = self.potential.settle(begun.crystal, STEPS)
            if end is not None and self._keeps_distances(end.crystal):
                found.append((end, arm))
        found.sort(key=lambda one: one[0].energy)
        for end, arm in found:
            if not self._is_known(end):
                return end.crystal, {"drawn": arm, "predicted": end.energy}
        crystal, info = self.pool[0].draw()
        return crystal, {"drawn": info.get("origin", self.pool[0].arm)}

    def _keeps_distances(self, crystal: Crystal) -> bool:
        filling = self.pool[0].filling
        return keep_distances(crystal, filling.contents.elements, filling.thresholds)

    def _is_known(self, end: Settled) -> bool:
        """Whether it is a known minimum: of its distances and energy, once brought to its volume."""
        volume = end.crystal.volume / end.crystal.num_atoms
        distances = average_distances(end.crystal)
        for one in self.known:
            wider = (one.volume / volume) ** (1 / 3)
            if are_near(wider * distances, one.distances):
                there = self.potential.settle(scaled(end.crystal, wider), FIRST_STEPS)
                if there is not None and abs(there.energy - one.energy) < SAME_ENERGY:
                    return True
        return False


class Settling:
    """What crystals of all contents settle in: the potential that a search has learned, and its minima there."""

    def __init__(self, composition: Composition, minima: Minima) -> None:
        """Nothing is learned yet.

        Args:
            composition: of the crystals, any number of formula units of it.
            minima: of the search, as they are found.
        """
        self._learning = Learning(composition)
        self._minima = minima
        self._known_in: PairPotential | None = None
        self._known: dict[int, KnownLow | None] = {}

    def tell(self, trial: Trial) -> None:
        """Learn from a relaxation."""
        self._learning.tell(trial)

    @property
    def potential(self) -> PairPotential | None:
        """None while too little is known."""
        return self._learning.potential

    def draft(self, pool: Sequence[ArmDraft]) -> SettledDraft:
        """The lowest of a pool of drafts that is none of the minima that are bred from; there is a potential."""
        potential = self.potential
        assert potential is not None
        if self._known_in is not potential:
            self._known_in, self._known = potential, {}
        for one in self._minima:
            if one.number not in self._known:
                self._known[one.number] = KnownLow.of(one.crystal, potential)
        known = (self._known[one.number] for one in self._minima)
        return SettledDraft(tuple(pool), potential, tuple(one for one in known if one is not None))
