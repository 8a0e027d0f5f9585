"""The distinct minima that a search has found, lowest first: what is bred from, and what is not to be found again."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, takewhile

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.min_distances import shortest_distances
from crysim.interfaces import KnownMinimum
from crysim.interfaces.racing import SAME_ENERGY, are_near, average_distances
from crysim_baselines.portfolio.units import Units, units_of

SAME_VOLUME = 0.01
"""Relative difference of volumes per atom within which crystals of one energy and near distances are one."""
KEPT = 40
"""Lowest minima that are bred from,"""
OWN = 8
"""and so many in cells of each size at least: where some have many low ones, the lowest of all are of few sizes."""
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
    def distances(self) -> Floats:
        """Å, its average distances (`crysim.interfaces.racing`)."""
        return average_distances(self.crystal)

    @property
    def known(self) -> KnownMinimum:
        """What descents that fall into it are compared with."""
        one = self.crystal
        return KnownMinimum(one.space_group, one.combination, self.energy, self.volume, self.distances)

    def is_same(self, other: Minimum) -> bool:
        """Whether it is another one of about its energy; that one may be on its way there."""
        return abs(self.volume - other.volume) < SAME_VOLUME * self.volume and are_near(self.distances, other.distances)

    @cached_property
    def spacings(self) -> Floats:
        """Å ``[elements, elements]``: the shortest distance of each pair of elements, at most `REACH`."""
        return shortest_distances(self.crystal, REACH)

    @cached_property
    def units(self) -> Units | None:
        """The bodies that it is made of; None if these are its atoms."""
        return units_of(self.crystal)

    def measured(self, into_units: bool = False) -> Minimum:
        """Itself, its spacings computed, and its units if they are wanted: they go with it to whoever draws from it."""
        _ = self.spacings
        if into_units:
            _ = self.units
        return self


@dataclass(frozen=True)
class Lows:
    """The low minima as far as a volume is drawn from them: energies (eV per atom) and volumes (Å³ per atom)."""

    energies: tuple[float, ...] = ()
    volumes: tuple[float, ...] = ()

    def draw(self, rng: np.random.Generator) -> float | None:
        """The volume per atom of one of them; None if there is none."""
        return self.volumes[choose(self.energies, rng)] if self.energies else None


def choose(energies: Sequence[float], rng: np.random.Generator) -> int:
    """The place of one of some energies (eV per atom), the lowest of them first; the lower, the likelier."""
    above = np.array(energies) - energies[0]
    weights = np.exp(-above / TEMPERATURE)
    return int(rng.choice(len(weights), p=weights / weights.sum()))


class Minima:
    """Distinct minima by energy per atom, volume per atom and distances, which cells of any contents share.

    Attributes:
        best: the lowest; None before one.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self.best: Minimum | None = None
        self._kept: list[Minimum] = []
        self._all: list[Minimum] = []
        self._lows: Lows | None = Lows()

    def add(self, one: Minimum) -> bool:
        """Take note of where a relaxation ended; whether nothing had ended there before."""
        if self.is_known(one):
            return False
        insort(self._all, one)
        self._lows = None
        self.best = self._all[0]
        insort(self._kept, one)
        while len(self._kept) > KEPT or self._kept[-1].energy > self.best.energy + WINDOW:
            self._kept.pop()
        return True

    def is_known(self, one: Minimum) -> bool:
        """Whether it is known: one of its energy, volume and distances."""
        place = bisect_left(self._all, one.energy - SAME_ENERGY, key=_energy)
        while place < len(self._all) and self._all[place].energy < one.energy + SAME_ENERGY:
            if self._all[place].is_same(one):
                return True
            place += 1
        return False

    def lowest(self, number: int) -> Sequence[Minimum]:
        """So many lowest, within `WINDOW` of the best."""
        return list(islice(self._within_window(), number))

    def highest_of(self, number: int) -> float | None:
        """The highest energy per atom, eV, of so many lowest; None where there are fewer, or none are asked for."""
        return self._all[number - 1].energy if 0 < number <= len(self._all) else None

    @property
    def in_units(self) -> bool:
        """Whether the lowest is made of bodies of several atoms."""
        return self.best is not None and self.best.units is not None

    def __iter__(self) -> Iterator[Minimum]:
        return iter(self._kept)

    def draw(
        self, rng: np.random.Generator, contents: Contents | None = None, *, parts: bool = False
    ) -> Minimum | None:
        """A low one, with these contents if any are given; the lower, the likelier. None if there is none.

        Args:
            rng: the same state gives the same one.
            contents: of the crystals; None: of any.
            parts: whether crystals of a fraction of these contents will do.
        """
        found = self._kept if contents is None else self._lowest(contents, parts)
        if not found:
            return None
        return found[choose([one.energy for one in found], rng)]

    def _lowest(self, contents: Contents, parts: bool) -> list[Minimum]:
        """Those that some contents hold, or a whole number of which they are: of the lowest of all, or `OWN`."""

        def is_meant(one: Minimum) -> bool:
            return contents.num_atoms % one.crystal.num_primitive_atoms == 0 if parts else contents.held_by(one.crystal)

        found = [one for one in self._kept if is_meant(one)]
        if len(found) < OWN:
            found = list(islice(filter(is_meant, self._within_window()), OWN))
        return found

    def _within_window(self) -> Iterator[Minimum]:
        return takewhile(lambda one: one.energy <= self._all[0].energy + WINDOW, self._all)

    @property
    def lows(self) -> Lows:
        """Those that `draw` draws from, whatever their contents."""
        if self._lows is None:
            self._lows = Lows(tuple(one.energy for one in self._kept), tuple(one.volume for one in self._kept))
        return self._lows


def _energy(one: Minimum) -> float:
    return one.energy
