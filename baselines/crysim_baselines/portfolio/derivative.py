"""Crystals derived from one: a subgroup of the symmetry that it nearly has, its elements put anew on what splits.

Most crystals are a simpler one with its elements in another order, or with atoms a little beside their places: what
crystallography calls derivative structures (Hart and Forcade, Phys. Rev. B 77, 224115, 2008) and group-subgroup
relations (Bärnighausen, MATCH 9, 139, 1980). A random change of single atoms would lose all symmetry, and with it what
makes a relaxation cheap; so a subgroup is drawn first, and the change keeps it. The symmetry is that of the atoms'
places within a coarse tolerance, of a supercell where the new cell holds more units, and of two elements taken for one
where they are to change places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim_baselines.portfolio.colours import coloured, likely_pairs
from crysim_baselines.portfolio.subgroups import (
    MOST_SITES,
    Operation,
    averaged,
    filled,
    orbits_of,
    subgroup,
    symmetric_crystal,
    symmetry,
)

TRIES = 8
"""Subgroups drawn until one gives another crystal of that primitive cell."""
CENTRINGS = (1, 2, 3, 4)
"""Primitive cells of a conventional one."""
RECOLOURED = 0.5
"""Of the crystals have two elements put anew."""
MOVES = (0.05, 0.6)
"""Å, standard deviations of the atoms' moves."""
MOVED = 0.3
"""Of the crystals with elements put anew, atoms are moved besides."""
STRAIN = 0.03
"""Standard deviation of the entries of a strain."""


def derived(low: Crystal, contents: Contents, rng: np.random.Generator) -> Crystal | None:
    """A crystal of a subgroup of what symmetry another nearly has; None where there is none.

    Args:
        low: with as many units per primitive cell as the contents, or a fraction of them.
        contents: of the crystal that is made.
        rng: the same state gives the same crystal.
    """
    if contents.primitive:
        return _derived(low, contents, rng)
    factors = centrings(contents)
    for _ in range(TRIES):
        found = _derived(low, parted(contents, int(rng.choice(factors))), rng)
        if found is not None and contents.held_by(found):
            return found
    return None


def centrings(contents: Contents) -> list[int]:
    """How many primitive cells the contents of a conventional one may be."""
    return [n for n in CENTRINGS if all(count % n == 0 for count in contents.composition.counts)]


def parted(contents: Contents, times: int) -> Contents:
    """Of a primitive cell, a whole number of which the contents are."""
    composition = contents.composition
    return Contents(Composition(composition.elements, tuple(n // times for n in composition.counts)), "primitive")


def _derived(low: Crystal, contents: Contents, rng: np.random.Generator) -> Crystal | None:
    atoms = filled(low, contents, rng)
    if atoms is None:
        return None
    mixed: Sequence[str] = ()
    if len(contents.elements) > 1 and rng.random() < RECOLOURED:
        pairs = likely_pairs(contents.elements)
        mixed = list(pairs)[int(rng.choice(len(pairs), p=list(pairs.values())))]
    nearly = symmetry(atoms, mixed)
    for _ in range(TRIES if len(nearly) > 1 else 0):
        group = subgroup(nearly, rng)
        if group is None:
            continue
        orbit = orbits_of(group)
        species = coloured(atoms.species, mixed, orbit, rng) if mixed else atoms.species
        if species is None or len(np.unique(orbit)) > MOST_SITES:
            continue
        lattice, coords = averaged(atoms, group)
        if not mixed or rng.random() < MOVED:
            least, most = MOVES
            lattice, coords = _changed(lattice, coords, group, least * (most / least) ** rng.random(), rng)
        found = symmetric_crystal(contents, lattice, species, coords)
        if found is not None:
            return found
    return None


def _changed(
    lattice: Floats, coords: Floats, group: Sequence[Operation], length: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Atoms moved at random, and the lattice strained, as the group allows."""
    moves = rng.normal(0.0, length, coords.shape) @ np.linalg.inv(lattice)
    kept = np.zeros_like(moves)
    for one in group:
        kept[one.images] += moves @ one.rotation.T
    kept *= np.sqrt(len(group)) / len(group)  # what the average takes from the length of a move is given back
    entries = rng.normal(0.0, STRAIN, (3, 3))
    strained = lattice @ (np.eye(3) + (entries + entries.T) / 2)
    metric = np.mean([one.rotation.T @ (strained @ strained.T) @ one.rotation for one in group], axis=0)
    made = np.linalg.cholesky(metric)
    made *= np.cbrt(abs(np.linalg.det(lattice)) / abs(np.linalg.det(made)))
    return made, coords + kept
