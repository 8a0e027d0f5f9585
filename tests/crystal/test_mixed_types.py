"""Structure types in which elements of a formula share places."""

from __future__ import annotations

import pytest

from crysim.composition import Composition
from crysim.crystal.mixed_types import mixed_types
from crysim.crystal.prototypes import templates_within

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize(
    ("formula", "name", "elements", "units", "conventional"),
    [
        ("Li4Ti5O12", "Spinel", {"Li", "Ti"}, 2, 8),  # three cells of 14 atoms; of 56
        ("LiFe5O8", "Spinel", {"Li", "Fe"}, 1, 4),
        ("Li2TiO3", "Halite", {"Li", "Ti"}, 1, 4),  # three of two; of eight
        ("Ba3CaNb2O9", "Perovskite", {"Ca", "Nb"}, 1, 1),
    ],
)
def test_the_type_that_a_compound_is_an_order_of_comes_first(
    formula: str, name: str, elements: set[str], units: int, conventional: int
) -> None:
    first = mixed_types(templates_within(None, True, 100), Composition.from_formula(formula), max_atoms=100)[0]
    assert (first.name, set(first.elements)) == (name, elements)
    assert (first.units, first.conventional_units) == (units, conventional)


def test_ions_of_unlike_elements_share_no_places() -> None:
    assert mixed_types(templates_within(None, True, 100), Composition.from_formula("NaCl")) == []
    kinds = mixed_types(templates_within(None, True, 100), Composition.from_formula("Li4Ti5O12"), max_atoms=100)
    assert {frozenset(one.elements) for one in kinds} == {frozenset({"Li", "Ti"})}


def test_more_than_two_may_share_them_the_most_abundant_named_first() -> None:
    kinds = mixed_types(templates_within(None, True, 100), Composition.from_formula("Li2NiMn3O8"), max_atoms=100)
    assert ("Mn", "Li", "Ni") in {one.elements for one in kinds}
    assert all(one.elements[0] == "Mn" for one in kinds if "Mn" in one.elements)


def test_the_crystal_has_the_first_in_the_places_of_all_and_the_spheres_of_each() -> None:
    halite = mixed_types(templates_within(None, True, 100), Composition.from_formula("Li2TiO3"), max_atoms=100)[0]
    assert set(halite.crystal.composition.elements) == {"Li", "O"}
    assert (halite.crystal.space_group, halite.num_atoms) == (225, 2)
    # rock salt's places at Li2TiO3's 8.9 Å³ per atom (Kataoka et al., Mater. Res. Bull. 44, 168 (2009))
    assert halite.crystal.volume / halite.crystal.num_atoms == pytest.approx(8.9, rel=0.15)


def test_orders_that_are_too_large_are_left_out() -> None:
    kinds = mixed_types(templates_within(None, True, 100), Composition.from_formula("Li4Ti5O12"), max_atoms=41)
    assert kinds
    assert all(one.units * 21 <= 41 for one in kinds)
