"""Random sites pushed apart within their positions until atoms keep their distance, or cannot.

A combination that fills space tightly is hardly ever hit by putting sites in one after another; moved aside by what
overlaps, as soft spheres move, atoms find the places that it has for them (Pickard and Needs, J. Phys.: Condens. Matter
23, 053201, 2011, do so between all atoms; here the sites of a space group move, and all images with them).
"""

from __future__ import annotations

from math import floor, sqrt

import numpy as np

from crysim.arrays import Bits, Floats, Ints
from crysim.compiled import compiled
from crysim.symmetry import SpaceGroup, lattice_from_cell

_COINCIDENT = 1e-6
"""Å: atoms so close have no direction in which to part."""


def push_first(
    group: SpaceGroup,
    cells: Floats,
    positions: Ints,
    elements: Ints,
    tried: Floats,
    thresholds: Floats,
    steps: int,
    tolerance: float,
) -> tuple[int, Floats]:
    """The first of several tries in which sites that are pushed apart come to keep their distance.

    Args:
        group: the space group.
        cells: ``[tries, 6]`` Å and degrees.
        positions: ``[sites]`` index of each site's position.
        elements: ``[sites]`` index of each site's element.
        tried: ``[tries, sites, 3]`` fractional points to begin with.
        thresholds: ``[elements, elements]`` Å, symmetric.
        steps: in which all sites move, at most.
        tolerance: part of its threshold by which a pair may be closer in the end.

    Returns:
        Its index and its points ``[sites, 3]``; -1 and the last one's points if there is none.
    """
    maps, offsets, starts = group.flat_positions
    sizes = starts[positions + 1] - starts[positions]
    images = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in positions])
    owners = np.repeat(np.arange(len(positions)), sizes)
    firsts = np.cumsum(sizes) - sizes
    own_maps, own_offsets = maps[images], offsets[images]
    free = np.array([[axis in group.positions[i].axes for axis in range(3)] for i in positions])
    kept = np.array(thresholds[np.ix_(elements, elements)])
    points = tried[-1]
    for number, cell in enumerate(cells):
        lattice = lattice_from_cell(cell)
        spacings = 1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
        reach = np.floor(kept.max() / spacings + 0.5).astype(np.int64)
        points = np.array(tried[number])
        if _push(lattice, reach, firsts, owners, points, free, own_maps, own_offsets, kept, steps, tolerance):
            return number, points
    return -1, points


@compiled
def _push(
    lattice: Floats,
    reach: Ints,
    firsts: Ints,
    owners: Ints,
    points: Floats,
    free: Bits,
    maps: Floats,
    offsets: Floats,
    thresholds: Floats,
    steps: int,
    tolerance: float,
) -> bool:
    """Move ``points`` ``[sites, 3]`` in place; whether no pair is closer than its threshold less the tolerance.

    Args:
        lattice: rows, Å.
        reach: ``[3]`` images along each axis among which a pair within its threshold may be.
        firsts: ``[sites]`` the first atom of each site.
        owners: ``[atoms]`` the site of each.
        points: see above.
        free: ``[sites, 3]`` whether a coordinate may move.
        maps: ``[atoms, 3, 3]``.
        offsets: ``[atoms, 3]``.
        thresholds: ``[sites, sites]`` Å.
        steps: at most.
        tolerance: as a part of the threshold.
    """
    sites, atoms = len(points), len(owners)
    coords = np.empty((atoms, 3))
    moves, push = np.empty((sites, 3)), np.empty(3)
    for _ in range(steps):
        for atom in range(atoms):
            for axis in range(3):
                coords[atom, axis] = offsets[atom, axis]
                for part in range(3):
                    coords[atom, axis] += maps[atom, axis, part] * points[owners[atom], part]
        worst = 0.0
        for site in range(sites):
            lacking = _push_on(site, firsts[site], coords, lattice, reach, owners, free, thresholds, tolerance, push)
            if lacking < 0.0:
                return False
            worst = max(worst, lacking)
            for axis in range(3):
                moves[site, axis] = 0.0
                if free[site, axis]:  # the part of the push along the way on which this coordinate moves the atom
                    squared = product = 0.0
                    for x in range(3):
                        along = 0.0
                        for part in range(3):
                            along += maps[firsts[site], part, axis] * lattice[part, x]
                        squared += along * along
                        product += along * push[x]
                    moves[site, axis] = product / squared
        if worst <= tolerance:
            return True
        for site in range(sites):
            for axis in range(3):
                points[site, axis] += moves[site, axis]
    return False


@compiled
def _push_on(
    site: int,
    here: int,
    coords: Floats,
    lattice: Floats,
    reach: Ints,
    owners: Ints,
    free: Bits,
    thresholds: Floats,
    tolerance: float,
    push: Floats,
) -> float:
    """Write to ``push`` ``[3]`` (Å) how all atoms push one, each pair moving apart by half of what it lacks.

    Args:
        site: of the atom that is pushed.
        here: its index.
        coords: ``[atoms, 3]`` fractional.
        lattice, reach, owners, free, thresholds, tolerance: see `_push`.
        push: see above.

    Returns:
        The most that a pair lacks, as a part of its threshold; below 0 where no move can mend it.
    """
    worst = 0.0
    fixed = not (free[site, 0] or free[site, 1] or free[site, 2])
    push[0] = push[1] = push[2] = 0.0
    for atom in range(len(coords)):
        other = owners[atom]
        wanted = thresholds[site, other]
        a0 = coords[atom, 0] - coords[here, 0]
        b0 = coords[atom, 1] - coords[here, 1]
        c0 = coords[atom, 2] - coords[here, 2]
        a0, b0, c0 = a0 - floor(a0 + 0.5), b0 - floor(b0 + 0.5), c0 - floor(c0 + 0.5)
        hopeless = atom == here or (fixed and not (free[other, 0] or free[other, 1] or free[other, 2]))
        for i in range(-reach[0], reach[0] + 1):
            for j in range(-reach[1], reach[1] + 1):
                for k in range(-reach[2], reach[2] + 1):
                    if atom == here and i == 0 and j == 0 and k == 0:
                        continue
                    a, b, c = a0 + i, b0 + j, c0 + k
                    x = a * lattice[0, 0] + b * lattice[1, 0] + c * lattice[2, 0]
                    y = a * lattice[0, 1] + b * lattice[1, 1] + c * lattice[2, 1]
                    z = a * lattice[0, 2] + b * lattice[1, 2] + c * lattice[2, 2]
                    squared = x * x + y * y + z * z
                    if squared >= wanted * wanted:
                        continue
                    apart = sqrt(squared)
                    lacking = 1.0 - apart / wanted
                    if lacking > tolerance and hopeless:
                        return -1.0
                    worst = max(worst, lacking)
                    if apart > _COINCIDENT:
                        by = 0.5 * (wanted - apart) / apart
                        push[0] -= by * x
                        push[1] -= by * y
                        push[2] -= by * z
    return worst
