"""What a structure file holds in the end: a cell and its atoms, with what must be true of any crystal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import TYPE_CHECKING, Self

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import ATOMIC_NUMBERS, MAX_ATOMS
from crysim.crystal.files.text import UnreadableError
from crysim.process_state import warnings_ignored

if TYPE_CHECKING:
    from pymatgen.core import Structure

COINCIDENT = 0.5
"""Å. Atoms nearer than this are a fault of the file: hydrogen's bond, the shortest, is 0.74 Å."""

CROWDED = 0.6
"""Share of the sum of two covalent radii below which two atoms are nearer than in crystals.

Bonds have 0.75 to 1.2, the shortest known between metals (Cr-Cr, 1.83 Å) 0.66.
"""

_MAX_LENGTH = 1000.0
_MIN_HEIGHT = 0.3
_MIN_VOLUME_PER_ATOM = 0.5


@dataclass(frozen=True)
class Contents:
    """A cell and its atoms.

    Attributes:
        lattice: ``[3, 3]``, rows, Å.
        species: ``[n]`` chemical symbols.
        frac_coords: ``[n, 3]``.
        labels: ``[n]`` names of the atoms for messages.
    """

    lattice: Floats
    species: tuple[str, ...]
    frac_coords: Floats
    labels: tuple[str, ...]

    @classmethod
    def of_positions(
        cls, lattice: Floats, species: tuple[str, ...], positions: Floats, labels: tuple[str, ...]
    ) -> Self:
        """From Cartesian positions ``[n, 3]``, Å."""
        frac_coords = np.asarray(np.linalg.solve(lattice.T, positions.T).T, dtype=np.float64)
        return cls(lattice, species, frac_coords, labels)

    @property
    def counts(self) -> Counter[str]:
        """Atoms of each element, in the order of their first atoms."""
        return Counter(self.species)

    @property
    def volume(self) -> float:
        """Å³."""
        return float(abs(np.linalg.det(self.lattice)))

    def to_structure(self, coords: Floats | None = None) -> Structure:
        """The pymatgen structure; from Cartesian coordinates ``[n, 3]``, Å, if those were read."""
        from pymatgen.core import Lattice, Structure

        with warnings_ignored():  # noble gases have no electronegativity, which nobody asked for
            return Structure(
                Lattice(self.lattice),
                list(self.species),
                self.frac_coords if coords is None else coords,
                coords_are_cartesian=coords is not None,
            )


@dataclass(frozen=True)
class Contact:
    """Two atoms near each other.

    Attributes:
        first, second: indices; the same for an atom and its own image.
        distance: Å.
        share: of the sum of their covalent radii.
    """

    first: int
    second: int
    distance: float
    share: float


def formula(counts: Counter[str]) -> str:
    """A formula as messages write it, elements in the given order."""
    return "".join(f"{element}{n if n > 1 else ''}" for element, n in counts.items())


def units(counts: Counter[str]) -> int:
    """Formula units."""
    return gcd(*counts.values())


def check_count(n: int) -> None:
    """
    Raises:
        UnreadableError: no atoms, or more than are read.
    """
    if n < 1:
        raise UnreadableError("holds no atoms")
    if n > MAX_ATOMS:
        raise UnreadableError(f"says that it holds {n:,} atoms: at most {MAX_ATOMS:,} are read")


def check_cell(lattice: Floats) -> None:
    """
    Raises:
        UnreadableError: the cell ``[3, 3]`` is not finite, not of this world, or flat.
    """
    if not np.isfinite(lattice).all():
        raise UnreadableError("has a cell with entries that are not numbers: correct its vectors")
    longest = float(np.abs(lattice).max())
    if longest > _MAX_LENGTH:
        raise UnreadableError(f"has a cell {longest:.4g} Å long: at most {_MAX_LENGTH:g} Å are read (are these Å?)")
    faces = np.linalg.norm(np.cross(lattice[[1, 2, 0]], lattice[[2, 0, 1]]), axis=1)
    volume = abs(np.linalg.det(lattice))
    height = 0.0 if faces.min() == 0.0 else float((volume / faces).min())
    if height < _MIN_HEIGHT:
        raise UnreadableError(f"has a flat cell, {height:.2g} Å high: correct its vectors")


def nearest_contact(contents: Contents) -> Contact | None:
    """The two atoms that are nearest for their radii, among those within 3 Å; periodic images included."""
    from scipy.spatial import cKDTree

    reach = 3.0
    points, owners, n = _with_images(contents, reach)
    if len(points) < 2:
        return None
    radii = _radii(contents.species)
    found = cKDTree(points).query(points[:n], k=min(6, len(points)), distance_upper_bound=reach)
    distances, partners = np.asarray(found[0], dtype=np.float64), np.asarray(found[1], dtype=np.int64)
    met = np.isfinite(distances) & (partners != np.arange(n)[:, None])
    if not met.any():
        return None
    others = owners[np.where(met, partners, 0)]
    shares = np.where(met, distances, np.inf) / (radii[:, None] + radii[others])
    first, place = np.unravel_index(np.argmin(shares), shares.shape)
    second = int(others[first, place])
    return Contact(int(first), second, float(distances[first, place]), float(shares[first, place]))


def check_atoms(contents: Contents) -> None:
    """
    Raises:
        UnreadableError: coordinates that are not numbers or far outside of the cell, atoms too many for the volume.
    """
    bad = ~np.isfinite(contents.frac_coords).all(axis=1)
    if bad.any():
        raise UnreadableError(f"has coordinates that are not numbers (atom {contents.labels[int(np.argmax(bad))]})")
    if np.abs(contents.frac_coords).max() > 1e6:
        raise UnreadableError("has coordinates more than a million cells away: correct them")
    space = contents.volume / len(contents.species)
    if space < _MIN_VOLUME_PER_ATOM:
        raise UnreadableError(f"has {space:.2g} Å³ of its cell for each atom: correct the cell (are these Å?)")


def describe(contents: Contents, contact: Contact) -> str:
    """Which atoms are how near."""
    first, second = contents.labels[contact.first], contents.labels[contact.second]
    if contact.first == contact.second:
        return f"{first} and its own image {contact.distance:.3f} Å apart"
    return f"{first} and {second} {contact.distance:.3f} Å apart"


def _with_images(contents: Contents, reach: float) -> tuple[Floats, Ints, int]:
    """Cartesian atoms of the cell, then the images within ``reach`` Å of the cell; whose each is; atoms in the cell."""
    inside = contents.frac_coords - np.floor(contents.frac_coords)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(contents.lattice), axis=0)
    margins = reach / heights
    spans = [range(-int(np.ceil(m)), int(np.ceil(m)) + 1) for m in margins]
    own = np.arange(len(inside), dtype=np.int64)
    points, owners = [inside], [own]
    for shift in product(*spans):
        if any(shift):
            moved = inside + np.array(shift)
            near = ((moved > -margins) & (moved < 1.0 + margins)).all(axis=1)
            points.append(moved[near])
            owners.append(own[near])
    return np.concatenate(points) @ contents.lattice, np.concatenate(owners), len(inside)


def _radii(species: tuple[str, ...]) -> Floats:
    from ase.data import covalent_radii

    return np.asarray(covalent_radii[[ATOMIC_NUMBERS[s] for s in species]], dtype=np.float64)
