"""The distinct minima that a search has found, lowest first: what is bred from, and what is not to be found again."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.interfaces.racing import SAME_ENERGY

SAME_VOLUME = 0.01
"""Relative difference of volumes per atom within which crystals of one energy are one."""
KEPT = 40
"""Lowest minima that are bred from."""
WINDOW = 0.3
"""eV per atom above the best within which they lie."""
TEMPERATURE = 0.05
"""eV per atom: minima are bred from with probability ∝ exp(-energy above the best / temperature)."""
REACH = 4.5
"""Å: pairs that are farther apart in a minimum keep this distance at most."""


@dataclass(frozen=True, order=True)
class Minimum:
    """A minimum.

    Attributes:
        energy: eV per atom.
        number: of the trial that found it.
        crystal: it.
    """

    energy: float
    number: int
    crystal: Crystal = field(compare=False)

    @property
    def volume(self) -> float:
        """Å³ per atom."""
        return self.crystal.volume / self.crystal.num_atoms

    @cached_property
    def spacings(self) -> Floats:
        """Å ``[elements, elements]``: the shortest distance of each pair of elements, at most `REACH`."""
        from crysim.crystal.distances import shortest_of_pairs

        crystal = self.crystal
        place = {element: i for i, element in enumerate(crystal.composition.elements)}
        owners = np.array([place[one] for one in crystal.species], dtype=np.int64)
        return shortest_of_pairs(crystal.lattice, crystal.frac_coords, owners, len(place), REACH)


def is_same(volume: float, other: float) -> bool:
    """Whether crystals of one energy and these volumes per atom are one."""
    return abs(volume - other) < SAME_VOLUME * volume


class Minima:
    """Distinct minima by energy per atom and volume per atom, which cells of any contents share.

    Attributes:
        best: the lowest; None before one.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self.best: Minimum | None = None
        self._kept: list[Minimum] = []
        self._all: list[tuple[float, float]] = []

    def add(self, one: Minimum) -> bool:
        """Take note of where a relaxation ended; whether nothing had ended there before."""
        if self.is_known(one):
            return False
        insort(self._all, (one.energy, one.volume))
        insort(self._kept, one)
        self.best = self._kept[0]
        while len(self._kept) > KEPT or self._kept[-1].energy > self.best.energy + WINDOW:
            self._kept.pop()
        return True

    def is_known(self, one: Minimum) -> bool:
        """Whether a minimum of its energy and volume is known."""
        place = bisect_left(self._all, (one.energy - SAME_ENERGY,))
        while place < len(self._all) and self._all[place][0] < one.energy + SAME_ENERGY:
            if is_same(self._all[place][1], one.volume):
                return True
            place += 1
        return False

    def __iter__(self) -> Iterator[Minimum]:
        return iter(self._kept)

    def draw(self, rng: np.random.Generator, contents: Contents | None = None) -> Minimum | None:
        """A low one, with these contents if any are given; the lower, the likelier. None if there is none."""
        found = [one for one in self._kept if contents is None or contents.held_by(one.crystal)]
        if not found:
            return None
        above = np.array([one.energy for one in found]) - found[0].energy
        weights = np.exp(-above / TEMPERATURE)
        return found[int(rng.choice(len(weights), p=weights / weights.sum()))]
