"""How far the atoms of a crystal are to be apart, by pairs of elements; and the moving of sites until they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import Composition
from crysim.crystal.crystal import Crystal
from crysim.errors import InputError

PairDistances = Mapping[str, float] | Mapping[tuple[str, str], float]

POINTS = 40
"""Points tried for one site before `MinDistances.separate` gives up."""


FARTHEST = 20.0
"""Å: no two neighbours in any crystal are so far apart, so a larger minimum distance is a slip."""


def check_distance(what: str, distance: float) -> None:
    """Refuse a minimum distance that no crystal could keep.

    Args:
        what: what errors call it.
        distance: Å.

    Raises:
        InputError: below 0, above `FARTHEST`, or no number.
    """
    if not 0 <= distance <= FARTHEST:
        raise InputError(f"{what} is {distance:g} Å: it must be at least 0 Å, and at most {FARTHEST:g} Å")


def default_min_distance(num_atoms: int) -> float:
    """Å that atoms of a random crystal keep apart: 1.5, and 1.0 from 200 atoms per cell on."""
    return 1.5 if num_atoms < 200 else 1.0


@dataclass(frozen=True)
class MinDistances:
    """Minimum interatomic distances.

    Attributes:
        composition: the crystals'.
        default: Å, of every pair that ``pairs`` does not name; None: `default_min_distance`.
        pairs: Å, of pairs of elements, ``{"Ca-O": 2.0}`` or ``{("Ca", "O"): 2.0}``.

    Raises:
        InputError: a distance that no crystal could keep (`check_distance`), or a pair that the composition does not
            have.
    """

    composition: Composition
    default: float | None = None
    pairs: PairDistances | None = None

    def __post_init__(self) -> None:
        _ = self.thresholds  # refuses what is wrong

    @cached_property
    def thresholds(self) -> Floats:
        """``[elements, elements]`` Å, symmetric."""
        elements = self.composition.elements
        default = default_min_distance(self.composition.num_atoms) if self.default is None else self.default
        check_distance("the minimum distance", default)
        thresholds = np.full((len(elements), len(elements)), float(default))
        for key, value in (self.pairs or {}).items():
            pair = tuple(key.split("-")) if isinstance(key, str) else tuple(key)
            if len(pair) != 2 or any(element not in elements for element in pair):
                name = key if isinstance(key, str) else "-".join(map(str, key))
                raise InputError(f"'{name}' is no pair of elements of {self.composition}: write it as 'Ca-O'")
            check_distance(f"the minimum distance of {'-'.join(pair)}", value)
            i, j = (elements.index(element) for element in pair)
            thresholds[i, j] = thresholds[j, i] = value
        thresholds.setflags(write=False)
        return thresholds

    @property
    def largest(self) -> float:
        """Å, of the pair that is to be farthest apart."""
        return float(self.thresholds.max())

    @property
    def smallest(self) -> float:
        """Å, of the pair that may be closest."""
        return float(self.thresholds.min())

    def satisfied_by(self, crystal: Crystal) -> bool:
        """Whether no two atoms of the crystal are too close."""
        return not self.thresholds.any() or keep_distances(crystal, self.composition.elements, self.thresholds)

    def separate(self, crystal: Crystal, rng: np.random.Generator) -> Crystal | None:
        """The crystal with as few of its sites moved as it takes to keep the distances.

        Sites are put in one after another, those with least freedom first; one that is too close to those before goes
        to the first of some random points where it is not.

        Returns:
            None if a site finds no room.
        """
        from crysim.crystal.placement import place_one_by_one

        positions, elements = flat_sites(crystal, self.composition.elements)
        tried = rng.random((len(positions), POINTS, 3))
        tried[:, 0] = flat_points(crystal)
        order = np.argsort([len(site.free) for site in crystal.sites], kind="stable")
        cell = np.array(crystal.cell)
        tables = crystal.group.flat_positions
        kept = np.array(self.thresholds)  # a kernel is compiled anew for what cannot be written
        points, complete = place_one_by_one(cell, positions, elements, order, tried, *tables, kept)
        if not complete:
            return None
        return with_points(crystal, cell, points)


def keep_distances(crystal: Crystal, elements: Sequence[str], thresholds: Floats) -> bool:
    """Whether no two atoms of a crystal are closer than the thresholds ``[elements, elements]``, Å."""
    from crysim.crystal.placement import fits

    positions, kinds = flat_sites(crystal, elements)
    kept = np.array(thresholds)  # a kernel is compiled anew for what cannot be written
    return bool(
        fits(np.array(crystal.cell), positions, kinds, flat_points(crystal), *crystal.group.flat_positions, kept)
    )


def shortest_distances(crystal: Crystal, most: float) -> Floats:
    """Å ``[elements, elements]``: the shortest distance of each pair of a crystal's elements, at most ``most``."""
    from crysim.crystal.distances import shortest_of_pairs

    elements = crystal.composition.elements
    owners = np.array([elements.index(one) for one in crystal.species], dtype=np.int64)
    return shortest_of_pairs(crystal.lattice, crystal.frac_coords, owners, len(elements), most)


def flat_sites(crystal: Crystal, elements: Sequence[str]) -> tuple[Ints, Ints]:
    """Index of the position ``[sites]`` and of the element ``[sites]`` of each site."""
    return (
        np.array([site.position for site in crystal.sites], dtype=np.int64),
        np.array([elements.index(site.element) for site in crystal.sites], dtype=np.int64),
    )


def flat_points(crystal: Crystal) -> Floats:
    """A point ``[sites, 3]`` for every site, zero where a coordinate is not free."""
    points = np.zeros((len(crystal.sites), 3))
    for row, (site, position) in enumerate(zip(crystal.sites, crystal.positions, strict=True)):
        for axis, value in zip(position.axes, site.free, strict=True):
            points[row, axis] = value
    return points


def with_points(crystal: Crystal, cell: Floats, points: Floats) -> Crystal:
    """The crystal with another cell ``[6]`` and a point ``[sites, 3]`` for every site: see `flat_points`."""
    frees = [point[list(position.axes)] for point, position in zip(points, crystal.positions, strict=True)]
    return crystal.with_parameters(cell, frees)
