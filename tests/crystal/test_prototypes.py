"""A formula in the structure types that fit it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crysim.composition import CellKind, Composition, Contents
from crysim.crystal.files import write_cif
from crysim.crystal.identity import identify
from crysim.crystal.prototypes import iterate_prototypes, prototypes
from crysim.crystal.structure_types import structure_types
from crysim.crystal.templates import read_templates
from crysim.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize(
    ("formula", "name", "group", "volume"),
    [
        ("NaCl", "Halite", 225, 22.4),
        ("MgAl2O4", "Spinel", 227, 9.4),
        ("SrTiO3", "Perovskite", 221, 11.9),
        ("CaF2", "Fluorite", 225, 13.6),
        ("Ga2O3", "Corundum", 167, 9.6),
    ],
)
def test_the_likeliest_type_is_the_one_the_compound_has(formula: str, name: str, group: int, volume: float) -> None:
    first = next(iterate_prototypes(Composition.from_formula(formula)))
    assert (first.name, first.crystal.space_group) == (name, group)
    assert first.crystal.volume / first.crystal.num_atoms == pytest.approx(volume, rel=0.35)
    assert first.crystal.composition.reduced_formula == formula
    assert identify(first.crystal).prototype_name == name


def test_every_assignment_of_elements_that_makes_another_crystal_is_there_once() -> None:
    heusler = [one for one in prototypes(Composition.from_formula("LiMgN"), max_atoms=3) if one.name == "Half-Heusler"]
    # each of the three may be the one in the middle; exchanging the other two is the same crystal
    assert len(heusler) == 3
    halite = [one for one in prototypes(Composition.from_formula("KBr"), max_atoms=2) if one.name == "Halite"]
    assert len(halite) == 1


def test_contents_are_met_by_the_conventional_or_the_primitive_cell_or_not_at_all() -> None:
    halite = next(iterate_prototypes(Composition.from_formula("NaCl")))
    conventional = halite.with_contents(Composition.from_formula("Na4Cl4"))
    assert conventional is not None
    assert conventional.space_group == 225
    primitive = halite.with_contents(Composition.from_formula("NaCl"))
    assert primitive is not None
    assert (primitive.num_atoms, primitive.space_group) == (2, 1)
    assert identify(primitive).space_group == 225
    assert halite.with_contents(Composition.from_formula("Na2Cl2")) is None


def test_no_type_fits_a_formula_of_odd_proportions() -> None:
    assert prototypes(Composition.from_formula("Na7Ca2Al5O13")) == []


def test_a_user_s_folder_gives_types_too(tmp_path: Path) -> None:
    spinel = next(one for one in structure_types() if one.name == "Spinel")
    write_cif(identify(spinel.structure).crystal, tmp_path / "mine.cif")
    (tmp_path / "notes.txt").write_text("not a structure")
    found = prototypes(Composition.from_formula("ZnFe2O4"), folder=tmp_path, library=False)
    assert [one.name for one in found] == ["mine"]
    assert found[0].crystal.space_group == 227


def test_a_folder_that_is_none_or_holds_rubbish_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        read_templates(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no structure file"):
        read_templates(tmp_path)
    (tmp_path / "bad.cif").write_text("data_\nrubbish")
    with pytest.raises(InputError, match=r"bad\.cif") as caught:
        read_templates(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cell", ["primitive", "conventional"])
@pytest.mark.parametrize(("formula", "most"), [("Y2O3", 20), ("CaS", 6), ("LiMnPO4", 14)])
def test_what_is_left_out_before_it_is_made_is_what_does_not_fit(formula: str, most: int, cell: CellKind) -> None:
    contents = Contents.from_formula(formula, 2, cell)
    unit = Composition.from_formula(formula)
    all_made, made = (list(iterate_prototypes(unit, max_atoms=most, contents=wanted)) for wanted in (None, contents))
    fitting = [[(one.label, one.crystal) for one in some if one.with_contents(contents)] for some in (all_made, made)]
    assert fitting[0] == fitting[1] != []
    if cell == "primitive":
        assert len(made) < len(all_made)
