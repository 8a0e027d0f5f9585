"""The built-in systems, and references that users bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from crysim.composition import Composition
from crysim.crystal.identify import find_space_group
from crysim.crystal.matching import ReferenceMatcher
from crysim.errors import InputError
from crysim.harness.config_file import read_settings
from crysim.harness.systems import builtin_systems, find_system, read_reference, references, spelled_out

SPACE_GROUPS = {
    "ScBe5": 191,
    "Ca4S4": 225,
    "Ba3Na3Bi3": 189,
    "Li4Zr4O8": 141,
    "Li8Zr4O12": 15,
    "Y6Co51": 166,
    "Ca24Al16Si24O96": 230,
}


def test_the_nine_systems_of_the_paper_are_known() -> None:
    systems = builtin_systems()
    assert set(systems) == {*SPACE_GROUPS, "Li3Ti3Se6O3", "Si96O192"}
    assert {name for name, system in systems.items() if system.reference is None} == {"Li3Ti3Se6O3", "Si96O192"}


@pytest.mark.parametrize("name", SPACE_GROUPS)
def test_references_are_sound(name: str) -> None:
    system = builtin_systems()[name]
    crystal = system.reference
    assert crystal is not None
    assert crystal.composition == system.composition
    assert crystal.space_group == find_space_group(crystal.to_structure(), 1e-4) == SPACE_GROUPS[name]
    assert crystal.min_distance() > 1.6
    ((_, energy),) = system.energies
    assert energy == pytest.approx(system.paper_energy, abs=0.011)


def test_reference_energies_go_by_the_weights() -> None:
    system = find_system("Ca4S4")
    ((weights, energy),) = system.energies
    assert system.reference_energy({"model": "m3gnet", "weights": weights}) == energy
    assert system.reference_energy({"model": "chgnet", "weights": "0" * 64}) is None


def test_a_built_in_system_is_found_by_its_atoms_in_any_order() -> None:
    assert find_system("Ca24Al16(SiO4)24").material_id == "mp-6008"
    turned = find_system("S4Ca4")
    assert turned.name == "S4Ca4"
    assert turned.reference is not None
    assert turned.reference.composition.elements == ("S", "Ca")
    straight = find_system("CaS", z=4).reference
    assert straight is not None
    assert ReferenceMatcher(straight).match(turned.reference).strict
    assert find_system("Na4Cl4").reference is None


def test_a_reference_from_a_file(tmp_path: Path) -> None:
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    path = tmp_path / "primitive.cif"
    crystal.to_structure().get_primitive_structure().to(filename=str(path))
    system = find_system("Ca4S4", reference=path)
    assert system.reference is not None
    assert system.reference.space_group == 225
    assert system.energies == ()


def test_a_system_is_named_by_its_structure_and_searched_in_the_cell_that_is_asked_for(tmp_path: Path) -> None:
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    path = str(tmp_path / "rock-salt.cif")
    crystal.to_structure().get_primitive_structure().to(filename=path)
    assert spelled_out(["ScBe5"], {"ScBe5": "x.cif"}) == (("ScBe5",), {"ScBe5": "x.cif"})
    assert spelled_out([path]) == (("Ca4S4",), {"Ca4S4": path})
    assert spelled_out([path], cell="primitive") == (("CaS",), {"CaS": path})
    assert spelled_out(["Ca4S4", "Y6Co51"], cell="primitive") == (("Ca4S4", "Y6Co51"), {})
    assert spelled_out(["CaS"], {"": path}, "primitive", (1, 2)) == (
        ("CaS", "Ca2S2"),
        {"CaS": path, "Ca2S2": path},
    )
    small = find_system("CaS", reference="Ca4S4")
    assert small.reference is not None
    assert ReferenceMatcher(small.reference).match(crystal).strict
    assert spelled_out(["Na4Cl4"], references([path])) == (("Na4Cl4",), {"Na4Cl4": path})
    with pytest.raises(InputError, match="leave out --z"):
        spelled_out([path], units=(2,))
    with pytest.raises(InputError, match="cell 'tiny'"):
        spelled_out(["Ca4S4"], cell="tiny")
    settings = read_settings(None, {"system": [path], "cell": "primitive"})
    assert settings.system == ("CaS",)
    assert settings.systems()[0].reference is not None
    assert settings.runs()[0].system.name == "CaS-primitive"


def test_contents_of_the_primitive_cell_have_the_reference_that_they_can_hold() -> None:
    rock_salt = find_system("CaS", cell="primitive")
    conventional = find_system("Ca4S4")
    assert (rock_salt.name, rock_salt.reference) == ("CaS-primitive", conventional.reference)
    weights = conventional.energies[0][0]
    whole = conventional.reference_energy({"model": weights})
    assert whole is not None
    assert rock_salt.reference_energy({"model": weights}) == pytest.approx(whole / 4)
    assert find_system("CaS", z=3, cell="primitive").reference is not None
    assert find_system("Ca3Al2Si3O12", cell="primitive").reference is None  # garnet's primitive cell holds four
    assert find_system("Ca3Al2Si3O12", z=4, cell="primitive").reference is not None


def test_an_entry_of_the_materials_project(materials_project: list[str]) -> None:
    system = find_system("Ca4S4", reference="mp:mp-1672")
    assert system.reference is not None
    assert system.reference.space_group == 225
    assert materials_project[0].endswith("k" * 32)
    assert spelled_out(["mp:mp-1672"]) == (("Ca4S4",), {"Ca4S4": "mp:mp-1672"})
    assert len(materials_project) == 1  # asked for once
    with pytest.raises(InputError, match="the Materials Project gave no structure for mp-999999"):
        find_system("Ca4S4", reference="mp:mp-999999")


def test_references_that_are_none_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composition = Composition.from_formula("Ca4S4")
    with pytest.raises(InputError, match="there is no file"):
        read_reference(tmp_path / "missing.cif", composition)
    broken = tmp_path / "broken.cif"
    broken.write_text("this is no structure")
    with pytest.raises(InputError, match=r"broken\.cif.* is no CIF file that can be read"):
        read_reference(broken, composition)
    other = tmp_path / "other.cif"
    reference = find_system("ScBe5").reference
    assert reference is not None
    reference.to_structure().to(filename=str(other))
    with pytest.raises(InputError, match="is Sc1 Be5, not Ca4S4"):
        read_reference(other, composition)
    monkeypatch.delenv("MP_API_KEY", raising=False)
    with pytest.raises(InputError, match="MP_API_KEY"):
        read_reference("mp:mp-1", composition)
