"""Space groups and their Wyckoff positions as affine maps."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.composition import centring_factor
from crysim.errors import InputError
from crysim.symmetry import tables

CRYSTAL_SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
"""The seven crystal systems in the order of their space groups' numbers."""

_LAST_OF_SYSTEM = (2, 15, 74, 142, 167, 194, 230)
_LETTERS = string.ascii_lowercase + "A"


_PRIMITIVE_BASES = {
    "P": np.eye(3),
    "A": np.array([[2, 0, 0], [0, 1, -1], [0, 1, 1]]) / 2,
    "C": np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2,
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}
"""By the symbol's first letter; R in the obverse setting of hexagonal axes."""


@dataclass(frozen=True, eq=False)
class WyckoffPosition:
    """One Wyckoff position: m equivalent points of the conventional cell, as affine maps of free coordinates.

    The i-th point is ``matrices[i] @ free + offsets[i]`` (modulo 1); the first is the representative.

    Attributes:
        letter: Wyckoff letter; ``a`` is the last position of a group.
        multiplicity: m, points per conventional cell, those from centring translations included.
        variables: which of x, y, z occur in the representative, in this order; each is free in [0, 1).
        matrices: ``[m, 3, dof]``.
        offsets: ``[m, 3]``, in [0, 1).
    """

    letter: str
    multiplicity: int
    variables: tuple[str, ...]
    matrices: Floats
    offsets: Floats

    @property
    def dof(self) -> int:
        """Number of free coordinates, 0 to 3."""
        return len(self.variables)

    @property
    def is_fixed(self) -> bool:
        """Whether the position has no free coordinate, and so can be occupied only once."""
        return not self.variables

    @property
    def label(self) -> str:
        """Multiplicity and letter, ``8c``."""
        return f"{self.multiplicity}{self.letter}"

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """The axis of each variable: free coordinates of a point p near the representative are ``p[axes]``."""
        return tuple("xyz".index(v) for v in self.variables)

    @cached_property
    def point_maps(self) -> Floats:
        """``[m, 3, 3]``: `matrices` acting on a whole point (x, y, z), with zero columns for what does not occur."""
        maps = np.zeros((self.multiplicity, 3, 3))
        maps[:, :, self.axes] = self.matrices
        maps.setflags(write=False)
        return maps

    def coordinates(self, free: Floats) -> Floats:
        """The m points ``[..., m, 3]`` for free coordinates ``[..., dof]``, not reduced modulo 1."""
        return np.asarray(np.einsum("mij,...j->...mi", self.matrices, free) + self.offsets)


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """A space group in the standard setting of its tables; get one by `space_group`.

    Attributes:
        number: 1 to 230.
        crystal_system: one of `CRYSTAL_SYSTEMS` (trigonal apart from hexagonal).
        hall_number: serial number of the setting, as in spglib.
        shapes: (multiplicity, number of free coordinates) of every position: all that counting needs.
    """

    number: int
    crystal_system: str
    hall_number: int
    shapes: tuple[tuple[int, int], ...]

    @cached_property
    def symbol(self) -> str:
        """The short Hermann-Mauguin symbol, screw axes with an underscore: ``P2_1/c``."""
        return tables.symbol(self.number)

    @property
    def centring_factor(self) -> int:
        """Primitive cells in the conventional one: 1, 2 (A, B, C, I), 3 (R) or 4 (F)."""
        return centring_factor(self.number)

    @property
    def point_group_order(self) -> int:
        """Operations per primitive cell: what a centring adds is no symmetry more."""
        return len(self.operations[0]) // self.centring_factor

    @cached_property
    def centring_translations(self) -> Floats:
        """The lattice translations within the conventional cell ``[centring_factor, 3]``, the first of them zero."""
        rotations, translations = self.operations
        pure = translations[(rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))]
        return np.asarray(pure[np.argsort(pure.any(axis=1), kind="stable")])

    @property
    def primitive_basis(self) -> Floats:
        """The vectors of a primitive cell ``[3, 3]``, rows, in fractions of the conventional ones."""
        return _PRIMITIVE_BASES[self.symbol[0]]

    @cached_property
    def centring_classes(self) -> tuple[NDArray[np.int64], ...]:
        """For each position its images ``[m / centring_factor, centring_factor]`` that centring alone tells apart.

        The images in a row are one atom of the primitive cell; they are the same map of free coordinates but for a
        lattice translation.
        """
        return tuple(_centring_classes(position, self.centring_translations) for position in self.positions)

    @cached_property
    def positions(self) -> tuple[WyckoffPosition, ...]:
        """The Wyckoff positions, general first, in descending multiplicity and descending letter."""
        triplets = tables.wyckoff_triplets(self.number)
        letters = _LETTERS[len(triplets) - 1 :: -1]
        return tuple(_position(letter, images) for letter, images in zip(letters, triplets, strict=True))

    @cached_property
    def flat_positions(self) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """All positions in one, for compiled loops: maps ``[images, 3, 3]``, offsets ``[images, 3]``, starts.

        The images of position i, `WyckoffPosition.point_maps`, are at ``starts[i]`` to ``starts[i + 1]``.
        """
        maps = np.concatenate([p.point_maps for p in self.positions])
        offsets = np.concatenate([p.offsets for p in self.positions])
        starts = np.concatenate([[0], np.cumsum([p.multiplicity for p in self.positions])]).astype(np.int64)
        return maps, offsets, starts

    @cached_property
    def operations(self) -> tuple[NDArray[np.int64], Floats]:
        """Rotations ``[g, 3, 3]`` (whole numbers, on fractional coordinates) and translations ``[g, 3]``.

        g is the multiplicity of the general position: one operation per point of the conventional cell.
        """
        general = self.positions[0]
        rotations = np.rint(general.matrices).astype(np.int64)
        rotations.setflags(write=False)
        return rotations, general.offsets

    def position_by_letter(self, letter: str) -> int:
        """The index into `positions` of a Wyckoff letter."""
        for i, position in enumerate(self.positions):
            if position.letter == letter:
                return i
        raise InputError(f"{self.symbol} (space group {self.number}) has no Wyckoff position '{letter}'")


@cache
def space_group(number: int) -> SpaceGroup:
    """The space group of a number from 1 to 230."""
    check_number(number)
    triplets = tables.wyckoff_triplets(number)
    shapes = tuple((len(images), len(set(re.findall("[xyz]", images[0])))) for images in triplets)
    return SpaceGroup(number, crystal_system(number), tables.hall_number(number), shapes)


def space_group_number(text: str) -> int:
    """The number of a space group from its number or its symbol: ``225``, ``Fm-3m``, ``P2_1/c``, ``P 21/n``.

    Symbols are those of all settings, short or full; blanks, underscores and capitals do not matter.

    Raises:
        InputError: no group is called so.
    """
    if re.fullmatch(r"\d{1,4}", text.strip()):
        number = int(text)
        check_number(number)
        return number
    symbols = tables.numbers_by_symbol()
    found = symbols.get(tables.plain_symbol(text))
    if found is None:
        close = get_close_matches(text.strip(), [tables.symbol(n) for n in range(1, 231)], n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else "write its number, 1 to 230, or its symbol, as in Fm-3m"
        raise InputError(f"unknown space group '{text.strip():.40}': {hint}")
    return found


def crystal_system(number: int) -> str:
    """The crystal system of a space group's number."""
    check_number(number)
    return next(s for s, last in zip(CRYSTAL_SYSTEMS, _LAST_OF_SYSTEM, strict=True) if number <= last)


def check_number(number: int) -> None:
    """Raise InputError unless ``number`` is one of a space group."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 1 <= number <= 230:
        raise InputError(f"space groups are numbered 1 to 230: there is no space group {number}")


def _centring_classes(position: WyckoffPosition, translations: Floats) -> NDArray[np.int64]:
    # Rounded to 24ths, of which every translation of the tables is a whole number.
    keys = {
        (position.matrices[i].tobytes(), *(np.rint(position.offsets[i] * 24).astype(int) % 24)): i
        for i in range(position.multiplicity)
    }
    left = dict.fromkeys(range(position.multiplicity))
    classes = []
    while left:
        first = next(iter(left))
        moved = np.rint((position.offsets[first] + translations) * 24).astype(int) % 24
        images = [keys[position.matrices[first].tobytes(), *shift] for shift in moved]
        classes.append(images)
        for image in images:
            left.pop(image)
    result = np.array(classes, dtype=np.int64)
    result.setflags(write=False)
    return result


def _position(letter: str, images: list[str]) -> WyckoffPosition:
    rows = [[tables.parse_row(text) for text in image.split(",")] for image in images]
    maps = np.array([[row[0] for row in image] for image in rows], dtype=np.float64)
    offsets = np.array([[float(row[1]) for row in image] for image in rows], dtype=np.float64)
    axes = [axis for axis in range(3) if maps[0, :, axis].any()]
    matrices = np.ascontiguousarray(maps[:, :, axes])
    matrices.setflags(write=False)
    offsets.setflags(write=False)
    return WyckoffPosition(letter, len(images), tuple("xyz"[axis] for axis in axes), matrices, offsets)
