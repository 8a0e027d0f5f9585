"""Wyckoff combinations: the paper's numbers, and enumeration as the oracle of counting, order and addressing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.errors import InputError, UnknownNameError
from crysim.symmetry import (
    CRYSTAL_SYSTEMS,
    WyckoffCombinations,
    compatible_space_groups,
    crystal_system,
    space_group,
)
from crysim.symmetry.combinations import random_below

A4B4 = Composition.from_formula("Ca4S4")
A4B6 = Composition.from_formula("Al4O6")
A3B3C3 = Composition.from_formula("Ba3Na3Bi3")
YCO = Composition.from_formula("Y6Co51")
GARNET = Composition.from_formula("Ca24Al16Si24O96")
SILICA = Composition.from_formula("Si96O192")


def enumerate_combinations(composition: Composition, number: int) -> list[tuple[tuple[int, ...], ...]]:
    """Every combination by plain recursion, as the definition says, sorted."""
    shapes = space_group(number).shapes

    def multisets(atoms: int, start: int) -> list[tuple[int, ...]]:
        if atoms == 0:
            return [()]
        return [
            (i, *rest)
            for i in range(start, len(shapes))
            if shapes[i][0] <= atoms
            for rest in multisets(atoms - shapes[i][0], i if shapes[i][1] else i + 1)
        ]

    found = []
    for combination in product(*(multisets(n, 0) for n in composition.counts)):
        fixed = [i for indices in combination for i in indices if shapes[i][1] == 0]
        if len(fixed) == len(set(fixed)):
            found.append(combination)
    return sorted(found)


@pytest.mark.parametrize(
    ("composition", "per_system"),
    [
        (A4B4, [2, 13, 56, 66, 12, 19, 17]),
        (YCO, [2, 3, 3, 8, 19, 12, 5]),
        (GARNET, [2, 13, 59, 68, 12, 19, 32]),
        (SILICA, [2, 13, 59, 68, 25, 27, 36]),
        (A3B3C3, [2, 3, 3, 8, 16, 12, 0]),
    ],
    ids=str,
)
def test_compatible_groups_per_crystal_system(composition: Composition, per_system: list[int]) -> None:
    compatible = compatible_space_groups(composition)
    assert [sum(crystal_system(n) == system for n in compatible) for system in CRYSTAL_SYSTEMS] == per_system


def test_numbers_of_the_paper() -> None:
    assert WyckoffCombinations(A4B6, 150).count == 121
    assert not any(number >= 195 for number in compatible_space_groups(A3B3C3))
    assert 210 not in compatible_space_groups(A4B4)
    assert WyckoffCombinations(GARNET, 230).count == 28


@pytest.mark.parametrize(("composition", "largest"), [(YCO, "1.4e+15"), (GARNET, "2.0e+36"), (SILICA, "2.7e+35")])
def test_magnitudes(composition: Composition, largest: str) -> None:
    assert f"{max(compatible_space_groups(composition).values()):.1e}" == largest


@pytest.mark.parametrize(
    ("formula", "numbers"),
    [
        ("Al4O6", [150]),
        ("Ca4S4", [2, 47, 123, 221, 225, 227]),
        ("ScBe5", range(1, 231)),
        ("Li2Zr2O4", [2, 10, 15, 65, 139, 166, 191]),
        ("Na6", [1, 10, 47, 175, 200]),
        ("Ba1Na3Bi3", [143, 150, 189, 221]),
    ],
)
def test_count_order_and_addresses_are_those_of_enumeration(formula: str, numbers: list[int]) -> None:
    composition = Composition.from_formula(formula)
    for number in numbers:
        every = enumerate_combinations(composition, number)
        general = WyckoffCombinations(composition, number)
        assert general.count == len(every) == len(general)
        step = max(1, len(every) // 200)
        for i in range(0, len(every), step):
            assert general.unrank(i) == every[i]
            assert general.rank(every[i]) == i
        fewest = WyckoffCombinations(composition, number, "fewest-free-first")
        by_freedom = sorted(every, key=lambda c: (fewest.num_free_coordinates(c), c))
        assert sum(fewest.counts_by_free_coordinates) == sum(general.counts_by_free_coordinates) == len(every)
        for i in range(0, len(every), step):
            assert fewest.unrank(i) == by_freedom[i]
            assert fewest.rank(by_freedom[i]) == i
        cheapest = WyckoffCombinations(composition, number, "fewest-free-first", site_price=4)
        by_price = sorted(every, key=lambda c: (fewest.num_free_coordinates(c) + 4 * sum(map(len, c)), c))
        assert cheapest.counts_by_free_coordinates == fewest.counts_by_free_coordinates
        assert sum(cheapest.counts_by_price) == len(every)
        for i in range(0, len(every), step):
            assert cheapest.unrank(i) == by_price[i]
            assert cheapest.rank(by_price[i]) == i


def test_a_negative_price_of_sites_is_refused() -> None:
    with pytest.raises(InputError, match="price of a site"):
        WyckoffCombinations(A4B6, 150, "fewest-free-first", site_price=-1)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_unrank_and_rank_are_inverse_for_any_size(data: st.DataObject) -> None:
    composition = data.draw(st.sampled_from([A4B4, A4B6, A3B3C3, YCO, GARNET, SILICA]))
    number = data.draw(st.sampled_from(sorted(compatible_space_groups(composition))))
    order = data.draw(st.sampled_from(["general-first", "fewest-free-first"]))
    price = data.draw(st.sampled_from([0, 1, 4])) if order == "fewest-free-first" else 0
    combinations = WyckoffCombinations(composition, number, order, price)
    i = data.draw(st.integers(0, combinations.count - 1))
    combination = combinations.unrank(i)
    combinations.check(combination)
    assert combinations.rank(combination) == i
    if i:
        before = combinations.unrank(i - 1)
        if order == "general-first":
            assert before < combination
        else:
            assert (combinations.price(before), before) < (combinations.price(combination), combination)


def test_general_positions_come_first() -> None:
    combinations = WyckoffCombinations(GARNET, 230)
    labels = [[space_group(230).positions[i].label for i in indices] for indices in combinations.unrank(0)]
    assert labels == [["24d"], ["16b"], ["24c"], ["96h"]]
    fewest = WyckoffCombinations(GARNET, 230, "fewest-free-first")
    assert fewest.counts_by_free_coordinates[:2] == (0, 0)
    assert WyckoffCombinations(GARNET, 1).unrank(0) == ((0,) * 24, (0,) * 16, (0,) * 24, (0,) * 96)


def test_garnets_own_combination_is_among_the_28() -> None:
    group = space_group(230)
    own = tuple((group.position_by_letter(letter),) for letter in "cadh")
    for order in ("general-first", "fewest-free-first"):
        combinations = WyckoffCombinations(GARNET, 230, order)
        assert combinations.unrank(combinations.rank(own)) == own
        assert combinations.num_free_coordinates(own) == 3


def test_sampling_is_uniform() -> None:
    combinations = WyckoffCombinations(A4B6, 150)
    rng = np.random.default_rng(0)
    drawn = np.bincount([combinations.rank(combinations.sample(rng)) for _ in range(6050)], minlength=121)
    assert drawn.shape == (121,)
    # Chi-square with 120 degrees of freedom: 181 is passed once in 5000 times.
    assert ((drawn - 50.0) ** 2 / 50.0).sum() < 181
    assert max(combinations.rank(combinations.sample(rng, limit=7)) for _ in range(100)) == 6


def test_random_whole_numbers_of_any_size() -> None:
    rng = np.random.default_rng(0)
    bound = 3 * 2**118 + 5
    drawn = [random_below(bound, rng) for _ in range(2000)]
    assert all(0 <= value < bound for value in drawn)
    assert np.mean([value / bound for value in drawn]) == pytest.approx(0.5, abs=0.03)


def test_what_is_no_combination_is_refused() -> None:
    combinations = WyckoffCombinations(A4B6, 150)
    valid = combinations.unrank(0)
    for wrong in (valid[:1], (valid[0], (0, 0)), ((99,), valid[1]), (valid[0][::-1], valid[1][:0])):
        with pytest.raises(InputError, match="no Wyckoff combination"):
            combinations.rank(wrong)
    fixed = [i for i, (_, dof) in enumerate(space_group(2).shapes) if dof == 0]
    twice = ((fixed[0], fixed[0]), (0,))
    with pytest.raises(InputError, match="twice"):
        WyckoffCombinations(Composition.from_formula("Ca2S2"), 2).rank(twice)
    for index in (-1, 121):
        with pytest.raises(InputError, match="121 Wyckoff combinations"):
            combinations.unrank(index)
    with pytest.raises(InputError, match="fits no"):
        WyckoffCombinations(A4B4, 210).sample(np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="general-first"):
        WyckoffCombinations(A4B6, 150, "general-frist")  # type: ignore[arg-type]
