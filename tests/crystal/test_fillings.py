"""Ways to put a formula's elements in the places of a template."""

from __future__ import annotations

from collections import Counter
from math import log

import pytest

from crysim.composition import Composition
from crysim.crystal.fillings import ANOTHER, CHANGED, Filling, changed, exchanged, unlikeness
from crysim.crystal.identity import identify
from crysim.crystal.prototypes import filled
from crysim.crystal.structure_types import StructureType, library_types, structure_types
from crysim.crystal.templates import Template, templates

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def template(name: str, formula: str) -> Template:
    label = next(one.label for one in structure_types() if (one.name, one.formula) == (name, formula))
    return next(one for one in templates(None, library=True) if one.label == label)


def held(filling: Filling) -> dict[str, dict[int, int]]:
    """Numbers of the template's orbits that each element has, by their sizes."""
    elements = filling.elements()
    found: dict[str, Counter[int]] = {}
    for orbit in filling.template.orbits:
        (element,) = {elements[i] for i in orbit}
        found.setdefault(element, Counter())[len(orbit)] += 1
    return {element: dict(sizes) for element, sizes in found.items()}


def test_olivines_are_forsterite_with_two_elements_on_its_magnesium() -> None:
    forsterite = template("Forsterite", "Mg2SiO4")
    ways = [held(one) for one in changed(forsterite, Composition.from_formula("LiMnPO4"))]
    assert {"Li": {4: 1}, "Mn": {4: 1}, "P": {4: 1}, "O": {4: 2, 8: 1}} in ways
    assert all(sum(n * size for size, n in way["O"].items()) == 16 for way in ways)
    assert not list(exchanged(forsterite, Composition.from_formula("LiMnPO4")))


def test_an_element_is_on_orbits_of_one_of_the_template_s() -> None:
    ways = list(changed(template("Forsterite", "Mg2SiO4"), Composition.from_formula("LiMnPO4")))
    for way in ways:
        owners: dict[str, set[str]] = {}
        for old, new, _ in way.places:
            owners.setdefault(new, set()).add(old)
        assert all(len(one) == 1 for one in owners.values())
    assert len({way.places for way in ways}) == len(ways)


def test_sesquioxides_are_bixbyite_with_one_element_for_its_two() -> None:
    bixbyite = template("Bixbyite (Mn,Fe)2O4", "FeMn3O6")
    (way,) = changed(bixbyite, Composition.from_formula("Y2O3"))
    assert Counter(way.elements()) == {"Y": 16, "O": 24}
    assert way.changed
    found = filled(way, Composition.from_formula("Y2O3"))
    assert (found.crystal.space_group, found.num_atoms) == (206, 40)
    assert len(found.crystal.sites) == 3


def test_ways_to_split_a_template_share_its_likelihood() -> None:
    """Cs3P7 was tried in 42 ways for Cs2AgBiBr6, of 118 relaxations that types had."""
    (first, *others) = changed(template("Cs3P7", "Cs3P7"), Composition.from_formula("Cs2AgBiBr6"))
    assert len(others) > 20
    by_elements = [unlikeness(one.places, one.template) + CHANGED for one in (first, *others)]
    assert by_elements == sorted(by_elements), "likeliest first"
    assert first.unlikeness == by_elements[0]
    last = len(others) + 1
    assert others[-1].unlikeness == pytest.approx(by_elements[-1] + ANOTHER * log(last))


def test_what_can_be_exchanged_is_not_split_too() -> None:
    spinel = template("Spinel", "Al2MgO4")
    assert len(list(exchanged(spinel, Composition.from_formula("ZnFe2O4")))) == 1
    assert not list(changed(spinel, Composition.from_formula("ZnFe2O4")))
    assert not list(changed(spinel, Composition.from_formula("C")))


def test_a_type_that_can_be_split_in_thousands_of_ways_is_not() -> None:
    """Pyrite in P1 has twelve orbits: 60,480 ways for a formula of seven elements."""
    label = next(one.label for one in structure_types() if (one.name, one.space_group) == ("Pyrite", 1))
    pyrite = next(one for one in templates(None, library=True) if one.label == label)
    assert not list(changed(pyrite, Composition.from_formula("NaCaAlPHO5F2")))
    assert list(changed(pyrite, Composition.from_formula("CaMgO4")))


def test_the_template_s_own_crystal_is_likeliest_and_like_elements_are_likelier() -> None:
    spinel = template("Spinel", "Al2MgO4")
    own, like, unlike = (
        next(exchanged(spinel, Composition.from_formula(formula))).unlikeness
        for formula in ("MgAl2O4", "ZnAl2O4", "K2WO4")
    )
    assert own == 0 < like < unlike


@pytest.mark.parametrize("one", structure_types()[len(library_types()) :: 40], ids=lambda one: one.name)
def test_a_type_of_ours_is_the_crystal_that_its_line_says(one: StructureType) -> None:
    formula = Composition(tuple(one.atoms), tuple(one.atoms.values()))
    assert formula.reduced_formula == one.formula
    assert len(one.structure) == one.num_atoms
    itself = next(own for own in templates(None, library=True) if own.label == one.label)
    unit = Composition.from_formula(one.formula)
    made = filled(next(way for way in exchanged(itself, unit) if all(old == new for old, new, _ in way.places)), unit)
    assert (made.crystal.space_group, made.num_atoms) == (one.space_group, one.num_atoms)
    assert identify(made.crystal).prototype == one
