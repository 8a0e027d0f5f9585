"""Sites put into a cell one after another, each where it keeps its distance, or not at all."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.distances import metric_of_cell, nearest_image, plane_spacings, shortest_vector


@compiled
def put_images(coords: Floats, point: Floats, maps: Floats, offsets: Floats) -> None:
    """Write the images of a point ``[3]`` by the first n maps ``[.., 3, 3]`` and offsets to ``coords`` ``[n, 3]``."""
    for image in range(len(coords)):
        for axis in range(3):
            coords[image, axis] = offsets[image, axis] + (
                maps[image, axis, 0] * point[0] + maps[image, axis, 1] * point[1] + maps[image, axis, 2] * point[2]
            )


@compiled
def place_one_by_one(
    cell: Floats,
    positions: Ints,
    elements: Ints,
    order: Ints,
    tried: Floats,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    thresholds: Floats,
) -> tuple[Floats, bool]:
    """Choose for each site the first of its points at which its atoms keep their distance from all before and itself.

    Args:
        cell: ``[6]`` Å and degrees.
        positions: ``[sites]`` index of each site's position.
        elements: ``[sites]`` index of each site's element.
        order: ``[sites]`` in which they are placed.
        tried: ``[sites, n, 3]`` fractional points.
        maps, offsets, starts: the group's `SpaceGroup.flat_positions`.
        thresholds: ``[elements, elements]`` Å, symmetric.

    Returns:
        Points ``[sites, 3]``, and whether all keep their distance; a site that cannot has its last point.
    """
    metric = metric_of_cell(cell)
    spacings = plane_spacings(metric)
    shortest = shortest_vector(metric, spacings)
    points = np.empty((len(positions), 3))
    total = 0
    for site in range(len(positions)):
        for axis in range(3):
            points[site, axis] = tried[site, tried.shape[1] - 1, axis]
        total += starts[positions[site] + 1] - starts[positions[site]]
    for site in range(len(positions)):
        if shortest < thresholds[elements[site], elements[site]] ** 2:
            return points, False
    coords = np.empty((total, 3))
    owners = np.empty(total, dtype=np.int64)
    filled = 0
    for site in order:
        begin = starts[positions[site]]
        size = starts[positions[site] + 1] - begin
        for atom in range(filled, filled + size):
            owners[atom] = elements[site]
        found = False
        for number in range(tried.shape[1]):
            point = tried[site, number]
            put_images(coords[filled : filled + size], point, maps[begin:], offsets[begin:])
            clear = True
            for atom in range(filled + size):
                if atom != filled:
                    bound = thresholds[elements[site], owners[atom]] ** 2
                    squared = nearest_image(
                        metric,
                        spacings,
                        coords[atom, 0] - coords[filled, 0],
                        coords[atom, 1] - coords[filled, 1],
                        coords[atom, 2] - coords[filled, 2],
                        bound,
                    )
                    if squared < bound:
                        clear = False
                        break
            if clear:
                for axis in range(3):
                    points[site, axis] = point[axis]
                found = True
                break
        if not found:
            return points, False
        filled += size
    return points, True


@compiled
def place_first(
    cells: Floats,
    positions: Ints,
    elements: Ints,
    order: Ints,
    tried: Floats,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    thresholds: Floats,
) -> tuple[int, Floats]:
    """The first of several tries in which all sites keep their distance.

    Args:
        cells: ``[tries, 6]``, a cell for each.
        tried: ``[tries, sites, n, 3]`` fractional points, those of each.
        positions, elements, order, maps, offsets, starts, thresholds: see `place_one_by_one`.

    Returns:
        Its index and its points ``[sites, 3]``; -1 and the last one's points if there is none.
    """
    points = np.empty((len(positions), 3))
    for number in range(len(cells)):
        points, complete = place_one_by_one(
            cells[number], positions, elements, order, tried[number], maps, offsets, starts, thresholds
        )
        if complete:
            return number, points
    return -1, points


@compiled
def fits(
    cell: Floats,
    positions: Ints,
    elements: Ints,
    points: Floats,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    thresholds: Floats,
) -> bool:
    """Whether points ``[sites, 3]`` put on Wyckoff positions make a crystal without two atoms too close.

    The first pair that is too close ends the work. For the other arguments see `place_one_by_one`.
    """
    sites = len(positions)
    tried = points.copy().reshape(sites, 1, 3)
    _, complete = place_one_by_one(
        cell, positions, elements, np.arange(sites), tried, maps, offsets, starts, thresholds
    )
    return bool(complete)
