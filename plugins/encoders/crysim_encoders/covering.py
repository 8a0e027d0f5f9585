"""Which marked voxels stand for which sites: the choice whose symmetric images cover the marks best.

When every atom of a crystal is marked, the marks of an element are whole orbits. The leftmost marks, which the paper
takes as the sites, are then mostly images of one site. This reads the marks as they were made: site by site, the marked
voxel whose orbit falls on the most marks that no site before has covered.
"""

from __future__ import annotations

from math import floor, inf

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled


@compiled
def _cover(field: Floats, point: Floats, maps: Floats, offsets: Floats, touched: Ints, before: Floats) -> float:
    """How many marks the orbit of a point covers; the marks covered are taken out of the field.

    An image between voxels covers its eight neighbours by trilinear weights. Of every voxel touched, the index and the
    value before go to ``touched`` and ``before``, ``[8 * images]``, so that the caller can put them back.
    """
    g = field.shape[0]
    gain = 0.0
    n = 0
    low = np.empty(3, dtype=np.int64)
    part = np.empty(3)
    for image in range(len(maps)):
        for axis in range(3):
            value = offsets[image, axis]
            for other in range(3):
                value += maps[image, axis, other] * point[other]
            value = value * g - 0.5
            low[axis] = floor(value + 1e-9)
            part[axis] = max(0.0, value - low[axis])
        for corner in range(8):
            weight = 1.0
            index = 0
            for axis in range(3):
                bit = corner >> axis & 1
                weight *= part[axis] if bit else 1.0 - part[axis]
                index = index * g + (low[axis] + bit) % g
            i, j, k = index // (g * g), index // g % g, index % g
            touched[n] = index
            before[n] = field[i, j, k]
            taken = min(weight, field[i, j, k])
            field[i, j, k] -= taken
            gain += taken
            n += 1
    return gain


@compiled
def _gain(field: Floats, point: Floats, maps: Floats, offsets: Floats, touched: Ints, before: Floats) -> float:
    """How many marks the orbit of a point would cover, in steps of 2⁻²⁰, so that equal ones compare equal.

    The field is left as it is.
    """
    g = field.shape[0]
    gain = _cover(field, point, maps, offsets, touched, before)
    for n in range(8 * len(maps) - 1, -1, -1):
        field[touched[n] // (g * g), touched[n] // g % g, touched[n] % g] = before[n]
    return float(floor(gain * 2**20 + 0.5) / 2**20)


@compiled
def covering_points(
    marks: Floats, candidates: Floats, positions: Ints, maps: Floats, offsets: Floats, starts: Ints, gains: Floats
) -> Floats:
    """A point for every site of an element.

    Args:
        marks: ``[g, g, g]``, 1 where a voxel is marked, else 0.
        candidates: ``[n, 3]`` fractional points of the marked voxels, from the left, at least as many as sites; each
            serves one site. Between equal ones the leftmost is taken.
        positions: ``[sites]`` index of each site's Wyckoff position.
        maps, offsets: ``[images of all positions, 3, 3]`` and ``[..., 3]``, the positions' affine maps of points.
        starts: ``[positions + 1]`` where each position's images start.
        gains: ``[positions, n]`` marks that each candidate covers on each position while none is covered yet, for use
            in the next call with the same marks; rows that are not known yet are infinite, and filled when needed.

    Returns:
        ``[sites, 3]`` points; of a site without free coordinates any point.
    """
    field = marks.copy()
    points = np.zeros((len(positions), 3))
    used = np.zeros(len(candidates), dtype=np.bool_)
    bounds = np.empty(len(candidates))
    fixed = np.array([not np.any(maps[starts[p] : starts[p + 1]] != 0.0) for p in positions])
    most = max([starts[p + 1] - starts[p] for p in positions])
    touched = np.empty(8 * most, dtype=np.int64)
    before = np.empty(8 * most)
    last = -1
    # Sites without free coordinates come first: what they cover is certain.
    for site in np.argsort(~fixed, kind="mergesort"):
        position = positions[site]
        own_maps = maps[starts[position] : starts[position + 1]]
        own_offsets = offsets[starts[position] : starts[position + 1]]
        if not fixed[site]:
            if gains[position, 0] == inf:
                for n in range(len(candidates)):
                    gains[position, n] = _gain(marks, candidates[n], own_maps, own_offsets, touched, before)
            if position != last:
                last = position
                bounds[:] = gains[position]
            # Marks only vanish, so what a candidate gained before bounds what it gains now: look at the best alone.
            while True:
                best = int(np.argmax(np.where(used, -1.0, bounds)))
                gain = _gain(field, candidates[best], own_maps, own_offsets, touched, before)
                if gain >= bounds[best]:
                    break
                bounds[best] = gain
            used[best] = True
            points[site] = candidates[best]
        _cover(field, points[site], own_maps, own_offsets, touched, before)
    return points
