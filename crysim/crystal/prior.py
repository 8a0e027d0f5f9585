"""Random crystals as nature tends to make them: frequent space groups and few free parameters, at a packed volume.

A space group is drawn with probability ∝ frequency^strength among those that the contents fit; then the number of free
coordinates of the combination with probability ∝ exp(-simplicity · number) among those that the group admits; then a
combination uniformly among those of that number, which are counted exactly; then a cell of the volume wanted, and one
site after another where it keeps its distance. With both strengths 0 groups are equally likely, and so are the numbers
of free coordinates within each. What cannot be placed is drawn anew, so what comes out is the simpler for it.

Measured on the AFLOW library's structure types (``benchmarks/prior.py``, results/prior): drawing the group first beats
the one distribution ∝ frequency^strength · exp(-simplicity · free parameters) over all pairs, in which the groups with
many numbers of free coordinates crowd out the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, inf

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal.crystal import Crystal
from crysim.crystal.generation import allowed_space_groups, fitting_space_groups
from crysim.crystal.min_distances import POINTS, MinDistances
from crysim.crystal.packing import estimated_volume, flat_combination, likely_cells, num_shape_parameters, place
from crysim.crystal.radii import radius_sums
from crysim.errors import InputError
from crysim.symmetry import (
    Combination,
    WyckoffCombinations,
    space_group,
    space_group_frequencies,
)

FREQUENCY = 0.75
"""Exponent of the group's frequency."""
SIMPLICITY = 0.1
"""Price of a free coordinate, in natural logarithms of probability."""
SITE_PRICE = 4
"""Free coordinates that a site is worth besides its own, for those who want few sites (results/prior)."""
MANY = 16
"""Free coordinates of a combination that a random search may well fill as the crystal wants them."""
PLACEMENTS = 32
"""Cells and placements of a combination that are tried before another one is drawn."""
MIN_RATIO = 0.7
"""Of the sum of two covalent radii: atoms are at least so far apart."""
VOLUMES = (0.8, 1.4)
"""Multiples of the volume wanted between which those of first data are drawn."""
_FIRST_TRIES = 4
"""Placements drawn at once of a combination; if all of them fail, so do most of the others, and these are drawn."""
_TRIES = 300
"""Combinations drawn for a crystal; the volume grows as they fail, up to twice."""


@dataclass(frozen=True)
class PriorCell:
    """The combinations of one space group and one price.

    Attributes:
        space_group: number.
        price: of each combination: its free coordinates, and the price of its sites.
        ways: how many combinations there are.
        probability: of all of them together.
    """

    space_group: int
    price: int
    ways: int
    probability: float


class Prior:
    """The distribution over pairs (space group, price of a combination), and combinations within.

    The price is the number of free coordinates, and ``site_price`` for each site besides.
    """

    def __init__(
        self,
        contents: Composition | Contents,
        space_groups: Iterable[int] | None = None,
        *,
        frequency: float = FREQUENCY,
        simplicity: float = SIMPLICITY,
        price_of_many: float = 0.0,
        site_price: int = 0,
    ) -> None:
        """Choose the strengths; nothing is counted yet.

        Args:
            contents: of the conventional or of the primitive cell.
            space_groups: allowed numbers; None: 2 to 230.
            frequency: exponent of the group's frequency; 0: groups are equally likely.
            simplicity: price of a free coordinate; 0: all their numbers are equally likely.
            price_of_many: of each free coordinate beyond `MANY`, whatever the group: where all combinations of a group
                have more, the group is drawn less.
            site_price: free coordinates that each site counts for besides its own: nature has few orbits, large ones.

        Raises:
            InputError: a strength or price is negative, or the contents fit none of the groups.
        """
        _check_strengths(frequency, simplicity)
        self.contents = Contents.of(contents)
        self.frequency = frequency
        self.simplicity = simplicity
        self.price_of_many = price_of_many
        fitting = fitting_space_groups(self.contents, allowed_space_groups(space_groups))
        self.site_price = site_price
        self._combinations = {
            n: WyckoffCombinations(self.contents, n, "fewest-free-first", site_price) for n in fitting
        }

    def with_strengths(self, frequency: float, simplicity: float) -> Prior:
        """The same contents and groups with other strengths; what was counted is not counted again."""
        other = Prior.__new__(Prior)
        _check_strengths(frequency, simplicity)
        other.contents, other.frequency, other.simplicity = self.contents, frequency, simplicity
        other.price_of_many, other.site_price = self.price_of_many, self.site_price
        other._combinations = self._combinations
        return other

    @cached_property
    def cells(self) -> tuple[PriorCell, ...]:
        """All pairs with their probabilities, ascending by group and price."""
        shares = space_group_frequencies()
        frequencies = np.array([shares[number] for number in self._combinations]) ** self.frequency
        found = []
        for (number, combinations), frequency in zip(self._combinations.items(), frequencies, strict=True):
            ways = {price: n for price, n in enumerate(combinations.counts_by_price) if n}
            least = min(ways)
            simple = np.array([exp(-self.simplicity * (price - least)) for price in ways])
            # A site has at most three free coordinates: of a price so many are free at most.
            free = [price * 3 / (3 + self.site_price) for price in ways]
            many = np.array([exp(-self.price_of_many * max(0, one - MANY)) for one in free])
            shared = frequency / frequencies.sum() * simple / simple.sum() * many
            found += [PriorCell(number, price, n, float(p)) for (price, n), p in zip(ways.items(), shared, strict=True)]
        if not self.price_of_many:
            return tuple(found)
        total = sum(cell.probability for cell in found)
        return tuple(replace(cell, probability=cell.probability / total) for cell in found)

    @cached_property
    def _cumulative(self) -> Floats:
        return np.cumsum([cell.probability for cell in self.cells])

    def probability(self, number: int, combination: Combination) -> float:
        """Of one combination of one space group; 0 if the group is not among those that are drawn."""
        combinations = self._combinations.get(number)
        if combinations is None:
            return 0.0
        price = combinations.price(combination)
        return sum(c.probability / c.ways for c in self.cells if c.space_group == number and c.price == price)

    def draw(self, rng: np.random.Generator) -> tuple[int, Combination]:
        """A space group and a combination."""
        index = int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1], side="right"))
        cell = self.cells[min(index, len(self.cells) - 1)]
        return cell.space_group, self._combinations[cell.space_group].sample_at_price(cell.price, rng)


def _check_strengths(frequency: float, simplicity: float) -> None:
    for name, value in (("frequency", frequency), ("simplicity", simplicity)):
        if not 0 <= value < inf:
            raise InputError(f"the strength '{name}' of the prior is {value}: it must be finite and not negative")


class PriorGenerator:
    """Draws crystals of a prior: the first placement of a combination in which all atoms keep their distance."""

    def __init__(
        self,
        prior: Prior,
        min_distances: MinDistances | None = None,
        *,
        placements: int = PLACEMENTS,
        min_ratio: float = MIN_RATIO,
        wide_share: float | None = None,
    ) -> None:
        """Choose what a placement must keep.

        Args:
            prior: what is drawn from.
            min_distances: Å, kept besides ``min_ratio``; None: nothing else.
            placements: cells and placements tried of a combination before another is drawn.
            min_ratio: least distance over the sum of covalent radii.
            wide_share: of the cells that may be as long as their atoms allow; None: by the crystal system
                (`crysim.crystal.packing.likely_cells`).
        """
        composition = prior.contents.composition
        self.prior = prior
        self._placements = placements
        self._wide_share = wide_share
        self._thresholds = min_ratio * radius_sums(composition)
        if min_distances is not None:
            self._thresholds = np.maximum(self._thresholds, min_distances.thresholds)
        self._volume = estimated_volume(composition)

    @property
    def thresholds(self) -> Floats:
        """Å ``[elements, elements]``, the distances that a placement keeps."""
        return self._thresholds

    def draw(
        self,
        rng: np.random.Generator,
        volume: float | None = None,
        spread: tuple[float, float] = (1.0, 1.0),
        thresholds: Floats | None = None,
    ) -> Crystal:
        """A crystal.

        If no combination can be placed in `_TRIES` draws, the last one is enlarged until its atoms keep their distance.

        Args:
            rng: the same state gives the same crystal.
            volume: Å³ per cell of the contents; None: from covalent spheres.
            spread: volumes are drawn uniformly between these multiples of it.
            thresholds: Å, kept instead of `thresholds`.
        """
        wanted = self._volume if volume is None else volume
        number = 0
        combination: Combination = ()
        for attempt in range(_TRIES):
            number, combination = self.prior.draw(rng)
            crystal = self.place(number, combination, wanted * (1.0 + attempt / _TRIES), rng, spread, thresholds)
            if crystal is not None:
                return crystal
        grown = 2.0 * wanted
        while (crystal := self.place(number, combination, grown, rng, spread, thresholds)) is None:
            grown *= 1.2
        return crystal

    def place(
        self,
        number: int,
        combination: Combination,
        volume: float,
        rng: np.random.Generator,
        spread: tuple[float, float] = (1.0, 1.0),
        thresholds: Floats | None = None,
    ) -> Crystal | None:
        """A crystal of one combination of a space group; None if its atoms kept their distance in no placement.

        For the other arguments see `draw`.
        """
        from crysim.crystal.placement import place_first

        group = space_group(number)
        contents = self.prior.contents
        composition = contents.composition_in(number)
        positions, elements, order = flat_combination(group, combination)
        in_shape = num_shape_parameters(group.crystal_system)
        kept = self._thresholds if thresholds is None else thresholds
        freest = group.positions[positions[order[-1]]]
        left = self._placements if freest.dof or in_shape else 1
        in_points = len(positions) * POINTS * 3
        low, high = spread
        tries = min(_FIRST_TRIES, left)
        while left:
            before = rng.bit_generator.state
            numbers = rng.random((tries, in_shape + 1 + in_points))
            volumes = volume * (low + (high - low) * numbers[:, in_shape]) * contents.factor_in(number)
            cells = likely_cells(
                group.crystal_system, numbers[:, :in_shape], volumes, composition.num_atoms, self._wide_share
            )
            tried = numbers[:, in_shape + 1 :].reshape(tries, len(positions), POINTS, 3)
            found, points = place_first(cells, positions, elements, order, tried, *group.flat_positions, kept)
            if found >= 0:
                rng.bit_generator.state = before  # what the tries after it took is given back
                rng.random((found + 1) * numbers.shape[1])
                return place(composition, number, combination, cells[found], points)
            left -= tries
            tries = left
        return None
