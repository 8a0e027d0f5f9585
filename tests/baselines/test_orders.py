"""Orders of elements on the places of a crystal, and of structure types in a portfolio."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.crystal.mixed_types import mixed_types
from crysim.crystal.prototypes import templates_within
from crysim.interfaces import Problem
from crysim.testing.strategies import drawn, pretended_trials
from crysim_baselines.portfolio import Portfolio
from crysim_baselines.portfolio.colours import coloured
from crysim_baselines.portfolio.orders import ordered, parents_of
from tests.baselines.resumption import tell_both

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def zinc_blende(metal: str) -> Crystal:
    sites = [[0, 0, 0], [0.25, 0.25, 0.25]]
    return Crystal.from_structure(Structure.from_spacegroup("F-43m", Lattice.cubic(5.3), [metal, "S"], sites))


def chalcopyrite() -> Crystal:
    sites = [[0, 0, 0], [0, 0, 0.5], [0.25, 0.25, 0.125]]
    cell = Lattice.tetragonal(5.3, 10.6)
    return Crystal.from_structure(Structure.from_spacegroup("I-42d", cell, ["Cu", "Fe", "S"], sites))


def test_the_order_of_lowest_electrostatic_energy_in_zinc_blende_is_chalcopyrite() -> None:
    """Of those of two formula units, as nature has it in CuFeS2."""
    contents = Contents.from_formula("CuFeS2", 2, "primitive")
    among = parents_of(zinc_blende("Cu"), ("Cu", "Fe"), contents)
    found = [ordered(among, (), np.random.default_rng(number)) for number in range(6)]
    matcher = ReferenceMatcher(chalcopyrite())
    assert any(one is not None and one[0].space_group == 122 and matcher.match(one[0]).strict for one in found)
    for one in found:
        assert one is not None
        assert one[0].primitive_contents == contents


def test_an_order_that_is_known_is_not_given_again() -> None:
    among = parents_of(zinc_blende("Cu"), ("Cu", "Fe"), Contents.from_formula("CuFeS2", 2, "primitive"))
    known: set[float] = set()
    groups = []
    for number in range(12):
        one = ordered(among, known, np.random.default_rng(number))
        if one is not None:
            assert one[1] not in known
            known.add(one[1])
            groups.append(one[0].space_group)
    assert len(known) >= 4
    assert groups.count(122) == 1, "chalcopyrite's once"


def test_alloys_are_ordered_without_charges() -> None:
    copper = Crystal.from_structure(Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.8), ["Cu"], [[0, 0, 0]]))
    contents = Contents.from_formula("AuCu3", 1, "primitive")
    among = parents_of(copper, ("Cu", "Au"), contents)
    groups = set()
    for number in range(10):
        one = ordered(among, (), np.random.default_rng(number))
        if one is not None:
            groups.add(one[0].space_group)
    assert {221, 139} & groups, "L1_2 and D0_22 are such orders"


def test_an_element_may_have_equivalent_places_for_itself() -> None:
    species = ["A", "A", "A", "A", "B", "B"]
    whole = np.array([0, 0, 2, 2, 2, 2])
    alone = 0
    for number in range(40):
        found = coloured(species, ("A", "B"), np.arange(6), np.random.default_rng(number), whole)
        if found is not None:
            assert sorted(found) == species
            alone += len(set(found[:2])) == 1 or len(set(found[2:])) == 1
    assert alone == 40 - sum(
        coloured(species, ("A", "B"), np.arange(6), np.random.default_rng(n), whole) is None for n in range(40)
    )


def test_three_elements_are_put_anew_each_as_often_as_before() -> None:
    species = ["A", "A", "B", "B", "C", "C", "O"]
    found = {coloured(species, ("A", "B", "C"), np.arange(7), np.random.default_rng(n)) for n in range(30)} - {None}
    assert len(found) > 10
    assert all(one is not None and sorted(one) == sorted(species) and one[-1] == "O" for one in found)


LTO = Contents.together([Contents.from_formula("Li2TiO3", z, "primitive") for z in (1, 2, 4)])


def test_a_portfolio_with_structure_types_tries_orders_of_them() -> None:
    strategy = Portfolio(Problem(LTO, 0), prototypes=True, first=1)
    trials = []
    for _ in range(20):
        new = pretended_trials(strategy.ask(8), len(trials))
        strategy.tell(new)
        trials += new
    orders = [one.candidate for one in trials if one.candidate.info["origin"] == "ordered"]
    assert len(orders) > 8
    assert "Halite" in {one.info.get("prototype") for one in orders}
    assert all(LTO.held_by(one.start) for one in orders)
    numbers = [(one.info["mixed"], one.info["order"]) for one in orders if "order" in one.info]
    assert len(numbers) == len(set(numbers)), "none twice"


@pytest.mark.parametrize("options", [{}, {"prototypes": True, "orders": False}])
def test_orders_are_left_out_without_structure_types_or_where_they_are_not_wanted(options: dict[str, bool]) -> None:
    strategy = Portfolio(Problem(LTO, 0), first=1, **options)
    for number in range(10):
        asked = strategy.ask(8)
        assert "ordered" not in {one.info["origin"] for one in asked}
        strategy.tell(pretended_trials(asked, 8 * number))


def test_orders_come_out_the_same_after_a_resumption() -> None:
    first, again = (Portfolio(Problem(LTO, 5), prototypes=True, first=1) for _ in range(2))
    tell_both(first, again, batches=12)
    ahead = [[(c.crystal, c.info) for c in drawn(strategy.ask(24))] for strategy in (first, again)]
    assert "ordered" in {info["origin"] for _, info in ahead[0]}
    assert ahead[0] == ahead[1]


def test_lithium_titanate_is_among_the_first_orders_of_spinel() -> None:
    """Li on the tetrahedra, and with titanium on the octahedra, as far apart as they can be: C2/c in this cell."""
    unit = Composition.from_formula("Li4Ti5O12")
    spinel = mixed_types(templates_within(None, True, 100), unit, max_atoms=100)[0]
    contents = Contents.from_formula("Li4Ti5O12", 2, "primitive")
    made = parents_of(spinel.crystal, spinel.elements, contents)
    known: set[float] = set()
    groups = []
    for number in range(8):
        one = ordered(made, known, np.random.default_rng(number))
        if one is not None:
            known.add(one[1])
            groups.append(one[0].space_group)
    assert 15 in groups
