"""The bond characterisation matrix: a fingerprint that tells structures apart (Wang et al., Comput. Phys. Commun. 183,
2063, 2012).

For every pair of elements A, B and even l

    Q_lm = (1 / N_AB) sum over A-B bonds of exp(-alpha (r - b_AB)) Y_lm(direction),
    Q_l  = sqrt(4 pi / (2 l + 1) sum over m of |Q_lm|^2),

b_AB being the shortest A-B distance. Two structures differ by the Euclidean distance of their Q_l, divided by the root
of the number of pairs.
"""

from __future__ import annotations

from math import pi

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal

DEGREES = (0, 2, 4, 6, 8, 10)
ALPHA = 2.0
"""1/Å; a bond 1 Å longer than the shortest weighs 0.14."""
REACH = 2.5
"""Å beyond the shortest A-B distance; what is farther would weigh less than 0.007."""


def bond_matrix(crystal: Crystal) -> Floats:
    """The Q_l of every unordered pair of elements, ``[pairs, len(DEGREES)]``; zero where a pair has no bond."""
    structure = crystal.to_structure()
    elements = crystal.composition.elements
    kind = np.array([elements.index(s) for s in crystal.species])
    radius = float(np.cbrt(crystal.volume / crystal.num_atoms)) + REACH
    while True:
        centres, others, images, lengths = structure.get_neighbor_list(radius)
        vectors = (structure.frac_coords[others] + images - structure.frac_coords[centres]) @ structure.lattice.matrix
        low, high = np.sort(np.stack([kind[centres], kind[others]]), axis=0)
        pairs = [(a, b) for a in range(len(elements)) for b in range(a, len(elements))]
        bonds = [np.flatnonzero((low == a) & (high == b)) for a, b in pairs]
        complete = all(len(some) and lengths[some].min() + REACH <= radius for some in bonds)
        if complete or radius > 12.0:
            return np.array([_invariants(vectors[some], lengths[some]) for some in bonds])
        radius *= 1.3


def difference(first: Floats, second: Floats) -> float:
    """How much two matrices of one composition differ; 0 for equal structures."""
    return float(np.sqrt(((first - second) ** 2).sum() / len(first)))


def _invariants(vectors: Floats, lengths: Floats) -> Floats:
    from scipy.special import sph_harm_y

    if not len(lengths):
        return np.zeros(len(DEGREES))
    near = lengths <= lengths.min() + REACH
    vectors, lengths = vectors[near], lengths[near]
    weights = np.exp(-ALPHA * (lengths - lengths.min()))
    polar = np.arccos(np.clip(vectors[:, 2] / lengths, -1.0, 1.0))
    azimuth = np.arctan2(vectors[:, 1], vectors[:, 0])
    result = np.zeros(len(DEGREES))
    for i, degree in enumerate(DEGREES):
        orders = np.arange(degree + 1)
        harmonics = sph_harm_y(degree, orders[:, None], polar[None], azimuth[None])
        moments = np.abs((harmonics * weights).mean(axis=1)) ** 2
        # |Q_l,-m| = |Q_lm|, since weights are real
        result[i] = np.sqrt(4 * pi / (2 * degree + 1) * (moments[0] + 2 * moments[1:].sum()))
    return result
