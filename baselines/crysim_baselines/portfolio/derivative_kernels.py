"""Loops over all pairs of atoms that a derived crystal needs, in machine code."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled


@compiled
def nearest_of_kind(lattice: Floats, points: Floats, coords: Floats, kinds: Ints) -> Ints:
    """The atom of its own kind nearest to each point ``[n]``, by nearest wrapped image.

    Args:
        lattice: rows, Å ``[3, 3]``.
        points: where the atoms are brought, fractional ``[n, 3]``.
        coords: of the atoms, fractional ``[n, 3]``.
        kinds: of the atoms, and of the points ``[n]``.
    """
    nearest = np.zeros(len(points), dtype=np.int64)
    for i in range(len(points)):
        least = np.inf
        for j in range(len(coords)):
            if kinds[j] != kinds[i]:
                continue
            a = points[i, 0] - coords[j, 0]
            b = points[i, 1] - coords[j, 1]
            c = points[i, 2] - coords[j, 2]
            a -= np.rint(a)
            b -= np.rint(b)
            c -= np.rint(c)
            length = 0.0
            for k in range(3):
                length += (a * lattice[0, k] + b * lattice[1, k] + c * lattice[2, k]) ** 2
            if length < least:
                least = length
                nearest[i] = j
    return nearest
