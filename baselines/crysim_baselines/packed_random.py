"""Random crystals with symmetry at a plausible volume and with a minimum distance, as CALYPSO and CrySPY make them."""

from __future__ import annotations

from math import cos, radians

import numba
import numpy as np
from numpy.typing import NDArray

from crysim.crystal import Crystal
from crysim.distances import nearest_image, plane_spacings, shortest_vector
from crysim.errors import InputError
from crysim.generation import MAX_COMBINATIONS, allowed_space_groups, min_distance_or_default
from crysim.interfaces import Problem
from crysim.symmetry import Combination, WyckoffCombinations, compatible_space_groups, crystal_system
from crysim_baselines.packing import (
    cells_from_shapes,
    estimated_volume,
    flat_positions,
    num_shape_parameters,
    place,
    scaled,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPREAD = (0.8, 1.4)
"""Volumes drawn, relative to the one wanted."""
POINTS = 40
"""Points tried for one site before a combination is given up."""


class PackedGenerator:
    """Draws a space group, a combination and a cell, and puts in one site after another where it keeps its distance.

    A volume drawn at random, as in `crysim.generation.RandomGenerator`, is mostly far too large: atoms beyond each
    other's reach feel no force, and stay apart.
    """

    def __init__(self, problem: Problem, tries: int = 300) -> None:
        """Prepare the generator.

        Args:
            problem: its space groups and its minimum distance (None: the default by size) hold.
            tries: combinations drawn; the volume grows as they fail, up to twice.

        Raises:
            InputError: the composition fits none of the space groups.
        """
        self.composition = problem.composition
        self.min_distance = min_distance_or_default(self.composition, problem.min_distance)
        allowed = allowed_space_groups(problem.space_groups)
        compatible = compatible_space_groups(self.composition, allowed)
        if not compatible:
            raise InputError(f"{self.composition} fits none of the {len(allowed)} space groups asked for")
        self._groups = tuple(compatible)
        self._combinations = {number: WyckoffCombinations(self.composition, number) for number in compatible}
        self._volume = estimated_volume(self.composition)
        self._tries = tries

    def draw(self, rng: np.random.Generator, volume: float | None = None) -> Crystal:
        """A crystal whose volume is about ``volume`` Å³, or that of covalent spheres if None.

        If no combination keeps the minimum distance in all tries, the last one is enlarged until it does.
        """
        crystal: Crystal | None = None
        for attempt in range(self._tries):
            number = self._groups[int(rng.integers(len(self._groups)))]
            combination = self._combinations[number].sample(rng, MAX_COMBINATIONS)
            wanted = (self._volume if volume is None else volume) * float(rng.uniform(*SPREAD))
            wanted *= 1.0 + attempt / self._tries
            system = crystal_system(number)
            cell = cells_from_shapes(system, rng.random((1, num_shape_parameters(system))), wanted)[0]
            points, complete = self._points(number, combination, cell, rng)
            if complete or attempt == self._tries - 1:
                crystal = place(self.composition, number, combination, cell, points)
            if complete:
                break
        assert crystal is not None
        return scaled(crystal, max(1.0, 1.0001 * self.min_distance / crystal.min_distance()))

    def _points(
        self, number: int, combination: Combination, cell: Floats, rng: np.random.Generator
    ) -> tuple[Floats, bool]:
        maps, offsets, starts = flat_positions(number)
        positions = np.array([i for indices in combination for i in indices], dtype=np.int64)
        # what has least freedom goes first: it cannot give way
        order = np.argsort([np.count_nonzero(maps[starts[i]].any(axis=0)) for i in positions], kind="stable")
        tried = rng.random((len(positions), POINTS, 3))
        points, complete = place_one_by_one(cell, positions, order, tried, maps, offsets, starts, self.min_distance)
        return points, bool(complete)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def place_one_by_one(
    cell: Floats,
    positions: Ints,
    order: Ints,
    tried: Floats,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    min_distance: float,
) -> tuple[Floats, bool]:
    """Choose for each site the first of its points at which its atoms keep their distance from all before and itself.

    Args:
        cell: ``[6]`` Å and degrees.
        positions: ``[sites]`` index of each site's position.
        order: ``[sites]`` in which they are placed.
        tried: ``[sites, n, 3]`` fractional points.
        maps, offsets, starts: see `crysim_baselines.packing.flat_positions`.
        min_distance: Å.

    Returns:
        Points ``[sites, 3]``, and whether all keep their distance; a site that cannot has its last point.
    """
    metric = np.empty((3, 3))
    for i in range(3):
        metric[i, i] = cell[i] * cell[i]
        j, k = (i + 1) % 3, (i + 2) % 3
        metric[j, k] = metric[k, j] = cell[j] * cell[k] * cos(radians(cell[3 + i]))
    spacings = plane_spacings(metric)
    bound = min_distance * min_distance
    points = tried[:, -1].copy()
    complete = shortest_vector(metric, spacings) >= bound
    total = 0
    for position in positions:
        total += starts[position + 1] - starts[position]
    coords = np.empty((total, 3))
    filled = 0
    for site in order:
        begin = starts[positions[site]]
        size = starts[positions[site] + 1] - begin
        found = False
        for number in range(tried.shape[1]):
            point = tried[site, number]
            for image in range(size):
                for axis in range(3):
                    coords[filled + image, axis] = offsets[begin + image, axis] + (
                        maps[begin + image, axis, 0] * point[0]
                        + maps[begin + image, axis, 1] * point[1]
                        + maps[begin + image, axis, 2] * point[2]
                    )
            fits = True
            for atom in range(filled + size):
                if atom != filled:
                    squared = nearest_image(
                        metric,
                        spacings,
                        coords[atom, 0] - coords[filled, 0],
                        coords[atom, 1] - coords[filled, 1],
                        coords[atom, 2] - coords[filled, 2],
                        bound,
                    )
                    if squared < bound:
                        fits = False
                        break
            if fits:
                points[site] = point
                found = True
                break
        if not found:
            return points, False
        filled += size
    return points, complete
