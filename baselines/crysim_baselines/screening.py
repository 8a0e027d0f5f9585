"""Wyckoff combinations in levels of equal freedom, and what of them can be placed so that its atoms fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from crysim.arrays import Floats
from crysim.crystal.generation import allowed_space_groups, fitting_space_groups
from crysim.crystal.packing import (
    cells_from_shapes,
    estimated_volume,
    num_shape_parameters,
    packing_ratios,
    place,
)
from crysim.crystal.radii import radius_sums
from crysim.interfaces import Problem, derive_rng
from crysim.symmetry import (
    Combination,
    WyckoffCombinations,
    crystal_system,
    free_cell_parameters,
    space_group,
)
from crysim_baselines.low_discrepancy import sobol_points

_SIGNATURE_DIGITS = 4


@dataclass(frozen=True)
class Placement:
    """A combination with cell and coordinates, at the estimated volume.

    Attributes:
        space_group: number.
        combination: positions of each element.
        cell: ``[6]`` Å and degrees.
        points: ``[sites, 3]`` from which the free coordinates are taken.
        ratio: least distance over the sum of covalent radii.
        parameters: free cell parameters and free coordinates together.
        visit: how often the combination was placed before.
    """

    space_group: int
    combination: Combination
    cell: Floats
    points: Floats
    ratio: float
    parameters: int
    visit: int = 0


class Level:
    """The combinations with one number of free parameters, over space groups, in a random order.

    Groups take turns, so that those with many combinations do not crowd out the others; the highest comes first, so
    that of equal structures the one of the highest symmetry is kept.
    """

    def __init__(self, members: Sequence[tuple[WyckoffCombinations, int, int]], rng: np.random.Generator) -> None:
        """Take the ranges of indices ``(combinations of a group, start, stop)`` in order 'fewest-free-first'."""
        self.buffer: list[Placement] = []
        ordered = sorted(members, key=lambda member: -member[0].space_group.number)
        self._queues = [_shuffled(combinations, start, stop, rng) for combinations, start, stop in ordered]

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to take."""
        return not self._queues and not self.buffer

    def take(self, n: int) -> list[tuple[int, Combination]]:
        """Up to ``n`` more combinations with their space groups; nothing when all were taken."""
        taken: list[tuple[int, Combination]] = []
        while self._queues and len(taken) < n:
            for queue in self._queues[: n - len(taken)]:
                item = next(queue, None)
                if item is None:
                    self._queues.remove(queue)
                else:
                    taken.append(item)
        return taken


def _shuffled(
    combinations: WyckoffCombinations, start: int, stop: int, rng: np.random.Generator
) -> Iterator[tuple[int, Combination]]:
    """The combinations of a range in a random order, without listing a large range."""
    size = stop - start
    number = combinations.space_group.number
    if size <= 10_000:
        for index in rng.permutation(size):
            yield number, combinations.unrank(start + int(index))
        return
    seen: set[int] = set()
    while len(seen) < size:
        index = start + int.from_bytes(rng.bytes(48), "little") % size
        if index not in seen:
            seen.add(index)
            yield number, combinations.unrank(index)


class Screener:
    """Places combinations at points of low discrepancy, and keeps those whose atoms fit."""

    def __init__(self, problem: Problem, points: int, min_ratio: float) -> None:
        self.problem = problem
        self._points = points
        self._min_ratio = min_ratio
        self._round = 0
        self._contents = problem.contents
        self._volume = estimated_volume(problem.composition)
        self._sums = radius_sums(problem.composition)
        self._known: set[tuple[object, ...]] = set()

    def relax_demands(self) -> None:
        """From now on atoms may come closer, and structures may come again."""
        self._round += 1
        self._min_ratio *= 0.9
        self._known.clear()

    def levels(self) -> list[Level]:
        """The levels from the fewest free parameters on."""
        ranges: dict[int, list[tuple[WyckoffCombinations, int, int]]] = {}
        for number in fitting_space_groups(self._contents, allowed_space_groups(self.problem.space_groups)):
            combinations = WyckoffCombinations(self._contents, number, "fewest-free-first")
            in_cell = len(free_cell_parameters(crystal_system(number)))
            start = 0
            for free, ways in enumerate(combinations.counts_by_free_coordinates):
                if ways:
                    ranges.setdefault(in_cell + free, []).append((combinations, start, start + ways))
                start += ways
        return [
            Level(ranges[level], derive_rng(self.problem.seed, "enumerate", "level", level, self._round))
            for level in sorted(ranges)
        ]

    def take(self, level: Level, block: int, quota: int) -> list[Placement]:
        """Up to ``quota`` placements of a level, the best-packed of a block first; nothing if none of a block fits."""
        if not level.buffer:
            found = [p for number, c in level.take(block) if (p := self.screen(number, c)) is not None]
            level.buffer = sorted(found, key=lambda p: -p.ratio)[: 4 * quota]
        taken, level.buffer = level.buffer[:quota], level.buffer[quota:]
        return taken

    def screen(self, number: int, combination: Combination) -> Placement | None:
        """The best-packed of the first points; None if atoms come too close in all, or the structure came before."""
        placement = self._best_of(number, combination, visit=0)
        if placement is None or placement.ratio < self._min_ratio:
            return None
        if not any(_variables(number, combination)):
            signature = self._signature(number, combination)
            if signature in self._known:
                return None
            self._known.add(signature)
        return placement

    def visit_again(self, placement: Placement) -> Placement:
        """The first of the next points at which the atoms fit, or the best-packed of them."""
        visit = placement.visit + 1
        number, combination = placement.space_group, placement.combination
        cells, points, ratios = self._placed(number, combination, visit)
        fitting = np.flatnonzero(ratios >= self._min_ratio)
        index = int(fitting[0]) if len(fitting) else int(ratios.argmax())
        return Placement(
            number, combination, cells[index], points[index], float(ratios[index]), placement.parameters, visit
        )

    def _best_of(self, number: int, combination: Combination, visit: int) -> Placement | None:
        cells, points, ratios = self._placed(number, combination, visit)
        index = int(ratios.argmax())
        if ratios[index] <= 0:
            return None
        parameters = len(free_cell_parameters(crystal_system(number))) + sum(_variables(number, combination))
        return Placement(number, combination, cells[index], points[index], float(ratios[index]), parameters, visit)

    def _placed(self, number: int, combination: Combination, visit: int) -> tuple[Floats, Floats, Floats]:
        """Cells ``[points, 6]``, points ``[points, sites, 3]`` and packing ratios of one visit."""
        system = crystal_system(number)
        axes = _axes(number, combination)
        in_shape = num_shape_parameters(system)
        dimensions = in_shape + sum(map(len, axes))
        if dimensions == 0:
            numbers = np.zeros((1, 0))
        else:
            rng = derive_rng(self.problem.seed, "enumerate", "points", number, str(combination), visit)
            numbers = sobol_points(dimensions, max(1, (self._points - 1).bit_length()), rng)
        cells = cells_from_shapes(system, numbers[:, :in_shape], self._volume * self._contents.factor_in(number))
        points = np.zeros((len(numbers), len(axes), 3))
        column = in_shape
        for site, used in enumerate(axes):
            points[:, site, list(used)] = numbers[:, column : column + len(used)]
            column += len(used)
        return cells, points, packing_ratios(number, combination, cells, points, self._sums, 0.5 * self._min_ratio)

    def _signature(self, number: int, combination: Combination) -> tuple[object, ...]:
        """What structures without free coordinates have in common if they are the same up to origin and axes.

        For every pair of elements the distances to all atoms in a cell of generic shape, sorted.
        """
        system = crystal_system(number)
        family = "hexagonal" if system == "trigonal" else system
        shape = np.array([[0.31, 0.77, 0.23, 0.41, 0.86]])[:, : num_shape_parameters(system)]
        cell = cells_from_shapes(system, shape, self._volume * self._contents.factor_in(number))[0]
        points = np.zeros((sum(map(len, combination)), 3))
        crystal = place(self._contents.composition_in(number), number, combination, cell, points)
        moves = crystal.frac_coords[crystal.representatives, None] - crystal.frac_coords[None]
        moves -= np.rint(moves)
        distances = np.linalg.norm(moves @ crystal.lattice, axis=-1)
        spectra: list[tuple[object, ...]] = []
        for site, row in zip(crystal.sites, distances, strict=True):
            around = sorted(zip(crystal.species, np.round(row, _SIGNATURE_DIGITS).tolist(), strict=True))
            spectra.append((site.element, tuple(around)))
        weights = crystal.multiplicities.tolist()
        return (family, tuple(sorted(zip(map(str, spectra), weights, strict=True))))


def _axes(number: int, combination: Combination) -> list[tuple[int, ...]]:
    positions = space_group(number).positions
    return [positions[i].axes for indices in combination for i in indices]


def _variables(number: int, combination: Combination) -> list[int]:
    return [len(axes) for axes in _axes(number, combination)]
