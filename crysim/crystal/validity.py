"""What a relaxed crystal is no answer for: atoms too close, or it lies apart, has flown apart, or has collapsed."""

from __future__ import annotations

from functools import cache
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.bonding import why_unbound
from crysim.crystal.min_distances import MinDistances, shortest_distances
from crysim.crystal.radii import covalent_radius, radius_sums, spheres_volume

Fault = Literal["exploded", "collapsed", "unbound"]

REACH = 0.8
"""Å beyond its covalent radius that an atom fills: about its van der Waals radius (Pauling's rule)."""
LOOSEST = 4.0
"""Volume of the cell over that of its atoms, above which it is exploded. The 288 crystals of the AFLOW library and
the 40 of ShotgunCSP's Dataset I, molecular ones among them, have 0.15 to 1.58."""
TIGHTEST = 0.5
"""Distance over the sum of covalent radii under which a pair has collapsed. The same crystals have 0.51 or more, but
for two of the library whose coordinates are at fault (0.39, 0.45)."""
HYDROGEN = 0.7
"""Of the limit under which two atoms are too close is that of hydrogen's pairs: where the paper, which has none, takes
1 Å, a hydroxide's bond has 0.96 Å and the molecule of hydrogen 0.74."""

_MIN_VOLUME = 1.0
"""Å³ per atom: what is denser is collapsed, and matches nothing."""
_MAX_VOLUME = 1000.0


def find_fault(crystal: Crystal, cutoff: float) -> tuple[Fault, str] | None:
    """What makes a crystal no answer, and why in one line; None if nothing does.

    Args:
        crystal: relaxed.
        cutoff: how far the potential sees, Å.
    """
    ratio = crystal.volume / spheres_volume(crystal.composition, REACH)
    if ratio > LOOSEST:
        volume = crystal.volume / crystal.num_atoms
        return "exploded", f"{volume:.0f} Å³ per atom: {ratio:.1f} times the atoms' own volume"
    if not _tightest(crystal.composition).satisfied_by(crystal):
        return "collapsed", f"a pair of atoms is closer than {TIGHTEST:g} of the sum of its covalent radii"
    reason = why_unbound(crystal, cutoff)
    return None if reason is None else ("unbound", reason)


def too_close(crystal: Crystal, limit: float) -> tuple[float, float] | None:
    """The pair of atoms farthest under its limit: its distance and that limit, Å; None if none is closer.

    Args:
        crystal: relaxed.
        limit: Å, of all pairs but those of hydrogen, which have `HYDROGEN` of it.
    """
    if "H" not in crystal.composition.elements:
        distance = crystal.min_distance()
        return (distance, limit) if distance < limit else None
    limits = np.array([limit * (HYDROGEN if one == "H" else 1.0) for one in crystal.composition.elements])
    limits = np.minimum(limits[:, None], limits[None, :])
    shortest = shortest_distances(crystal, limit)
    worst = np.unravel_index(np.argmin(shortest - limits), limits.shape)
    return (float(shortest[worst]), float(limits[worst])) if shortest[worst] < limits[worst] else None


def closeness(crystal: Crystal) -> float:
    """The least distance of two atoms over the sum of their covalent radii; 1 at most."""
    sums = radius_sums(crystal.composition)
    return min(1.0, float((shortest_distances(crystal, float(sums.max())) / sums).min()))


@cache
def _tightest(composition: Composition) -> MinDistances:
    pairs = {
        (first, second): TIGHTEST * (covalent_radius(first) + covalent_radius(second))
        for first, second in combinations_with_replacement(composition.elements, 2)
    }
    return MinDistances(composition, 0.0, pairs)


def is_comparable(crystal: Crystal) -> bool:
    """Whether the crystal is neither collapsed nor torn apart, and finite."""
    lattice = np.asarray(crystal.lattice, dtype=np.float64)
    coordinates = np.asarray(crystal.frac_coords, dtype=np.float64)
    if not (np.isfinite(lattice).all() and np.isfinite(coordinates).all()):
        return False
    volume = abs(float(np.linalg.det(lattice))) / len(coordinates)
    return _MIN_VOLUME <= volume <= _MAX_VOLUME
