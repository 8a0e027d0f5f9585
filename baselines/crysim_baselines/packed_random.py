"""Random crystals with symmetry at a plausible volume and with a minimum distance, as CALYPSO and CrySPY make them."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.crystal.generation import MAX_COMBINATIONS, allowed_space_groups, fitting_space_groups
from crysim.crystal.min_distances import POINTS
from crysim.crystal.packing import (
    cells_from_shapes,
    estimated_volume,
    flat_combination,
    num_shape_parameters,
    place,
    scaled,
)
from crysim.interfaces import Problem
from crysim.symmetry import Combination, WyckoffCombinations, crystal_system, space_group

SPREAD = (0.8, 1.4)
"""Volumes drawn, relative to the one wanted."""


class PackedGenerator:
    """Draws a space group, a combination and a cell, and puts in one site after another where it keeps its distance.

    A volume drawn at random, as in `crysim.crystal.generation.RandomGenerator`, is mostly far too large: atoms beyond
    each other's reach feel no force, and stay apart.
    """

    def __init__(self, problem: Problem, tries: int = 300) -> None:
        """Prepare the generator.

        Args:
            problem: its space groups and its minimum distances hold.
            tries: combinations drawn; the volume grows as they fail, up to twice.

        Raises:
            InputError: the composition fits none of the space groups.
        """
        self.contents = problem.contents
        self.min_distances = problem.min_distances
        allowed = allowed_space_groups(problem.space_groups)
        compatible = fitting_space_groups(self.contents, allowed)
        self._groups = tuple(compatible)
        self._combinations = {number: WyckoffCombinations(self.contents, number) for number in compatible}
        self._volume = estimated_volume(problem.composition)
        self._tries = tries

    def draw(self, rng: np.random.Generator, volume: float | None = None) -> Crystal:
        """A crystal whose volume is about ``volume`` Å³ per cell of the contents, or that of covalent spheres if None.

        If no combination keeps the minimum distance in all tries, the last one is enlarged until it does.
        """
        crystal: Crystal | None = None
        for attempt in range(self._tries):
            number = self._groups[int(rng.integers(len(self._groups)))]
            combination = self._combinations[number].sample(rng, MAX_COMBINATIONS)
            wanted = (self._volume if volume is None else volume) * float(rng.uniform(*SPREAD))
            wanted *= 1.0 + attempt / self._tries
            wanted *= self.contents.factor_in(number)
            system = crystal_system(number)
            cell = cells_from_shapes(system, rng.random((1, num_shape_parameters(system))), wanted)[0]
            points, complete = self._points(number, combination, cell, rng)
            if complete or attempt == self._tries - 1:
                crystal = place(self.contents.composition_in(number), number, combination, cell, points)
            if complete:
                break
        assert crystal is not None
        while not self.min_distances.satisfied_by(crystal):
            crystal = scaled(crystal, max(1.01, 1.0001 * self.min_distances.smallest / crystal.min_distance()))
        return crystal

    def _points(
        self, number: int, combination: Combination, cell: Floats, rng: np.random.Generator
    ) -> tuple[Floats, bool]:
        from crysim.crystal.placement import place_one_by_one

        group = space_group(number)
        positions, elements, order = flat_combination(group, combination)
        tried = rng.random((len(positions), POINTS, 3))
        thresholds = np.array(self.min_distances.thresholds)  # a kernel is compiled anew for what cannot be written
        points, complete = place_one_by_one(cell, positions, elements, order, tried, *group.flat_positions, thresholds)
        return points, bool(complete)
