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
    # of the plane of a and b, whose spacing is the third
    volume = spacings[2] * sqrt(metric[0, 0] * metric[1, 1] - metric[0, 1] * metric[0, 1])
    counts = np.zeros(num_elements)
    for element in elements:
        counts[element] += 1.0
    rarest = counts[0]
    for element in range(num_elements):
        rarest = min(rarest, counts[element])
    # a sphere that holds as many of the rarest element as are wanted, on average
    start = 1.1 * (3.0 * num_neighbours * volume / (4.0 * pi * rarest)) ** (1.0 / 3.0)
    sums = np.zeros((num_elements, num_elements, num_neighbours))
    totals = np.zeros(num_elements)
    nearest = np.empty((num_elements, num_neighbours))
    reach = np.empty(3, dtype=np.int64)
    f = np.empty(3)
    for c in range(len(centres)):
        i = centres[c]
        radius = start
        while True:
            for b in range(num_elements):
                for k in range(num_neighbours):
                    nearest[b, k] = inf
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
            farthest = 0.0
            for b in range(num_elements):
                farthest = max(farthest, nearest[b, num_neighbours - 1])
            if farthest <= radius * radius:
                break
            radius *= 1.25
        a = elements[i]
        totals[a] += weights[c]
        for b in range(num_elements):
            for k in range(num_neighbours):
                sums[a, b, k] += weights[c] * sqrt(nearest[b, k])
    for a in range(num_elements):
        for b in range(num_elements):
            for k in range(num_neighbours):
                sums[a, b, k] /= totals[a]
    return sums
