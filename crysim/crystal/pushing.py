"""Random sites pushed apart within their positions until atoms keep their distance, or cannot.

A combination that fills space tightly is hardly ever hit by putting sites in one after another; moved aside by what
overlaps, as soft spheres move, atoms find the places that it has for them (Pickard and Needs, J. Phys.: Condens. Matter
23, 053201, 2011, do so between all atoms; here the sites of a space group move, and all images with them).
"""

from __future__ import annotations

from math import floor, inf, sqrt

import numpy as np

from crysim.arrays import Bits, Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.distances import plane_spacings
from crysim.crystal.placement import put_images

_COINCIDENT = 1e-6
"""Å: atoms so close have no direction in which to part."""


@compiled
def _push_on(
    site: int,
    coords: Floats,
    lattice: Floats,
    reach: Ints,
    firsts: Ints,
    owners: Ints,
    elements: Ints,
    fixed: Bits,
    thresholds: Floats,
    tolerance: float,
    push: Floats,
) -> float:
    """Write to ``push`` ``[3]`` (Å) how all other atoms push a site's first one.

    Each pair moves apart by half of what it lacks. For the arguments see `_push`.

    Returns:
        The most that a pair lacks, as a part of its threshold; infinity where no move can mend it.
    """
    worst, here = 0.0, firsts[site]
    push[:] = 0.0
    between = np.empty(3)
    for atom in range(len(coords)):
        other = owners[atom]
        wanted = thresholds[elements[site], elements[other]]
        for axis in range(3):
            along = coords[atom, axis] - coords[here, axis]
            between[axis] = along - floor(along + 0.5)
        for i in range(-reach[0], reach[0] + 1):
            for j in range(-reach[1], reach[1] + 1):
                for k in range(-reach[2], reach[2] + 1):
                    if atom == here and i == 0 and j == 0 and k == 0:
                        continue
                    a, b, c = between[0] + i, between[1] + j, between[2] + k
                    x = a * lattice[0, 0] + b * lattice[1, 0] + c * lattice[2, 0]
                    y = a * lattice[0, 1] + b * lattice[1, 1] + c * lattice[2, 1]
                    z = a * lattice[0, 2] + b * lattice[1, 2] + c * lattice[2, 2]
                    squared = x * x + y * y + z * z
                    if squared >= wanted * wanted:
                        continue
                    apart = sqrt(squared)
                    lacking = 1.0 - apart / wanted
                    if lacking > tolerance and (atom == here or (fixed[site] and fixed[other])):
                        return inf
                    worst = max(worst, lacking)
                    if apart > _COINCIDENT:
                        by = 0.5 * (wanted - apart) / apart
                        push[0] -= by * x
                        push[1] -= by * y
                        push[2] -= by * z
    return worst


@compiled
def _push(
    lattice: Floats,
    reach: Ints,
    firsts: Ints,
    owners: Ints,
    elements: Ints,
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
        firsts: ``[sites + 1]`` where each site's atoms start.
        owners: ``[atoms]`` the site of each.
        elements: ``[sites]``.
        points: see above.
        free: ``[sites, 3]`` whether a coordinate may move.
        maps: ``[atoms, 3, 3]``.
        offsets: ``[atoms, 3]``.
        thresholds: ``[elements, elements]`` Å.
        steps: at most.
        tolerance: as a part of the threshold.
    """
    sites = len(points)
    coords = np.empty((len(owners), 3))
    moves, push, along = np.empty((sites, 3)), np.empty(3), np.empty(3)
    fixed = np.empty(sites, dtype=np.bool_)
    for site in range(sites):
        fixed[site] = not (free[site, 0] or free[site, 1] or free[site, 2])
    for _ in range(steps):
        for site in range(sites):
            first, end = firsts[site], firsts[site + 1]
            put_images(coords[first:end], points[site], maps[first:end], offsets[first:end])
        worst = 0.0
        for site in range(sites):
            lacking = _push_on(
                site, coords, lattice, reach, firsts, owners, elements, fixed, thresholds, tolerance, push
            )
            if lacking == inf:
                return False
            worst = max(worst, lacking)
            for axis in range(3):
                moves[site, axis] = 0.0
                if free[site, axis]:  # the part of the push along the way on which this coordinate moves the atom
                    squared = product = 0.0
                    for x in range(3):
                        along[x] = 0.0
                        for part in range(3):
                            along[x] += maps[firsts[site], part, axis] * lattice[part, x]
                        squared += along[x] * along[x]
                        product += along[x] * push[x]
                    moves[site, axis] = product / squared
        if worst <= tolerance:
            return True
        points += moves
    return False


@compiled
def push_first(
    lattices: Floats,
    positions: Ints,
    elements: Ints,
    tried: Floats,
    free: Bits,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    thresholds: Floats,
    steps: int,
    tolerance: float,
) -> tuple[int, Floats]:
    """The first of several tries in which sites that are pushed apart come to keep their distance.

    Args:
        lattices: ``[tries, 3, 3]`` rows, Å.
        positions: ``[sites]`` index of each site's position.
        elements: ``[sites]`` index of each site's element.
        tried: ``[tries, sites, 3]`` fractional points to begin with.
        free: ``[sites, 3]`` whether a coordinate of the site's point is free, and so may move.
        maps, offsets, starts: the group's `SpaceGroup.flat_positions`.
        thresholds: ``[elements, elements]`` Å, symmetric.
        steps: in which all sites move, at most.
        tolerance: part of its threshold by which a pair may be closer in the end.

    Returns:
        Its index and its points ``[sites, 3]``; -1 and the last one's points if there is none.
    """
    sites = len(positions)
    firsts = np.zeros(sites + 1, dtype=np.int64)
    for site in range(sites):
        firsts[site + 1] = firsts[site] + starts[positions[site] + 1] - starts[positions[site]]
    owners = np.empty(firsts[sites], dtype=np.int64)
    own_maps = np.empty((firsts[sites], 3, 3))
    own_offsets = np.empty((firsts[sites], 3))
    for site in range(sites):
        for image in range(firsts[site + 1] - firsts[site]):
            owners[firsts[site] + image] = site
            own_maps[firsts[site] + image] = maps[starts[positions[site]] + image]
            own_offsets[firsts[site] + image] = offsets[starts[positions[site]] + image]
    largest = 0.0
    for site in range(sites):
        for other in range(sites):
            largest = max(largest, thresholds[elements[site], elements[other]])
    reach = np.empty(3, dtype=np.int64)
    points = np.empty((sites, 3))
    for number in range(len(lattices)):
        lattice = lattices[number]
        spacings = plane_spacings(lattice @ lattice.T)
        for axis in range(3):
            reach[axis] = floor(largest / spacings[axis] + 0.5)
        points = tried[number].copy()
        if _push(
            lattice, reach, firsts, owners, elements, points, free, own_maps, own_offsets, thresholds, steps, tolerance
        ):
            return number, points
    return -1, points
