"""Compiled neighbour search: the bonds that leave the representatives, each set of equivalent bonds once."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled


@compiled
def resized(rows: NDArray[Any], kept: int, length: int) -> NDArray[Any]:
    """A copy of the first ``kept`` rows of a matrix in one of ``length`` rows."""
    result = np.empty((length, rows.shape[1]), dtype=rows.dtype)
    for row in range(kept):
        for column in range(rows.shape[1]):
            result[row, column] = rows[row, column]
    return result


@compiled
def first_at(center: Ints, site: int) -> int:
    """The first of the bonds, ascending by their representatives ``[w]``, that leaves a site or one after it."""
    low, high = 0, len(center)
    while low < high:
        middle = (low + high) // 2
        if center[middle] < site:
            low = middle + 1
        else:
            high = middle
    return low


@compiled(fast_math="reordered")
def find_bonds(
    lattice: Floats, frac_coords: Floats, representatives: Ints, radius: float
) -> tuple[Ints, Ints, Ints, Floats]:
    """All atoms within a radius of the representatives, periodic images included.

    Args:
        lattice: ``[3, 3]``, rows, Å.
        frac_coords: ``[n, 3]``, in any cell.
        representatives: ``[s]`` indices of atoms.
        radius: Å.

    Returns:
        index into the representatives ``[u]`` ascending, far atom ``[u]``, its shift in cells ``[u, 3]``, and the
        fractional vector ``[u, 3]``. The atom itself, in its own cell, is left out.
    """
    # the k-th fractional coordinate of any vector of this length is at most reach[k]: over the spacing of its planes
    reach = np.empty(3)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        square, volume = 0.0, 0.0
        for axis in range(3):
            q, r = (axis + 1) % 3, (axis + 2) % 3
            normal = lattice[i, q] * lattice[j, r] - lattice[i, r] * lattice[j, q]
            square += normal * normal
            volume += normal * lattice[k, axis]
        reach[k] = radius * sqrt(square) / abs(volume)
    found = 0
    whole = np.empty((128, 5), dtype=np.int64)
    vector = np.empty((128, 3))
    for s in range(len(representatives)):
        origin = frac_coords[representatives[s]]
        for j in range(len(frac_coords)):
            f0, f1, f2 = frac_coords[j, 0] - origin[0], frac_coords[j, 1] - origin[1], frac_coords[j, 2] - origin[2]
            for n0 in range(ceil(-reach[0] - f0), floor(reach[0] - f0) + 1):
                for n1 in range(ceil(-reach[1] - f1), floor(reach[1] - f1) + 1):
                    for n2 in range(ceil(-reach[2] - f2), floor(reach[2] - f2) + 1):
                        if j == representatives[s] and n0 == 0 and n1 == 0 and n2 == 0:
                            continue
                        g0, g1, g2 = f0 + n0, f1 + n1, f2 + n2
                        x = g0 * lattice[0, 0] + g1 * lattice[1, 0] + g2 * lattice[2, 0]
                        y = g0 * lattice[0, 1] + g1 * lattice[1, 1] + g2 * lattice[2, 1]
                        z = g0 * lattice[0, 2] + g1 * lattice[1, 2] + g2 * lattice[2, 2]
                        if x * x + y * y + z * z > radius * radius:
                            continue
                        if found == len(vector):
                            whole, vector = resized(whole, found, 2 * found), resized(vector, found, 2 * found)
                        whole[found, 0], whole[found, 1] = s, j
                        whole[found, 2], whole[found, 3], whole[found, 4] = n0, n1, n2
                        vector[found, 0], vector[found, 1], vector[found, 2] = g0, g1, g2
                        found += 1
    center, far = np.empty(found, dtype=np.int64), np.empty(found, dtype=np.int64)
    shift = np.empty((found, 3), dtype=np.int64)
    for b in range(found):
        center[b], far[b] = whole[b, 0], whole[b, 1]
        shift[b, 0], shift[b, 1], shift[b, 2] = whole[b, 2], whole[b, 3], whole[b, 4]
    return center, far, shift, resized(vector, found, found)


@compiled(fast_math="reordered")
def rotated(rotations: Floats, g: int, vector: Floats, b: int) -> tuple[float, float, float]:
    """A bond's vector ``vector[b]`` rotated by ``rotations[g]``."""
    x, y, z = vector[b, 0], vector[b, 1], vector[b, 2]
    return (
        rotations[g, 0, 0] * x + rotations[g, 0, 1] * y + rotations[g, 0, 2] * z,
        rotations[g, 1, 0] * x + rotations[g, 1, 1] * y + rotations[g, 1, 2] * z,
        rotations[g, 2, 0] * x + rotations[g, 2, 1] * y + rotations[g, 2, 2] * z,
    )


@compiled(fast_math="reordered")
def is_at(vector: Floats, b: int, x: float, y: float, z: float, tolerance: float) -> bool:
    """Whether a bond's vector ``vector[b]`` is (x, y, z)."""
    return bool(
        abs(x - vector[b, 0]) < tolerance and abs(y - vector[b, 1]) < tolerance and abs(z - vector[b, 2]) < tolerance
    )


@compiled(fast_math="reordered")
def fold_bonds(
    center: Ints, vector: Floats, rotations: Floats, starts: Ints, tolerance: float
) -> tuple[Ints, Floats, Ints, Ints]:
    """One of each set of bonds that the site group of their representative maps onto each other.

    Args:
        center: the bonds' representatives ``[u]``, ascending.
        vector: fractional vectors ``[u, 3]``.
        rotations: the site groups' rotations on fractional coordinates, one group after another, ``[g, 3, 3]``.
        starts: the rotations of representative s are ``rotations[starts[s]:starts[s + 1]]``.
        tolerance: on fractional coordinates; far below the distance of any two atoms.

    Returns:
        The indices of the bonds kept ``[v]``, and how many bonds each stands for ``[v]``. The count is that of the
        images, whether or not the list holds them all: at its very edge rounding may have lost some. Then for every
        bond which of those kept it is an image of, and by which of the rotations ``[u]``.
    """
    taken = np.zeros(len(center), dtype=np.bool_)
    kept = np.empty(len(center), dtype=np.int64)
    count = np.empty(len(center))
    image_of = np.empty(len(center), dtype=np.int64)
    image_by = np.empty(len(center), dtype=np.int64)
    found = 0
    end = 0
    for b in range(len(center)):
        while end < len(center) and center[end] <= center[b]:
            end += 1
        if taken[b]:
            continue
        first, last = starts[center[b]], starts[center[b] + 1]
        fixing = 0
        for g in range(first, last):
            x, y, z = rotated(rotations, g, vector, b)
            if is_at(vector, b, x, y, z, tolerance):
                fixing += 1
                image_of[b], image_by[b] = found, g
                continue
            for other in range(b + 1, end):
                if not taken[other] and is_at(vector, other, x, y, z, tolerance):
                    taken[other] = True
                    image_of[other], image_by[other] = found, g
                    break
        kept[found], count[found] = b, (last - first) / fixing
        found += 1
    return kept[:found].copy(), count[:found].copy(), image_of, image_by
