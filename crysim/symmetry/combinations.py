"""Wyckoff combinations of a composition in a space group: counted exactly, addressed by index without enumeration.

Contents of a primitive cell are those of the group's conventional cell times its centring factor.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from typing import Literal, get_args

import numpy as np

from crysim.composition import Composition, Contents
from crysim.errors import InputError, UnknownNameError
from crysim.symmetry.counting import Combination, CombinationTable
from crysim.symmetry.groups import SpaceGroup, check_number, space_group
from crysim.symmetry.tables import NUM_SPACE_GROUPS

CombinationOrder = Literal["general-first", "fewest-free-first"]


class WyckoffCombinations:
    """The Wyckoff combinations of a composition in one space group, as a list that is never written down.

    A combination gives each element of the composition, in its order, the ascending indices of the positions that it
    occupies (index 0 is the general position, see `SpaceGroup.positions`); a position with free coordinates may stand
    several times, a fixed one once over all elements (supplement C.1, equation 25).

    Orders:
        ``general-first``: lexicographic. Combinations are compared by the first element's indices, one by one, then
            by the second element's, and so on; the smaller index comes first. So the positions of the highest
            multiplicity come first, and the last element's positions change fastest.
        ``fewest-free-first``: by price, those of equal prices as above. The price is the total number of free
            coordinates; with a ``site_price`` each site costs that much besides.
    """

    def __init__(
        self,
        contents: Composition | Contents,
        number: int,
        order: CombinationOrder = "general-first",
        site_price: int = 0,
    ) -> None:
        """Choose what is in the cell, a space group and an order; nothing is counted yet.

        A composition is that of the conventional cell; ``self.composition`` is that in any case.

        Raises:
            InputError: an unknown order, a number that is no space group's, or a negative price.
        """
        if site_price < 0:
            raise InputError(f"the price of a site is {site_price}: it must not be negative")
        self.site_price = site_price
        if order not in get_args(CombinationOrder):
            raise UnknownNameError("order of Wyckoff combinations", order, get_args(CombinationOrder))
        self.space_group: SpaceGroup = space_group(number)
        self.composition = Contents.of(contents).composition_in(number)
        self.order: CombinationOrder = order

    @cached_property
    def count(self) -> int:
        """How many there are: exact, 0 if the composition does not fit the group."""
        return count_combinations(self.composition, self.space_group.number)

    def __len__(self) -> int:
        return self.count

    @cached_property
    def _table(self) -> CombinationTable:
        if self.order == "general-first":
            return _plain_table(self.space_group.number, self.composition.counts)
        width = self.count.bit_length() + 1
        return CombinationTable(self.space_group.shapes, self.composition.counts, width, self.site_price)

    @cached_property
    def counts_by_free_coordinates(self) -> tuple[int, ...]:
        """How many combinations have 0, 1, 2, ... free coordinates in total."""
        if self.order == "fewest-free-first" and not self.site_price:
            return self.counts_by_price
        return WyckoffCombinations(self.composition, self.space_group.number, "fewest-free-first").counts_by_price

    @cached_property
    def counts_by_price(self) -> tuple[int, ...]:
        """How many combinations have price 0, 1, 2, ..., in order 'fewest-free-first'."""
        table = self._table
        if not table.width:
            raise InputError("combinations are counted by their price in order 'fewest-free-first'")
        total = table.total()
        prices = -(-total.bit_length() // table.width)
        return tuple(table.coefficient(total, price) for price in range(prices))

    def unrank(self, index: int) -> Combination:
        """The combination at an index from 0 to ``count - 1``.

        Raises:
            InputError: no combination has this index.
        """
        if not 0 <= index < self.count:
            raise InputError(
                f"{self.composition} has {self.count} Wyckoff combinations in space group {self.space_group.number} "
                f"({self.space_group.symbol}): there is no index {index}"
            )
        if self.order == "general-first":
            return self._table.unrank(index, 0)
        for price, ways in enumerate(self.counts_by_price):
            if index < ways:
                return self._table.unrank(index, price)
            index -= ways
        raise AssertionError("the counts by price add up to the count")

    def rank(self, combination: Combination) -> int:
        """The index of a combination: the inverse of `unrank`.

        Raises:
            InputError: it is no combination of this composition and space group.
        """
        self.check(combination)
        if self.order == "general-first":
            return self._table.rank(combination, 0)
        price = self.price(combination)
        return sum(self.counts_by_price[:price]) + self._table.rank(combination, price)

    def sample(self, rng: np.random.Generator, limit: int | None = None) -> Combination:
        """A combination drawn uniformly, among the first ``limit`` if that is given."""
        count = self.count if limit is None else min(self.count, limit)
        if count == 0:
            raise InputError(
                f"{self.composition} fits no Wyckoff combination of space group {self.space_group.number} "
                f"({self.space_group.symbol})"
            )
        return self.unrank(random_below(count, rng))

    def sample_at_price(self, price: int, rng: np.random.Generator) -> Combination:
        """A combination drawn uniformly among those of one price.

        It is addressed by its number among them, so none of the others is looked at.

        Raises:
            InputError: there is none, or the order is not 'fewest-free-first'.
        """
        counts = self.counts_by_price
        ways = counts[price] if 0 <= price < len(counts) else 0
        if ways == 0:
            raise InputError(
                f"{self.composition} has no Wyckoff combination of price {price} in space group "
                f"{self.space_group.number} ({self.space_group.symbol})"
            )
        return self._table.unrank(random_below(ways, rng), price)

    def price(self, combination: Combination) -> int:
        """Free coordinates of a combination, and the price of its sites."""
        return self.num_free_coordinates(combination) + self.site_price * sum(map(len, combination))

    def num_free_coordinates(self, combination: Combination) -> int:
        """Free coordinates of a combination in total."""
        return sum(self.space_group.shapes[i][1] for indices in combination for i in indices)

    def check(self, combination: Combination) -> None:
        """Raise InputError unless this is a combination of the composition and the space group."""
        shapes = self.space_group.shapes
        fault = None
        if len(combination) != len(self.composition.counts):
            fault = "it must have one list of positions for each element"
        else:
            fixed: list[int] = []
            for element, atoms, indices in zip(
                self.composition.elements, self.composition.counts, combination, strict=True
            ):
                if any(not 0 <= i < len(shapes) for i in indices) or list(indices) != sorted(indices):
                    fault = f"the positions of {element} must be ascending indices below {len(shapes)}"
                    break
                if sum(shapes[i][0] for i in indices) != atoms:
                    fault = f"the positions of {element} do not hold {atoms} atoms"
                    break
                fixed += [i for i in indices if shapes[i][1] == 0]
            if fault is None and len(set(fixed)) != len(fixed):
                fault = "a position without free coordinates is taken twice"
        if fault is not None:
            raise InputError(f"no Wyckoff combination of {self.composition} in {self.space_group.symbol}: {fault}")


def count_combinations(contents: Composition | Contents, number: int) -> int:
    """The exact number of Wyckoff combinations of a composition, or of contents, in a space group."""
    check_number(number)
    return _plain_table(number, Contents.of(contents).composition_in(number).counts).total()


def compatible_space_groups(contents: Composition | Contents, allowed: Iterable[int] | None = None) -> dict[int, int]:
    """The space groups that a composition fits, ascending, each with its number of Wyckoff combinations.

    Args:
        contents: atoms per conventional cell, or contents of either cell.
        allowed: the numbers to look at; None: all from 1 to 230. (P1 fits everything.)
    """
    numbers = range(1, NUM_SPACE_GROUPS + 1) if allowed is None else sorted(set(allowed))
    counts = {number: count_combinations(contents, number) for number in numbers}
    return {number: count for number, count in counts.items() if count}


def smallest_fitting_units(formula: Composition, number: int, most_atoms: int) -> int | None:
    """The fewest units of a formula whose conventional cell fits a space group; None if none does up to so many atoms.

    Args:
        formula: one unit.
        number: the group.
        most_atoms: of the conventional cell.
    """
    for z in range(1, most_atoms // formula.num_atoms + 1):
        if count_combinations(formula.times(z), number):
            return z
    return None


def random_below(bound: int, rng: np.random.Generator) -> int:
    """A whole number drawn uniformly from 0 to ``bound - 1``, for bounds of any size."""
    if bound <= 2**63:
        return int(rng.integers(bound))
    bits = bound.bit_length()
    while True:
        value = int.from_bytes(rng.bytes((bits + 7) // 8), "little") >> (-bits % 8)
        if value < bound:
            return value


@cache
def _plain_table(number: int, counts: tuple[int, ...]) -> CombinationTable:
    return CombinationTable(space_group(number).shapes, counts)
