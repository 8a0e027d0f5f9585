"""Contents of a primitive cell: exact counts in every group."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from crysim.composition import Composition, Contents, centring_factor
from crysim.errors import InputError
from crysim.symmetry import (
    WyckoffCombinations,
    compatible_space_groups,
    count_combinations,
    smallest_fitting_units,
    space_group,
    space_group_number,
)

FACTORS = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "R": 3, "F": 4}


@pytest.mark.parametrize("number", range(1, 231))
def test_the_centring_is_that_of_the_symbol_and_of_the_operations(number):
    group = space_group(number)
    assert centring_factor(number) == FACTORS[group.symbol[0]] == len(group.centring_translations)
    assert not group.centring_translations[0].any()
    points = np.random.default_rng(number).random(3)
    for position, classes in zip(group.positions, group.centring_classes, strict=True):
        assert sorted(classes.ravel()) == list(range(position.multiplicity))
        images = position.coordinates(points[list(position.axes)])
        moves = images[classes][:, :, None] - images[classes][:, :1, None] - group.centring_translations
        assert (np.abs(moves - np.rint(moves)).max(axis=-1).min(axis=-1) < 1e-9).all()


@pytest.mark.parametrize(
    ("formula", "z", "symbol", "count"),
    [("NaCl", 1, "Fm-3m", 2), ("MgAl2O4", 2, "Fd-3m", 4), ("Si", 2, "Fd-3m", 2), ("Ca3Al2(SiO4)3", 4, "Ia-3d", 28)],
)
def test_known_crystals_fit_with_exact_numbers(formula, z, symbol, count):
    contents = Contents.from_formula(formula, z, "primitive")
    number = space_group_number(symbol)
    combinations = WyckoffCombinations(contents, number)
    assert combinations.count == count == compatible_space_groups(contents)[number]
    assert combinations.composition == contents.composition_in(number)


def test_rock_salt_is_its_two_positions_without_freedom():
    combinations = WyckoffCombinations(Contents.from_formula("NaCl", 1, "primitive"), 225)
    labels = [
        [space_group(225).positions[i].label for i in indices]
        for indices in (sum(combinations.unrank(n), ()) for n in range(2))
    ]
    assert sorted(map(sorted, labels)) == [["4a", "4b"]] * 2


@pytest.mark.parametrize("formula", ["NaCl", "SrTiO3", "Fe4O6", "Si2"])
def test_counts_are_those_of_the_conventional_cell(formula):
    contents = Contents.from_formula(formula, 1, "primitive")
    unit = contents.composition
    for number in range(1, 231):
        factor = centring_factor(number)
        whole = Composition(unit.elements, tuple(factor * n for n in unit.counts))
        assert count_combinations(contents, number) == count_combinations(whole, number)


@pytest.mark.parametrize("number", [1, 5, 22, 38, 44, 123, 146, 160, 166, 167, 196, 216, 225, 227, 229])
@pytest.mark.parametrize("counts", [(1, 1), (1, 2), (2, 2), (3, 1)])
def test_counts_are_those_of_listing_all_ways_in_the_primitive_cell(number, counts):
    group = space_group(number)
    factor = FACTORS[group.symbol[0]]
    shapes = [(position.multiplicity // factor, position.is_fixed) for position in group.positions]
    ways = [
        [
            chosen
            for length in range(1, count + 1)
            for chosen in combinations_with_replacement(range(len(shapes)), length)
            if sum(shapes[i][0] for i in chosen) == count
        ]
        for count in counts
    ]
    listed = 0
    for chosen in product(*ways):
        fixed = [i for indices in chosen for i in indices if shapes[i][1]]
        listed += len(fixed) == len(set(fixed))
    contents = Contents(Composition(("Na", "Cl"), counts), "primitive")
    assert count_combinations(contents, number) == listed


def test_the_smallest_units_that_fit():
    assert smallest_fitting_units(Composition.from_formula("MgAl2O4"), 227, 400) == 8
    assert smallest_fitting_units(Composition.from_formula("MgAl2O4"), 227, 50) is None


def test_values_are_brought_to_the_contents():
    from crysim.crystal import Crystal, Site

    contents = Contents.from_formula("NaCl", 1, "primitive")
    sites = (Site("Na", space_group(225).position_by_letter("a")), Site("Cl", space_group(225).position_by_letter("b")))
    crystal = Crystal(Composition.from_formula("Na4Cl4"), 225, (5.6, 5.6, 5.6, 90, 90, 90), sites)
    assert contents.held_by(crystal)
    assert not Contents.from_formula("NaCl").held_by(crystal)
    assert contents.per_cell(-28.0, crystal) == -7.0
    assert contents.of_cell(-7.0, crystal) == -28.0
    assert Contents.of(crystal.composition).per_cell(-28.1, crystal) == -28.1
    assert (crystal.centring_factor, crystal.num_primitive_atoms) == (4, 2)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("225", 225), ("Fm-3m", 225), ("fm3m", 225), ("R-3c", 167), ("R -3 c", 167), ("P 21/n", 14), ("P2_1/c", 14),
        ("P 1 21/n 1", 14), ("Cmca", 64), ("Cmce", 64), ("P63/mmc", 194), ("Pbnm", 62), ("P1", 1), ("P-1", 2),
    ],
)  # fmt: skip
def test_groups_by_any_of_their_names(text, number):
    assert space_group_number(text) == number


def test_every_group_by_its_own_symbol():
    assert [space_group_number(space_group(n).symbol) for n in range(1, 231)] == list(range(1, 231))


@pytest.mark.parametrize(("text", "remedy"), [("Fm-3x", "did you mean"), ("hello", "its symbol"), ("231", "1 to 230")])
def test_no_group_is_one_line(text, remedy):
    with pytest.raises(InputError, match=remedy) as error:
        space_group_number(text)
    assert len(str(error.value)) < 120
