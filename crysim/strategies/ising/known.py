"""Which crystals a search need not relax: what it has reached or tried, in whatever setting and cell."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.crystal.distinct import invariant
from crysim.crystal.validity import is_comparable

MINIMUM, START = 0.06, 0.02
"""How far average distances may be apart, in units of (volume per atom)^(1/3), for a crystal to be taken for a minimum
that was reached, which it then falls into, and for one that was tried."""


class KnownCrystals:
    """Crystals by their average distances at one volume, which are the same in every cell and setting."""

    def __init__(self) -> None:
        self._invariants: list[Floats] = []
        self._tolerances: list[float] = []

    def add_minimum(self, crystal: Crystal) -> None:
        """A relaxation has ended in the crystal."""
        self._add(crystal, MINIMUM)

    def add_start(self, crystal: Crystal) -> None:
        """A relaxation has begun with the crystal."""
        self._add(crystal, START)

    def holds(self, crystal: Crystal) -> bool:
        """Whether the crystal is one of them but for its size; one so degenerate that nobody can tell is not."""
        if not self._invariants or not is_comparable(crystal):
            return False
        differences = np.abs(np.stack(self._invariants) - _scaled(crystal)).max(axis=1)
        return bool((differences <= self._tolerances).any())

    def _add(self, crystal: Crystal, tolerance: float) -> None:
        if is_comparable(crystal):
            self._invariants.append(_scaled(crystal))
            self._tolerances.append(tolerance)


def _scaled(crystal: Crystal) -> Floats:
    return np.asarray(invariant(crystal) / (crystal.volume / crystal.num_atoms) ** (1 / 3))
