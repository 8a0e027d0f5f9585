"""The loop of `crysim.crystal.bonding`: components of the periodic graph of near pairs, and the rank of each."""

from __future__ import annotations

from math import floor

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.distances import squared_length


@compiled
def find(parents: Ints, offsets: Ints, atom: int) -> tuple[int, int, int, int]:
    """The root of an atom and the lattice vector from the root's cell to the atom's."""
    x, y, z = 0, 0, 0
    while parents[atom] != atom:
        x += offsets[atom, 0]
        y += offsets[atom, 1]
        z += offsets[atom, 2]
        atom = parents[atom]
    return atom, x, y, z


@compiled
def add_translation(bases: Ints, ranks: Ints, root: int, vector: Ints) -> None:
    """Add a lattice vector to a component's, if it is independent of them."""
    rank = ranks[root]
    a, b = bases[root, 0], bases[root, 1]
    if rank == 3 or (vector[0] == 0 and vector[1] == 0 and vector[2] == 0):
        return
    if rank >= 1:
        c0 = a[1] * vector[2] - a[2] * vector[1]
        c1 = a[2] * vector[0] - a[0] * vector[2]
        c2 = a[0] * vector[1] - a[1] * vector[0]
        if rank == 1 and c0 == 0 and c1 == 0 and c2 == 0:
            return
        if rank == 2 and b[0] * c0 + b[1] * c1 + b[2] * c2 == 0:
            return
    for axis in range(3):
        bases[root, rank, axis] = vector[axis]
    ranks[root] = rank + 1


@compiled
def component_ranks(metric: Floats, spacings: Floats, coords: Floats, cutoff: float) -> tuple[Ints, Ints]:
    """The component of every atom ``[n]`` (its root), and the rank of the translations of every root ``[n]``.

    Args:
        metric: ``[3, 3]``, Å².
        spacings: ``[3]`` of the lattice planes, Å.
        coords: ``[n, 3]`` fractional.
        cutoff: Å, pairs at most this far apart are linked.
    """
    n = len(coords)
    parents = np.arange(n)
    offsets = np.zeros((n, 3), dtype=np.int64)
    bases = np.zeros((n, 3, 3), dtype=np.int64)
    ranks = np.zeros(n, dtype=np.int64)
    reach = np.empty(3, dtype=np.int64)
    for k in range(3):
        reach[k] = floor(cutoff / spacings[k] + 0.5)
    square = cutoff * cutoff
    image = np.empty(3, dtype=np.int64)
    nearest = np.empty(3, dtype=np.int64)
    f = np.empty(3)
    for i in range(n):
        for j in range(i, n):
            for k in range(3):
                difference = coords[j, k] - coords[i, k]
                nearest[k] = -floor(difference + 0.5)
                f[k] = difference + nearest[k]
            for x in range(-reach[0], reach[0] + 1):
                for y in range(-reach[1], reach[1] + 1):
                    for z in range(-reach[2], reach[2] + 1):
                        if i == j and x == 0 and y == 0 and z == 0:
                            continue
                        p, q, r = f[0] + x, f[1] + y, f[2] + z
                        length = squared_length(metric, p, q, r)
                        if length > square:
                            continue
                        root_i, xi, yi, zi = find(parents, offsets, i)
                        root_j, xj, yj, zj = find(parents, offsets, j)
                        if root_i == root_j and ranks[root_i] == 3:
                            continue
                        # from root i's cell to root j's, along the bond: to i, over to j, back to j's root
                        image[0] = xi + nearest[0] + x - xj
                        image[1] = yi + nearest[1] + y - yj
                        image[2] = zi + nearest[2] + z - zj
                        if root_i == root_j:
                            add_translation(bases, ranks, root_i, image)
                        else:
                            parents[root_j] = root_i
                            for axis in range(3):
                                offsets[root_j, axis] = image[axis]
                            for k in range(ranks[root_j]):
                                add_translation(bases, ranks, root_i, bases[root_j, k])
    roots = np.empty(n, dtype=np.int64)
    for i in range(n):
        roots[i] = find(parents, offsets, i)[0]
    return roots, ranks
