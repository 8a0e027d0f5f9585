"""How the bits of a vector are laid out: which segment stands where, and what its bits mean.

Numbers of bits and the rules between values and bits are equations 8 to 16 of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np

from crysim.arrays import Bits, Floats, Ints
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.quadratic import BitGroup
from crysim.symmetry import CELL_PARAMETERS, CRYSTAL_SYSTEMS, crystal_system, space_group

ANGLE_BOUNDS = (50.0, 130.0)
ANGLE_BITS = 40
"""Units of 2 degrees, equation 11."""


@dataclass(frozen=True)
class Scale:
    """A continuous value as one of N equal units from ``lower`` to ``upper`` (equation 8)."""

    lower: float
    upper: float
    size: int

    @property
    def unit(self) -> float:
        """u, the width of a unit."""
        return (self.upper - self.lower) / self.size

    def to_bit(self, value: float) -> int:
        """The unit that holds a value; values outside count to the nearest unit."""
        return min(max(floor((value - self.lower) / self.unit), 0), self.size - 1)

    def to_value(self, bit: int) -> float:
        """The middle of a unit."""
        return self.lower + (bit + 0.5) * self.unit


def category_to_bit(index: int, categories: int, bits: int) -> int:
    """The bit of a category when ``categories`` of them share ``bits`` bits (equations 14 and 15)."""
    return index * bits // categories


def bit_to_category(bit: int, categories: int, bits: int) -> int:
    """The category of a bit; where a bit stands for several, about the first of them.

    With more categories than bits this is equation 16, floor(bit · categories / bits + 1/2). With up to as many
    categories as bits it is the last category whose own bit is not beyond this one. Equation 16, meant to be that
    inverse, is not: with 66 bits it reads category 5 of 56, which is on bit 5, as 4, and bit 2 of equation 19 as F23.
    The inverse gives P23 there, as the paper prints.
    """
    if categories > bits:
        return min((2 * bit * categories + bits) // (2 * bits), categories - 1)
    return -(-(bit + 1) * categories // bits) - 1


def length_scale(shortest: float, longest: float, g: int, factor: int) -> Scale:
    """The scale of lattice lengths from the shortest and longest of the initial crystals (equations 9 and 10)."""
    upper = 1.1 * longest
    return Scale(shortest, upper, max(1, floor(factor * g * (upper - shortest) / upper)))


@dataclass(frozen=True)
class Layout:
    """The segments of the vectors of crystals with the same contents.

    Attributes:
        contents: atoms per cell, and of which.
        g: voxels along each edge of the cell.
        lengths: scale of a, b and c.
        space_groups: the compatible groups, ascending.
        combination_bits: N_W.
        ones: 1-bits in each element's grid.
    """

    contents: Contents
    g: int
    lengths: Scale
    space_groups: tuple[int, ...]
    combination_bits: int
    ones: tuple[int, ...]

    angles = Scale(*ANGLE_BOUNDS, ANGLE_BITS)

    @cached_property
    def systems(self) -> tuple[str, ...]:
        """The compatible crystal systems, triclinic first: N_C of them (equation 13)."""
        present = {crystal_system(number) for number in self.space_groups}
        return tuple(system for system in CRYSTAL_SYSTEMS if system in present)

    @cached_property
    def groups_of_system(self) -> dict[str, tuple[int, ...]]:
        """The compatible space groups of each compatible system, ascending."""
        return {s: tuple(n for n in self.space_groups if crystal_system(n) == s) for s in self.systems}

    @property
    def space_group_bits(self) -> int:
        """N_S, the most groups that a system has (equation 13)."""
        return max(len(groups) for groups in self.groups_of_system.values())

    @cached_property
    def groups(self) -> tuple[BitGroup, ...]:
        """The segments in order: cell, crystal system, space group, combinations, one grid per element."""
        sizes: list[tuple[str, int, int]] = [(name, self.lengths.size, 1) for name in CELL_PARAMETERS[:3]]
        sizes += [(name, self.angles.size, 1) for name in CELL_PARAMETERS[3:]]
        sizes += [
            ("crystal-system", len(self.systems), 1),
            ("space-group", self.space_group_bits, 1),
            ("combinations", self.combination_bits, 1),
        ]
        sizes += [
            (f"grid-{element}", self.g**3, k) for element, k in zip(self.contents.elements, self.ones, strict=True)
        ]
        groups: list[BitGroup] = []
        start = 0
        for name, size, k in sizes:
            groups.append(BitGroup(name, start, size, k))
            start += size
        return tuple(groups)

    @property
    def num_bits(self) -> int:
        """M."""
        return self.groups[-1].stop

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The scales of the six cell parameters."""
        return (self.lengths,) * 3 + (self.angles,) * 3

    def corners(self, voxels: Ints) -> Floats:
        """The corners ``[n, 3]`` nearest to the origin, in voxels, of bits ``[n]`` within a grid."""
        return np.stack(np.unravel_index(voxels, (self.g,) * 3), axis=-1).astype(np.float64)


def common_contents(crystals: Sequence[Crystal], contents: Contents | None) -> Contents:
    """What all crystals hold: the contents given, or else their one composition.

    Raises:
        InputError: there are none, or one holds something else.
    """
    if not crystals:
        raise InputError("an encoder needs at least one crystal to learn its bounds from")
    common = contents or Contents(crystals[0].composition)
    if not all(map(common.held_by, crystals)):
        raise InputError("an encoder takes crystals of one composition")
    return common


def marked_voxels(crystal: Crystal, element: str, g: int, *, primitive: bool) -> Ints:
    """The bits of an element's grid that its atoms mark; with ``primitive`` of every centring class only one.

    The atoms of a class are one atom of the primitive cell: the leftmost of their voxels is marked.
    """
    kinds = np.array(crystal.species) == element
    if not primitive:
        return voxels(crystal.frac_coords[kinds], g)
    classes = crystal.centring_classes
    return np.asarray(voxels(crystal.frac_coords, g)[classes[kinds[classes[:, 0]]]].min(axis=1))


def spread_marks(marks: Bits, number: int, g: int) -> Floats:
    """Marks ``[g, g, g]`` of one atom for each centring class, completed to all atoms of the conventional cell.

    What falls between voxels counts to its eight neighbours by trilinear weights; no voxel counts more than 1.
    """
    field = np.zeros((g, g, g))
    corners = np.argwhere(marks)
    for translation in space_group(number).centring_translations:
        moved = corners + translation * g
        low = np.floor(moved + 1e-9).astype(np.int64)
        part = np.maximum(moved - low, 0.0)
        for corner in np.ndindex(2, 2, 2):
            weights = np.prod(np.where(corner, part, 1.0 - part), axis=1)
            np.add.at(field, tuple(((low + corner) % g).T), weights)
    return np.minimum(field, 1.0)


def voxels(frac_coords: Floats, g: int) -> Ints:
    """The bit within a grid for points ``[n, 3]`` in [0, 1): ``[n]`` (equation 12, flattened with z fastest)."""
    cells = np.minimum((frac_coords * g).astype(np.int64), g - 1)
    return np.asarray((cells[:, 0] * g + cells[:, 1]) * g + cells[:, 2])
