"""Random crystals whose alike elements are drawn as one, and then put in an order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crysim.composition import Composition, Contents
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.mixed_types import likely_mixtures
from crysim.crystal.packing import estimated_volume
from crysim.crystal.prior import SITE_PRICE
from crysim.crystal.recipes import PriorRecipe
from crysim.interfaces import Problem
from crysim_baselines.portfolio.alike import has_alike, ordered_draw
from crysim_baselines.portfolio.drafts import ALIKE, SPACED
from crysim_baselines.portfolio.generators import Generators
from crysim_baselines.portfolio.minima import Minima, Minimum

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def recipe(contents: Contents) -> PriorRecipe:
    return replace(PriorRecipe.of(contents, None, None, {}), price_of_many=0.25, site_price=SITE_PRICE)


@pytest.mark.parametrize(("formula", "z"), [("CuFeS2", 2), ("Li2MnO3", 2), ("Mg2TiO4", 2), ("Li4Ti5O12", 1)])
def test_orders_hold_their_contents_and_keep_their_distance(formula: str, z: int) -> None:
    contents = Contents.from_formula(formula, z, "primitive")
    least = recipe(contents).generator.thresholds
    volume = estimated_volume(contents.composition)
    made = [ordered_draw(recipe(contents), volume, least, least, np.random.default_rng(i)) for i in range(12)]
    found = [one for one in made if one is not None]
    assert len(found) >= 6
    assert len({one.space_group for one in found}) > 2
    for one in found:
        assert contents.held_by(one)
        assert one.space_group > 1
        assert keep_distances(one, contents.elements, 0.999 * least)  # of all elements, whichever came where


def test_an_order_of_spinel_is_drawn_where_the_elements_are_never_drawn_on_their_own() -> None:
    """Combinations whose alike elements, taken for one again, are few sites in a smaller cell."""
    contents = Contents.from_formula("Li4Ti5O12", 2, "primitive")
    least = recipe(contents).generator.thresholds
    smaller = 0
    for number in range(16):
        one = ordered_draw(recipe(contents), 450.0, least, least, np.random.default_rng(number))
        if one is None:
            continue
        structure = one.to_structure()
        structure.replace_species({"Ti": "Li"})
        smaller += len(structure.get_primitive_structure()) < contents.num_atoms
    assert smaller >= 4


def test_no_order_where_the_larger_atoms_have_no_room_in_the_places_of_the_smaller() -> None:
    """Yttrium and cobalt: at 13 Å³ per atom, 57 atoms 2.7 Å apart would have to be a close packing."""
    contents = Contents.from_formula("Y6Co51", 1, "primitive")
    least = recipe(contents).generator.thresholds
    assert has_alike(contents)

    def made(volume_per_atom: float) -> list[bool]:
        volume = volume_per_atom * contents.num_atoms
        draws = [ordered_draw(recipe(contents), volume, least, least, np.random.default_rng(i)) for i in range(6)]
        return [draw is not None for draw in draws]

    assert not any(made(13.0))
    assert any(made(25.0))


@pytest.mark.parametrize("formula", ["Li8Zr4O12", "Li4Zr4O8"])
def test_conventional_cells_get_orders_too(formula: str) -> None:
    contents = Contents.from_formula(formula)
    least = 0.9 * recipe(contents).generator.thresholds
    made = [ordered_draw(recipe(contents), 220.0, least, least, np.random.default_rng(i)) for i in range(24)]
    found = [one for one in made if one is not None]
    assert len(found) >= 8
    assert all(one.composition == contents.composition for one in found)
    assert len({one.centring_factor for one in found}) > 1


def test_merged_elements_stand_as_the_first_one() -> None:
    cell = Composition.from_formula("Li8Ti10O24")
    (elements,) = likely_mixtures(cell.reduced)
    assert elements == ("Ti", "Li")
    assert cell.merged(elements).amounts == {"Ti": 18, "O": 24}


def test_how_likely_mixtures_are_adds_up_to_one() -> None:
    found = likely_mixtures(Composition.from_formula("Cu2FeSnS4"))
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=found.__getitem__) == ("Cu", "Sn")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("KNO3", set()),  # nitrogen and oxygen are as near as lithium and titanium
        ("CuFeS2", {("Cu", "Fe")}),  # and copper and sulphur
        ("SiC", {("Si", "C")}),  # no charges are known to balance
    ],
)
def test_what_gives_electrons_shares_no_places_with_what_takes_them(formula: str, expected: set) -> None:
    assert set(likely_mixtures(Composition.from_formula(formula))) == expected


@pytest.mark.parametrize(("formula", "alike"), [("NaCl", False), ("CaTiO3", True), ("KF", False), ("Cu3Au", True)])
def test_only_elements_of_like_electronegativity_are_alike(formula: str, alike: bool) -> None:
    assert has_alike(Contents.from_formula(formula, 1, "primitive")) is alike
    assert has_alike(Contents.from_formula(formula)) is alike
    assert not has_alike(Contents.from_formula(formula, 40))


def test_a_portfolio_draws_orders_where_elements_are_alike() -> None:
    contents = Contents.from_formula("CuFeS2", 2, "primitive")
    start = recipe(contents).generator.draw(np.random.default_rng(1))
    minima = Minima()
    minima.add(Minimum(-5.0, 0, start))
    generators = Generators(Problem(contents, 0), minima)
    assert generators.offers(ALIKE)
    made = [generators.propose(ALIKE, np.random.default_rng(number)).drawn() for number in range(12)]
    assert {one.info["origin"] for one in made} == {ALIKE, SPACED}
    assert sum(one.info["origin"] == ALIKE for one in made) > 4
    assert all(contents.held_by(one.start) for one in made)
    other = Generators(Problem(Contents.from_formula("NaCl", 2, "primitive"), 0), minima)
    assert not other.offers(ALIKE)
