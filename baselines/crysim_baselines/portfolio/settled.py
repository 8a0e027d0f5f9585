"""Crystals of the other arms, many for one, settled in a learned potential: the lowest that is not known is relaxed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.packing import scaled
from crysim.interfaces import Draft
from crysim.interfaces.racing import are_near, average_distances
from crysim_baselines.portfolio.drafts import ArmDraft
from crysim_baselines.potential import PairPotential, Settled

POOL = 16
"""Crystals of which one is relaxed."""
FIRST_STEPS, LEFT, STEPS = 40, 4, 200
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
