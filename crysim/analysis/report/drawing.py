"""Crystals as the report's viewer draws them: atoms with those on the cell's faces repeated, and the cell's edges."""

from __future__ import annotations

from itertools import product
from math import nan
from typing import Any

import numpy as np

from crysim.composition import ATOMIC_NUMBERS
from crysim.composition.elements import electronegativity
from crysim.crystal import Crystal

_BOND_SLACK = 0.45
"""Å beyond the sum of covalent radii within which two atoms are drawn as bonded."""
_ANION = 2.0
"""Pauling's electronegativity from which an element is an anion to those below it."""
_ON_A_FACE = 0.01
"""Fractional distance from a face within which an atom is drawn on the opposite face too."""


def drawn_atoms(crystal: Crystal, elements: list[str]) -> list[list[float]]:
    """``[index of the element, x, y, z]`` for every atom to draw, Å."""
    atoms: list[list[float]] = []
    for species, point in zip(crystal.species, crystal.frac_coords, strict=True):
        choices = [
            (0.0, 1.0) if value < _ON_A_FACE else (0.0, -1.0) if value > 1 - _ON_A_FACE else (0.0,) for value in point
        ]
        for shift in product(*choices):
            position = (point + np.array(shift)) @ crystal.lattice
            atoms.append([elements.index(species), *(round(float(v), 4) for v in position)])
    return atoms


def drawn_bonds(atoms: list[list[float]], elements: list[str]) -> list[list[int]]:
    """Pairs of drawn atoms that are near enough for a bond; where there are anions, no two cations are paired."""
    from ase.data import covalent_radii

    kinds = [int(atom[0]) for atom in atoms]
    present = sorted(set(kinds))
    radii = {k: float(covalent_radii[ATOMIC_NUMBERS[elements[k]]]) for k in present}
    strength = {k: electronegativity(elements[k]) or nan for k in present}
    ionic = any(value >= _ANION for value in strength.values())
    points = np.array([atom[1:] for atom in atoms])
    bonds = []
    for i, point in enumerate(points):
        lengths = np.linalg.norm(points[:i] - point, axis=1)
        for j in np.flatnonzero(lengths < radii[kinds[i]] + 2.2 + _BOND_SLACK):
            if ionic and max(strength[kinds[i]], strength[kinds[j]]) < _ANION:
                continue
            if 0.5 < lengths[j] < radii[kinds[i]] + radii[kinds[j]] + _BOND_SLACK:
                bonds.append([i, int(j)])
    return bonds


def drawn_axes(crystal: Crystal) -> list[list[float]]:
    """The cell's vectors a, b, c, Å."""
    return [[round(float(v), 4) for v in row] for row in crystal.lattice]


def drawn_edges(crystal: Crystal) -> list[list[list[float]]]:
    """The twelve edges of the cell, each from one corner to another, Å."""
    edges = []
    for axis in range(3):
        step = np.eye(3)[axis]
        for corner in product((0.0, 1.0), repeat=3):
            if corner[axis] == 0.0:
                ends = (np.array([corner, np.array(corner) + step])) @ crystal.lattice
                edges.append([[round(float(v), 4) for v in end] for end in ends])
    return edges


def element_styles(elements: list[str]) -> list[dict[str, Any]]:
    """Symbol, colour (Jmol's) and radius (Å) of each element."""
    from ase.data import covalent_radii
    from ase.data.colors import jmol_colors

    styles = []
    for element in elements:
        number = ATOMIC_NUMBERS[element]
        red, green, blue = (int(255 * value) for value in jmol_colors[number])
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        styles.append({"symbol": element, "colour": colour, "radius": round(0.45 * float(covalent_radii[number]), 3)})
    return styles
