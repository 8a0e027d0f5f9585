"""Groups of atoms that hold together in a crystal: complex ions and molecules, found by their bonds' valences.

A phosphate's oxygen is bound to phosphorus several times as strongly as to whatever is around the ion, and so random
crystals relax into phosphate ions soon; what they rarely come by is how the ions are to lie. A search that knows the
ions places some bodies where it placed many atoms. Nobody has to name them: they are taken from the low minima found.

The valence of a bond is exp((R - d) / 0.37 Å) (Brown and Altermatt, Acta Cryst. B 41, 244, 1985), R by the elements'
sizes and electronegativities (O'Keeffe and Brese, J. Am. Chem. Soc. 113, 3226, 1991; the table is pymatgen's).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import gcd, sqrt

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.crystal import Crystal
from crysim_baselines.portfolio.subgroups import Atoms, primitive_atoms

STRONG = 0.65
"""Valence of a bond within a unit: 1.25 in phosphate, 1 in silicate, 0.75 in tetrahedral aluminate and in borate; 0.5
between aluminium and six oxygen atoms, 0.67 in rutile."""
SOFTNESS = 0.37
"""Å by which a bond is longer whose valence is less by a factor of e."""
BONDED = 3.0
"""Å within which strong bonds lie."""
REACH = 5.0
"""Å: atoms of different bodies that are farther apart keep this distance at most,"""
FAR = 8.0
"""Å: and their means this one."""
LABELS = ("He", "Ne", "Ar", "Kr", "Xe", "Rn")
"""Elements that stand for bodies of several atoms: they occur in next to no crystal."""
MOST_ATOMS = 16
"""Of a unit."""


@dataclass(frozen=True)
class Body:
    """A rigid group of atoms.

    Attributes:
        species: of its atoms, sorted.
        places: Å ``[n, 3]``, of its atoms about their mean.
    """

    species: tuple[str, ...]
    places: Floats


@dataclass(frozen=True)
class Units:
    """What a crystal is made of, as the atoms of a simpler one.

    Attributes:
        bodies: of each kind, one; single atoms are bodies too.
        counts: of each kind, in lowest terms.
        spacings: Å ``[kinds, kinds]``, shortest distances of the bodies' means, at most `FAR`.
        contacts: Å, shortest distances of atoms of different bodies, by their elements ``[elements, elements]``.
        elements: in the order of `contacts`.
    """

    bodies: tuple[Body, ...]
    counts: tuple[int, ...]
    spacings: Floats
    contacts: Floats
    elements: tuple[str, ...]


def units_of(crystal: Crystal) -> Units | None:
    """The bodies of a crystal; None where none has more than one atom, or where strong bonds have no end.

    Nor has a crystal any of more kinds of molecules than there are `LABELS`.
    """
    from crysim.crystal.distances import shortest_of_pairs

    atoms = primitive_atoms(crystal)
    groups = _bound(atoms)
    if groups is None or all(len(one) == 1 for one in groups):
        return None
    cartesian = [shifted @ atoms.lattice for shifted in (_places(atoms, one) for one in groups)]
    names = [tuple(atoms.species[i] for i, _ in one) for one in groups]
    kinds = sorted(set(names))
    if sum(len(kind) > 1 for kind in kinds) > len(set(LABELS) - set(atoms.species)):
        return None
    counts = Counter(names)
    divisor = gcd(*counts.values())
    bodies = []
    for kind in kinds:
        places = cartesian[names.index(kind)]
        bodies.append(Body(kind, places - places.mean(axis=0)))
    means = np.array([places.mean(axis=0) for places in cartesian]) @ np.linalg.inv(atoms.lattice)
    owners = np.array([kinds.index(name) for name in names], dtype=np.int64)
    return Units(
        tuple(bodies),
        tuple(counts[kind] // divisor for kind in kinds),
        shortest_of_pairs(atoms.lattice, means, owners, len(kinds), FAR),
        *_contacts(atoms, groups),
    )


_Members = list[tuple[int, tuple[int, int, int]]]


def _bound(atoms: Atoms) -> list[_Members] | None:
    """The atoms of each body with the cells that they lie in; None where one is larger than `MOST_ATOMS`."""
    bonds: list[list[tuple[int, tuple[int, int, int]]]] = [[] for _ in atoms.species]
    for i, j, image, length in zip(*_neighbours(atoms, BONDED), strict=True):
        if _valence(atoms.species[i], atoms.species[j], length) > STRONG:
            bonds[i].append((int(j), (int(image[0]), int(image[1]), int(image[2]))))
    found: list[_Members] = []
    cells: dict[int, tuple[int, int, int]] = {}
    for first in range(len(atoms.species)):
        if first in cells:
            continue
        cells[first] = (0, 0, 0)
        members = [first]
        for i in members:  # grows on the way
            x, y, z = cells[i]
            for j, (a, b, c) in bonds[i]:
                cell = (x + a, y + b, z + c)
                if j not in cells:
                    cells[j] = cell
                    members.append(j)
                elif cells[j] != cell:
                    return None
        if len(members) > MOST_ATOMS:
            return None
        found.append(sorted(((i, cells[i]) for i in members), key=lambda one: atoms.species[one[0]]))
    return found


def _places(atoms: Atoms, members: _Members) -> Floats:
    return np.array([atoms.coords[i] + cell for i, cell in members])


def _valence(first: str, second: str, length: float) -> float:
    return float(np.exp((_bond_length(first, second) - length) / SOFTNESS))


@cache
def _bond_length(first: str, second: str) -> float:
    """Å, of a bond of valence one; 0 for elements that the table does not hold."""
    from pymatgen.analysis.bond_valence import BV_PARAMS
    from pymatgen.core import Element

    try:
        one, other = BV_PARAMS[Element(first)], BV_PARAMS[Element(second)]
    except KeyError:
        return 0.0
    r, s, c, d = one["r"], other["r"], one["c"], other["c"]
    return float(r + s - r * s * (sqrt(c) - sqrt(d)) ** 2 / (c * r + d * s))


def _contacts(atoms: Atoms, groups: Sequence[_Members]) -> tuple[Floats, tuple[str, ...]]:
    """Å, the shortest distances of atoms of different bodies, at most `REACH`, and the elements."""
    elements = tuple(sorted(set(atoms.species)))
    kinds = np.array([elements.index(e) for e in atoms.species], dtype=np.int64)
    body = np.empty(len(kinds), dtype=np.int64)
    cell = np.empty((len(kinds), 3), dtype=np.int64)
    for number, members in enumerate(groups):
        for i, at in members:
            body[i], cell[i] = number, at
    centres, others, images, lengths = _neighbours(atoms, REACH)
    within = (body[centres] == body[others]) & (cell[others] - cell[centres] == images).all(axis=1)
    found = np.full((len(elements), len(elements)), REACH)
    np.minimum.at(found, (kinds[centres][~within], kinds[others][~within]), lengths[~within])
    return found, elements


def _neighbours(atoms: Atoms, reach: float) -> tuple[Ints, Ints, Ints, Floats]:
    """Pairs of atoms: the first, the second, the cell ``[3]`` of the second, their distance in Å."""
    from pymatgen.core import Lattice, Structure

    structure = Structure(Lattice(atoms.lattice), list(atoms.species), atoms.coords)
    centres, others, images, lengths = structure.get_neighbor_list(reach)
    return centres, others, images.astype(np.int64), lengths
