"""Which crystals are one: the same structure in whatever cell, content and setting it was found.

Crystals of one reduced formula are compared by energy per atom, by volume per atom, and by the average distances from
the atoms of an element to their k-th neighbours of each element (the average minimum distances of Widdowson et al.,
MATCH Commun. Math. Comput. Chem. 87, 529 (2022), by pairs of elements). These do not depend on the cell, and change by
at most twice what the atoms move, so near ones mean one crystal, and far ones two. Only for what is in between is
pymatgen's matcher asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.crystal.crystal import Crystal
from crysim.crystal.identify import quiet_spglib
from crysim.crystal.validity import is_comparable

if TYPE_CHECKING:
    from pymatgen.core import Structure

NUM_NEIGHBOURS = 48
"""Of each element: close packings differ among the first 18, and the stackings of CrB and of MoB, whose slabs are the
same, from the 25th on."""
NEIGHBOURS_OF_ROWS = 96
"""Of crystals that are sorted into rows: the stackings of Li2MnO3, of one layer (C2/m) and of three (P3_212), differ by
0.035 Å among the first 48 and by 0.078 among these."""
ENERGY_TOLERANCE = 0.005
"""eV per atom."""
VOLUME_TOLERANCE = 0.05
"""Relative."""
SAME, OTHER = 0.04, 0.5
"""Å: crystals none of whose averages differ by more than the first are one, without asking the matcher; with one that
differs by more than the second they are two. Polytypes of SiC (2H, 3C, 4H, 6H, 9R) differ by 0.15 or more from one
another, copies with noise of 0.01 Å on every coordinate by up to 0.05 from what they were made of."""

_Key = tuple[tuple[str, int], ...]


@dataclass
class Row:
    """Crystals that are one.

    Attributes:
        members: their numbers in the order in which they were added; the first is what others are compared with.
        best: the number of the one lowest in energy.
        energy: of that one, eV per atom.
    """

    members: list[int]
    best: int
    energy: float


class DistinctCrystals:
    """Sorts crystals as they come into rows, one row a structure; energies are of one model and pressure."""

    def __init__(
        self, *, energy_tolerance: float = ENERGY_TOLERANCE, volume_tolerance: float = VOLUME_TOLERANCE
    ) -> None:
        """Begin with no rows.

        Args:
            energy_tolerance: eV per atom.
            volume_tolerance: of the volume per atom, relative.
        """
        self.rows: list[Row] = []
        self.num_matched = 0
        self._energy_tolerance = energy_tolerance
        self._volume_tolerance = volume_tolerance
        self._shelves: dict[_Key, _Shelf] = {}
        self._added = 0

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, crystal: Crystal, energy: float) -> int | None:
        """Add a crystal.

        Args:
            crystal: of any content.
            energy: eV per cell.

        Returns:
            The index of its row; None if it is collapsed, torn apart or not finite, and stays out.
        """
        number = self._added
        self._added += 1
        if not (is_comparable(crystal) and np.isfinite(energy)):
            return None
        volume = crystal.volume / crystal.num_atoms
        one = _Entry(crystal, energy / crystal.num_atoms, volume, invariant(crystal, NEIGHBOURS_OF_ROWS))
        shelf = self._shelves.setdefault(_key(crystal), _Shelf())
        row = self._find(shelf, one)
        if row is None:
            row = len(self.rows)
            self.rows.append(Row([number], number, one.energy))
            shelf.append(one, row)
        else:
            found = self.rows[row]
            found.members.append(number)
            if one.energy < found.energy:
                found.best, found.energy = number, one.energy
        return row

    def _find(self, shelf: _Shelf, one: _Entry) -> int | None:
        near = shelf.near(one, self._energy_tolerance, self._volume_tolerance)
        if not len(near):
            return None
        differences = np.abs(shelf.invariants[near] - one.invariant).max(axis=1)
        for place in np.argsort(differences, kind="stable"):
            difference, index = float(differences[place]), int(near[place])
            if difference > OTHER:
                return None
            if difference <= SAME or self._matches(shelf.entries[index], one):
                return shelf.rows[index]
        return None

    def _matches(self, first: _Entry, second: _Entry) -> bool:
        self.num_matched += 1
        return first.matches(second)


def group_distinct(
    crystals: Sequence[Crystal],
    energies: Sequence[float],
    *,
    energy_tolerance: float = ENERGY_TOLERANCE,
    volume_tolerance: float = VOLUME_TOLERANCE,
) -> list[list[int]]:
    """The indices of crystals that are one together, lowest energy per atom first, in each and among all.

    Args:
        crystals: ``[n]`` of any contents.
        energies: ``[n]`` eV per cell.
        energy_tolerance: eV per atom.
        volume_tolerance: of the volume per atom, relative.
    """
    order = sorted(range(len(crystals)), key=lambda i: (energies[i] / crystals[i].num_atoms, i))
    found = DistinctCrystals(energy_tolerance=energy_tolerance, volume_tolerance=volume_tolerance)
    for i in order:
        found.add(crystals[i], energies[i])
    return [[order[number] for number in row.members] for row in found.rows]


def distinct(
    crystals: Sequence[Crystal],
    energies: Sequence[float],
    *,
    energy_tolerance: float = ENERGY_TOLERANCE,
    volume_tolerance: float = VOLUME_TOLERANCE,
) -> list[int]:
    """One index for each distinct crystal, lowest energy per atom first: the first of each of `group_distinct`."""
    rows = group_distinct(crystals, energies, energy_tolerance=energy_tolerance, volume_tolerance=volume_tolerance)
    return [row[0] for row in rows]


def invariant(crystal: Crystal, num_neighbours: int = NUM_NEIGHBOURS) -> Floats:
    """Average distances (Å) to the k-th neighbours, flat, elements in alphabetical order; the same for every cell."""
    from crysim.crystal.distance_averages import average_distances
    from crysim.crystal.distances import plane_spacings

    names = sorted(crystal.composition.elements)
    elements = np.array([names.index(symbol) for symbol in crystal.species], dtype=np.int64)
    metric = crystal.lattice @ crystal.lattice.T
    averages = average_distances(
        metric, plane_spacings(metric), crystal.frac_coords, elements, crystal.representatives,
        crystal.multiplicities.astype(np.float64), len(names), num_neighbours,
    )  # fmt: skip
    return np.asarray(averages).ravel()


class _Entry:
    """The first crystal of a row, or one that is compared with it."""

    def __init__(self, crystal: Crystal, energy: float, volume: float, invariant: Floats) -> None:
        self.energy, self.volume, self.invariant = energy, volume, invariant
        self._crystal = crystal
        self._reduced: Structure | None = None

    @property
    def reduced(self) -> Structure:
        """The reduced primitive cell, made once."""
        if self._reduced is None:
            self._reduced = reduced_primitive(self._crystal.to_structure())
        return self._reduced

    def matches(self, other: _Entry) -> bool:
        """Whether pymatgen's matcher with default tolerances, volumes not rescaled, finds a correspondence."""
        from pymatgen.analysis.structure_matcher import StructureMatcher

        first, second = self.reduced, other.reduced
        if len(first) != len(second):
            return False
        matcher = StructureMatcher(primitive_cell=False, scale=False)
        try:
            return bool(matcher.fit(first, second, skip_structure_reduction=True))
        except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError, MemoryError, RuntimeError):
            return False  # a cell so degenerate that pymatgen gives up


@dataclass
class _Shelf:
    """The rows of one reduced formula, in arrays that grow by doubling."""

    entries: list[_Entry] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    _energies: Floats = field(default_factory=lambda: np.empty(0))
    _volumes: Floats = field(default_factory=lambda: np.empty(0))
    _invariants: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def invariants(self) -> Floats:
        return self._invariants

    def near(self, one: _Entry, energy_tolerance: float, volume_tolerance: float) -> Ints:
        """Indices of entries that are near in energy and volume."""
        n = len(self.entries)
        energies, volumes = self._energies[:n], self._volumes[:n]
        close = np.abs(energies - one.energy) <= energy_tolerance
        return np.flatnonzero(close & (np.abs(volumes - one.volume) <= volume_tolerance * volumes))

    def append(self, one: _Entry, row: int) -> None:
        n = len(self.entries)
        if n == len(self._energies):
            size = max(16, 2 * n)
            self._energies = np.resize(self._energies, size) if n else np.empty(size)
            self._volumes = np.resize(self._volumes, size) if n else np.empty(size)
            grown = np.empty((size, len(one.invariant)))
            grown[:n] = self._invariants[:n] if n else 0.0
            self._invariants = grown
        self._energies[n], self._volumes[n], self._invariants[n] = one.energy, one.volume, one.invariant
        self.entries.append(one)
        self.rows.append(row)


def _key(crystal: Crystal) -> _Key:
    composition = crystal.composition
    units = gcd(*composition.counts)
    return tuple(sorted((e, n // units) for e, n in zip(composition.elements, composition.counts, strict=True)))


def reduced_primitive(structure: Structure) -> Structure:
    """The Niggli cell of the primitive lattice that the atoms have within 0.1 Å."""
    from pymatgen.core import Lattice, Structure

    spglib = quiet_spglib()
    numbers = [site.specie.Z for site in structure]
    try:
        cell = spglib.standardize_cell(
            (structure.lattice.matrix, structure.frac_coords, numbers), to_primitive=True, no_idealize=True, symprec=0.1
        )
    except spglib.SpglibError:
        cell = None
    if cell is not None:
        structure = Structure(Lattice(cell[0]), [int(z) for z in cell[2]], cell[1])
    return structure.get_reduced_structure()
