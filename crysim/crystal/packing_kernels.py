"""The compiled loop of `crysim.crystal.packing`, imported where it is needed."""

from __future__ import annotations

from math import sqrt

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.distances import metric_of_cell, nearest_image, plane_spacings, shortest_vector
from crysim.crystal.placement import put_images


@compiled
def least_ratios(
    cells: Floats,
    positions: Ints,
    elements: Ints,
    points: Floats,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    sums: Floats,
    floor: float,
) -> Floats:
    """See `crysim.crystal.packing.packing_ratios`; ``positions`` and ``elements`` ``[sites]`` of each site."""
    n = len(cells)
    num_sites = len(positions)
    firsts = np.zeros(num_sites + 1, dtype=np.int64)
    for site in range(num_sites):
        firsts[site + 1] = firsts[site] + starts[positions[site] + 1] - starts[positions[site]]
    coords = np.empty((firsts[-1], 3))
    result = np.zeros(n)
    for index in range(n):
        metric = metric_of_cell(cells[index])
        spacings = plane_spacings(metric)
        shortest = sqrt(shortest_vector(metric, spacings))
        for site in range(num_sites):
            begin = starts[positions[site]]
            images = coords[firsts[site] : firsts[site + 1]]
            put_images(images, points[index, site], maps[begin:], offsets[begin:])
        best = np.inf
        for site in range(num_sites):
            best = min(best, shortest / sums[elements[site], elements[site]])
        for site in range(num_sites):
            first = firsts[site]
            for other in range(site + 1):
                scale = sums[elements[site], elements[other]]
                for atom in range(firsts[other], firsts[other + 1]):
                    if atom != first and best >= floor:
                        squared = nearest_image(
                            metric,
                            spacings,
                            coords[atom, 0] - coords[first, 0],
                            coords[atom, 1] - coords[first, 1],
                            coords[atom, 2] - coords[first, 2],
                            (best * scale) ** 2,
                        )
                        best = min(best, sqrt(squared) / scale)
            if best < floor:
                break
        result[index] = best if best >= floor else 0.0
    return result
