"""The kernel of `crysim.crystal.distinct`: average distances to the k-th neighbour, by pairs of elements."""

from __future__ import annotations

from math import ceil, floor, inf, pi, sqrt

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.distances import squared_length


@compiled
def average_distances(
    metric: Floats, spacings: Floats, coords: Floats, elements: Ints, centres: Ints, weights: Floats, num_elements: int,
    num_neighbours: int,
) -> Floats:  # fmt: skip
    """Mean distance (Å) from an atom of element a to its k-th nearest of element b, ``[elements, elements, k]``.

    Args:
        metric: ``[3, 3]``, Å².
        spacings: ``[3]`` of the lattice planes, Å.
        coords: ``[n, 3]`` fractional.
        elements: ``[n]`` index of every atom's element.
        centres: indices of one atom of each orbit.
        weights: atoms in each orbit.
        num_elements: how many there are.
        num_neighbours: k goes to this.
    """
    volume = sqrt(abs(np.linalg.det(metric)))
    counts = np.zeros(num_elements)
    for element in elements:
        counts[element] += 1.0
    # a sphere that holds as many of the rarest element as are wanted, on average
    start = 1.1 * (3.0 * num_neighbours * volume / (4.0 * pi * counts.min())) ** (1.0 / 3.0)
    sums = np.zeros((num_elements, num_elements, num_neighbours))
    totals = np.zeros(num_elements)
    nearest = np.empty((num_elements, num_neighbours))
    reach = np.empty(3, dtype=np.int64)
    f = np.empty(3)
    for c in range(len(centres)):
        i = centres[c]
        radius = start
        while True:
            nearest[:] = inf
            for k in range(3):
                reach[k] = max(0, ceil(radius / spacings[k] - 0.5))
            for j in range(len(coords)):
                found = nearest[elements[j]]
                for k in range(3):
                    difference = coords[j, k] - coords[i, k]
                    f[k] = difference - floor(difference + 0.5)
                for x in range(-reach[0], reach[0] + 1):
                    for y in range(-reach[1], reach[1] + 1):
                        for z in range(-reach[2], reach[2] + 1):
                            if i == j and x == 0 and y == 0 and z == 0:
                                continue
                            p, q, r = f[0] + x, f[1] + y, f[2] + z
                            length = squared_length(metric, p, q, r)
                            if length < found[num_neighbours - 1]:
                                place = num_neighbours - 1
                                while place > 0 and found[place - 1] > length:
                                    found[place] = found[place - 1]
                                    place -= 1
                                found[place] = length
            # beyond the radius some images were left out
            if nearest[:, num_neighbours - 1].max() <= radius * radius:
                break
            radius *= 1.25
        a = elements[i]
        totals[a] += weights[c]
        for b in range(num_elements):
            for k in range(num_neighbours):
                sums[a, b, k] += weights[c] * sqrt(nearest[b, k])
    for a in range(num_elements):
        sums[a] /= totals[a]
    return sums
