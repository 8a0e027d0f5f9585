"""The shortest interatomic distance of periodic crystals, exact for any cell.

For a pair of atoms whose fractional difference f is wrapped to [-1/2, 1/2), an image shifted by n has a component of
at least |f_k + n_k|·h_k along the normal of the k-th lattice plane, h_k being the planes' spacing. So once some
distance R is known, no image beyond |n_k| = floor(R/h_k + 1/2) can beat it. Crystals are dense: R is mostly below
half of every spacing, and then the wrapped difference alone decides.
"""

from __future__ import annotations

from math import cos, floor, inf, radians, sqrt

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled


@compiled
def metric_of_cell(cell: Floats) -> Floats:
    """Metric tensor ``[3, 3]`` (Å²) of cell parameters ``[6]`` (Å and degrees)."""
    metric = np.empty((3, 3))
    for i in range(3):
        metric[i, i] = cell[i] * cell[i]
        j, k = (i + 1) % 3, (i + 2) % 3
        metric[j, k] = metric[k, j] = cell[j] * cell[k] * cos(radians(cell[3 + i]))
    return metric


@compiled
def plane_spacings(metric: Floats) -> Floats:
    """Spacings h ``[3]`` (Å) of the lattice planes of a metric tensor ``[3, 3]`` (Å²)."""
    spacings = np.empty(3)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        # by expansion along row k: the volume's square over the square of the face's area
        face = metric[i, i] * metric[j, j] - metric[i, j] * metric[i, j]
        determinant = (
            metric[k, k] * face
            + metric[k, i] * (metric[i, j] * metric[j, k] - metric[i, k] * metric[j, j])
            + metric[k, j] * (metric[i, k] * metric[i, j] - metric[i, i] * metric[j, k])
        )
        if not determinant > 0.0:
            raise np.linalg.LinAlgError("the cell is flat")
        spacings[k] = sqrt(determinant / face)
    return spacings


@compiled
def shortest_vector(metric: Floats, spacings: Floats) -> float:
    """Squared length of the shortest lattice vector."""
    best = min(metric[0, 0], metric[1, 1], metric[2, 2])
    root = sqrt(best)
    n0, n1, n2 = floor(root / spacings[0]), floor(root / spacings[1]), floor(root / spacings[2])
    for i in range(n0 + 1):
        for j in range(-n1, n1 + 1):
            for k in range(-n2, n2 + 1):
                if i == 0 and j == 0 and k == 0:
                    continue
                best = min(best, squared_length(metric, float(i), float(j), float(k)))
    return float(best)


@compiled(inlining="source")
def squared_length(metric: Floats, x: float, y: float, z: float) -> float:
    return float(
        metric[0, 0] * x * x
        + metric[1, 1] * y * y
        + metric[2, 2] * z * z
        + 2.0 * (metric[0, 1] * x * y + metric[0, 2] * x * z + metric[1, 2] * y * z)
    )


@compiled(inlining="source")
def _wrap(x: float) -> float:
    return x - floor(x + 0.5)


@compiled
def nearest_image(metric: Floats, spacings: Floats, x: float, y: float, z: float, bound: float) -> float:
    """The least squared length of (x, y, z) + n over all n, if below ``bound`` (squared); else some value above it."""
    x, y, z = _wrap(x), _wrap(y), _wrap(z)
    best = min(bound, squared_length(metric, x, y, z))
    root = sqrt(best)
    n0 = floor(root / spacings[0] + 0.5)
    n1 = floor(root / spacings[1] + 0.5)
    n2 = floor(root / spacings[2] + 0.5)
    if n0 == 0 and n1 == 0 and n2 == 0:
        return float(best)
    for i in range(-n0, n0 + 1):
        for j in range(-n1, n1 + 1):
            for k in range(-n2, n2 + 1):
                best = min(best, squared_length(metric, x + i, y + j, z + k))
    return float(best)


@compiled
def shortest_of_each(
    lattices: Floats, coords: Floats, starts: Ints, representatives: Ints, representative_starts: Ints
) -> Floats:
    """The shortest distance (Å) of each of n crystals, images of an atom in other cells included.

    Args:
        lattices: ``[n, 3, 3]``, rows, Å.
        coords: ``[atoms of all, 3]`` fractional.
        starts: ``[n + 1]`` where each crystal's atoms start.
        representatives: ``[orbits of all]`` index into ``coords`` of one atom of each orbit.
        representative_starts: ``[n + 1]`` where each crystal's orbits start.
    """
    n = len(lattices)
    result = np.full(n, inf)
    for crystal in range(n):
        metric = lattices[crystal] @ lattices[crystal].T
        spacings = plane_spacings(metric)
        best = shortest_vector(metric, spacings)
        for r in range(representative_starts[crystal], representative_starts[crystal + 1]):
            i = representatives[r]
            for j in range(starts[crystal], starts[crystal + 1]):
                if i != j:
                    best = nearest_image(
                        metric,
                        spacings,
                        coords[j, 0] - coords[i, 0],
                        coords[j, 1] - coords[i, 1],
                        coords[j, 2] - coords[i, 2],
                        best,
                    )
        result[crystal] = sqrt(best)
    return result


@compiled
def shortest_of_pairs(lattice: Floats, coords: Floats, owners: Ints, kinds: int, most: float) -> Floats:
    """The shortest distance (Å) of each pair of kinds of atoms in a crystal, images in other cells included.

    Args:
        lattice: ``[3, 3]``, rows, Å.
        coords: ``[atoms, 3]`` fractional.
        owners: ``[atoms]`` kind of each.
        kinds: how many there are.
        most: Å; what is longer is not looked for.

    Returns:
        ``[kinds, kinds]``, at most ``most``.
    """
    metric = lattice @ lattice.T
    spacings = plane_spacings(metric)
    result = np.full((kinds, kinds), most**2)
    alone = min(most**2, shortest_vector(metric, spacings))
    for i in range(len(coords)):
        a = owners[i]
        result[a, a] = min(result[a, a], alone)
        for j in range(i):
            b = owners[j]
            x, y, z = coords[i, 0] - coords[j, 0], coords[i, 1] - coords[j, 1], coords[i, 2] - coords[j, 2]
            squared = nearest_image(metric, spacings, x, y, z, result[a, b])
            result[a, b] = min(result[a, b], squared)
            result[b, a] = result[a, b]
    return np.asarray(np.sqrt(result))
