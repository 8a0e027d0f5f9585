"""Compiled geometry of batches: bond vectors from free parameters, and slopes in bond vectors back to them."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled


@compiled(fast_math="reordered")
def bond_vectors(
    lattices: Floats,
    points: Floats,
    maps: Floats,
    offsets: Floats,
    crystal: Ints,
    center: Ints,
    far: Ints,
    far_maps: Floats,
    constants: Floats,
) -> Floats:
    """Cartesian vectors ``[u, 3]``, Å, of all bonds listed.

    Args:
        lattices: of the crystals ``[C, 3, 3]``, rows, Å.
        points: of the sites ``[s, 3]``.
        maps, offsets: of the sites' points to their representatives' coordinates ``[s, 3, 3]`` and ``[s, 3]``.
        crystal: of each bond ``[u]``.
        center, far: sites at the two ends ``[u]``.
        far_maps, constants: of the far site's point to the far atom's coordinates ``[u, 3, 3]`` and ``[u, 3]``.
    """
    vectors = np.empty((len(center), 3))
    for b in range(len(center)):
        c, f, lattice = center[b], far[b], lattices[crystal[b]]
        x = y = z = 0.0
        for i in range(3):
            difference = constants[b, i] - offsets[c, i]
            for j in range(3):
                difference += far_maps[b, i, j] * points[f, j] - maps[c, i, j] * points[c, j]
            x += difference * lattice[i, 0]
            y += difference * lattice[i, 1]
            z += difference * lattice[i, 2]
        vectors[b, 0], vectors[b, 1], vectors[b, 2] = x, y, z
    return vectors


@compiled(fast_math="reordered")
def pull_back(
    lattices: Floats,
    maps: Floats,
    crystal: Ints,
    center: Ints,
    far: Ints,
    far_maps: Floats,
    vectors: Floats,
    pulls: Floats,
    index: Ints,
    strains: Floats,
    sites: Floats,
    shortest: Floats,
) -> None:
    """Add up slopes in bond vectors as slopes in the cells and the points.

    Args:
        lattices, maps, crystal, center, far, far_maps: of all bonds listed, as in `bond_vectors`.
        vectors, pulls: of the bonds in the graph and the slopes in them ``[U, 3]``.
        index: of these bonds among those listed ``[U]``.
        strains: slopes in the strains ``[C, 3, 3]``, added to.
        sites: slopes in the points ``[s, 3]``, added to.
        shortest: squared lengths ``[C]``, lowered to that of each crystal's shortest bond.
    """
    slope = np.empty(3)
    for g in range(len(index)):
        b = index[g]
        one = crystal[b]
        squared = 0.0
        for i in range(3):
            squared += vectors[g, i] ** 2
            slope[i] = 0.0
            for j in range(3):
                strains[one, i, j] += vectors[g, i] * pulls[g, j]
                slope[i] += lattices[one, i, j] * pulls[g, j]
        shortest[one] = min(shortest[one], squared)
        for j in range(3):
            to_far = to_center = 0.0
            for i in range(3):
                to_far += far_maps[b, i, j] * slope[i]
                to_center += maps[center[b], i, j] * slope[i]
            sites[far[b], j] += to_far
            sites[center[b], j] -= to_center


def lengths_of(vectors: Floats) -> tuple[Floats, Floats]:
    """Lengths ``[n]`` and directions ``[n, 3]`` of vectors."""
    lengths = np.sqrt(np.square(vectors).sum(axis=1))
    return lengths, vectors / lengths[:, None]


def to_vectors(lengths: Floats, directions: Floats, to_lengths: Floats, to_directions: Floats) -> Floats:
    """Slopes in vectors ``[n, 3]`` from those in their lengths ``[n]`` and directions ``[n, 3]``."""
    along = to_lengths - (to_directions * directions).sum(axis=1) / lengths
    found: Floats = to_directions / lengths[:, None] + along[:, None] * directions
    return found
