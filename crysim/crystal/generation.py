"""Random crystals of a composition, or of contents of either cell (the paper's RG, section 4.1)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import ceil, floor, inf

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal import Crystal, Site
from crysim.crystal.min_distances import MinDistances, PairDistances
from crysim.errors import InputError
from crysim.symmetry.cells import MIN_VOLUME_FACTOR, Cell, impose_cell, volume_factor
from crysim.symmetry.combinations import (
    CombinationOrder,
    WyckoffCombinations,
    compatible_space_groups,
    random_below,
    smallest_fitting_units,
)
from crysim.symmetry.counting import Combination
from crysim.symmetry.groups import check_number, space_group
from crysim.symmetry.tables import NUM_SPACE_GROUPS

ANGLE_BOUNDS = (50.0, 130.0)
"""Degrees, section 4.1."""

MAX_COMBINATIONS = 30_000
"""How many of a group's Wyckoff combinations are used, section 2.1."""

_MOST_SUGGESTED = 200
"""Atoms of the cells among which the smallest that fits is looked for, and in how many groups at most."""
_FEW = 10

# Mean a, b, c (Å) in the Materials Project of cells of at most so many atoms (equation 3).
_MEAN_LENGTHS = (
    (20, (5.859, 6.126, 7.884)),
    (50, (7.392, 8.169, 10.780)),
    (80, (9.074, 9.637, 13.757)),
    (100, (10.083, 10.564, 15.801)),
    (inf, (11.301, 10.862, 20.108)),
)


def default_length_bounds(num_atoms: int) -> tuple[float, float]:
    """Bounds in Å of random lattice lengths, by the number of atoms per cell.

    These are the bounds of the authors' program, floor(0.8 · smallest mean length) and 2 · ceil(mean of the three);
    equation 4 of the paper, which adds the three, reads otherwise.
    """
    means = next(means for most, means in _MEAN_LENGTHS if num_atoms <= most)
    return float(floor(0.8 * min(means))), float(2 * ceil(sum(means) / 3))


def allowed_space_groups(space_groups: Iterable[int] | None) -> tuple[int, ...]:
    """The space groups to draw from: those asked for, ascending; None: 2 to 230, as in supplement C.2.

    P1 fits every composition and has no symmetry to encode, so it takes part only if it is asked for.
    """
    if space_groups is None:
        return tuple(range(2, NUM_SPACE_GROUPS + 1))
    numbers = tuple(sorted(set(space_groups)))
    for number in numbers:
        check_number(number)
    return numbers


def fitting_space_groups(contents: Contents, allowed: Collection[int]) -> dict[int, int]:
    """Of the groups allowed those that contents fit, each with its number of Wyckoff combinations.

    Raises:
        InputError: they fit none; if a single group is allowed, the smallest cell that fits is named.
    """
    compatible = compatible_space_groups(contents, allowed)
    if not compatible:
        cell = " --cell primitive" if contents.primitive else ""
        message = (
            f"{contents} fits none of the {len(allowed)} space groups asked for: "
            f"see 'crysim wyckoff {contents.formula}{cell}' for those that it fits"
        )
        few = allowed if len(allowed) <= _FEW else ()
        fitting = [found for number in few if (found := _smallest(contents, number)) is not None]
        smallest = min(fitting, key=lambda found: found[0], default=None)
        if smallest is not None:
            _, cell_there, symbol, primitive = smallest
            message += f"; the smallest conventional cell that does is {cell_there} in {symbol}"
            if primitive is not None:
                message += f", {primitive} per primitive cell"
        raise InputError(message)
    return compatible


def _smallest(contents: Contents, number: int) -> tuple[int, str, str, str | None] | None:
    """Atoms, formula, symbol and formula per primitive cell of the smallest conventional cell of units of contents."""
    unit = contents.composition.reduced
    z = smallest_fitting_units(unit, number, _MOST_SUGGESTED)
    if z is None:
        return None
    group = space_group(number)
    whole, factor = unit.times(z), group.centring_factor
    primitive = unit.times(z // factor).formula if factor > 1 and z % factor == 0 else None
    return whole.num_atoms, whole.formula, group.symbol, primitive


@dataclass(frozen=True)
class _Draw:
    """One try: a group, a combination, a cell and a point for every site."""

    number: int
    combination: Combination
    cell: Floats
    points: Floats


class RandomGenerator:
    """Draws random crystals of one composition.

    A space group is drawn uniformly among the compatible ones (equation 5), a Wyckoff combination uniformly among its
    first ones (equations 6 and 7), lattice lengths, angles and free coordinates uniformly. What has two atoms too
    close is thrown away as a whole, so what is kept follows the same distribution under that condition.
    """

    def __init__(
        self,
        contents: Composition | Contents,
        space_groups: Iterable[int] | None = None,
        min_distance: float | None = None,
        pair_distances: PairDistances | None = None,
        length_bounds: tuple[float, float] | None = None,
        *,
        max_combinations: int | None = MAX_COMBINATIONS,
        order: CombinationOrder = "general-first",
        max_tries: int = 100_000,
    ) -> None:
        """Find the compatible groups.

        Args:
            contents: atoms per conventional cell, or contents of either cell.
            space_groups: numbers to draw from; None: 2 to 230.
            min_distance: Å, for every pair; 0 keeps everything; None: `default_min_distance`.
            pair_distances: Å, for pairs of elements (``{"Ca-O": 2.0}`` or ``{("Ca", "O"): 2.0}``), instead of
                ``min_distance`` for those.
            length_bounds: Å, lower and upper; None: `default_length_bounds` of the atoms in each conventional cell.
            max_combinations: how many combinations of a group, in the order given, take part; None: all.
            order: of the combinations.
            max_tries: after so many failures in a row `sample` gives up.

        Raises:
            InputError: a value out of range, or no group asked for fits the composition.
        """
        contents = Contents.of(contents)
        self.contents = contents
        self.min_distances = MinDistances(contents.composition, min_distance, pair_distances)
        self.max_tries = max_tries
        if length_bounds is not None and not 0 < length_bounds[0] <= length_bounds[1] < inf:
            lower, upper = length_bounds
            raise InputError(f"bounds of lattice lengths must be positive and ascending, not {lower} and {upper} Å")
        if max_tries < 1 or (max_combinations is not None and max_combinations < 1):
            raise InputError("the numbers of tries and of combinations must be at least 1")
        groups = allowed_space_groups(space_groups)
        compatible = fitting_space_groups(contents, groups)
        self.space_groups = tuple(compatible)
        self._bounds = {
            number: length_bounds or default_length_bounds(contents.composition_in(number).num_atoms)
            for number in compatible
        }
        apart, (lower, upper) = float(self.min_distances.thresholds.diagonal().max()), self.length_bounds
        if apart > upper:  # of an atom and its own image in the next cell
            raise InputError(
                f"no two atoms of one element can be {apart:g} Å apart in cells whose lattice lengths are from "
                f"{lower:g} to {upper:g} Å: lower the minimum distance"
            )
        self._combinations = {number: WyckoffCombinations(contents, number, order) for number in compatible}
        most = max(compatible.values()) if max_combinations is None else max_combinations
        self._sizes = {number: min(count, most) for number, count in compatible.items()}
        self._largest = max(self._sizes.values())

    @property
    def length_bounds(self) -> tuple[float, float]:
        """Å, the lowest and the highest bound of lattice lengths in any of the groups."""
        lower, upper = zip(*self._bounds.values(), strict=True)
        return min(lower), max(upper)

    def sample(self, n: int, rng: np.random.Generator, time_limit: float | None = None) -> list[Crystal]:
        """``n`` random crystals.

        Args:
            n: how many.
            rng: the same state gives the same crystals.
            time_limit: seconds of wall time for all of them; None: only the number of tries ends it.

        Raises:
            InputError: too many failures in a row, or the time is over.
        """
        deadline = inf if time_limit is None else time.monotonic() + time_limit
        crystals: list[Crystal] = []
        failures = 0
        while len(crystals) < n:
            crystal = self._try(rng)
            if crystal is not None:
                crystals.append(crystal)
                failures = 0
                continue
            failures += 1
            if failures >= self.max_tries:
                raise InputError(self._too_hard(f"{failures} tries in a row", len(crystals), n))
            if time.monotonic() > deadline:
                raise InputError(self._too_hard(f"{time_limit:g} s", len(crystals), n))
        return crystals

    def _try(self, rng: np.random.Generator) -> Crystal | None:
        from crysim.crystal.placement import fits

        draw = self._draw(rng)
        group = space_group(draw.number)
        positions = [i for indices in draw.combination for i in indices]
        elements = [e for e, indices in enumerate(draw.combination) for _ in indices]
        if self.min_distances.thresholds.any() and not fits(
            draw.cell,
            np.array(positions, dtype=np.int64),
            np.array(elements, dtype=np.int64),
            draw.points,
            *group.flat_positions,
            np.array(self.min_distances.thresholds),  # a kernel is compiled anew for what cannot be written
        ):
            return None
        sites = tuple(
            Site(self.contents.elements[e], p, tuple(float(point[axis]) for axis in group.positions[p].axes))
            for e, p, point in zip(elements, positions, draw.points, strict=True)
        )
        a, b, c, alpha, beta, gamma = (float(v) for v in draw.cell)
        cell: Cell = (a, b, c, alpha, beta, gamma)
        return Crystal(self._combinations[draw.number].composition, draw.number, cell, sites)

    def _draw(self, rng: np.random.Generator) -> _Draw:
        number = self.space_groups[int(rng.integers(len(self.space_groups)))]
        size = self._sizes[number]
        index = random_below(self._largest, rng) * size // self._largest
        combination = self._combinations[number].unrank(index)
        cell = random_cell(space_group(number).crystal_system, self._bounds[number], rng)
        return _Draw(number, combination, cell, rng.random((sum(map(len, combination)), 3)))

    def _too_hard(self, spent: str, found: int, wanted: int) -> str:
        lower, upper = self.length_bounds
        return (
            f"only {found} of {wanted} random crystals of {self.contents} came out in {spent} with atoms at least "
            f"{self.min_distances.largest:g} Å apart and lattice lengths from {lower:g} to {upper:g} Å: lower the "
            "minimum distance, raise the bounds of the lattice lengths, or allow other space groups"
        )


def random_cell(system: str, length_bounds: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Cell parameters ``[6]`` drawn uniformly within the bounds, with a crystal system imposed.

    Angles that close no cell, or a collapsed one (only in the triclinic system), are drawn again.
    """
    lengths = rng.uniform(*length_bounds, size=3)
    while True:
        cell = impose_cell(system, np.concatenate([lengths, rng.uniform(*ANGLE_BOUNDS, size=3)]))
        if system != "triclinic" or volume_factor(cell) >= MIN_VOLUME_FACTOR:
            return cell
