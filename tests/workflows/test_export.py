"""Crystals leave crysim in formats that ASE and pymatgen read back as the same crystals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase.db import connect
from ase.io import read
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from typer.testing import CliRunner

from crysim.cli import app
from crysim.composition import Composition
from crysim.crystal.export import FORMATS, Entry
from crysim.crystal.files import read_structure
from crysim.errors import InputError
from crysim.harness.loop import execute
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import RelaxSettings
from crysim.workflows.export import best_entries, export

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run with EMT on a formula of which prototypes give several distinct crystals."""
    folder = tmp_path_factory.mktemp("search")
    part = PartSpec("prototypes", {"rounds": 1})
    spec = RunSpec(
        system=Composition.from_formula("Cu4"), method="prototypes", strategy=part, energy=PartSpec("ase:emt"),
        budget=6, relax=RelaxSettings(max_steps=30, num_frames=0),
    )  # fmt: skip
    execute(spec, folder / "run", build_energy(spec.energy))
    return folder


def entries_of(run: Path, cell: str = "conventional") -> list[Entry]:
    from crysim.harness.journal import read_bench

    return best_entries(read_bench(run), top=3, cell=cell)


def same(structure: Structure, entry: Entry) -> bool:
    return len(structure) == len(entry.structure) and StructureMatcher(
        primitive_cell=False, scale=False, ltol=1e-3, stol=1e-3, angle_tol=0.1
    ).fit(structure, entry.structure)


@pytest.mark.parametrize("cell", ["conventional", "primitive"])
def test_the_best_come_first_in_the_cell_asked_for_with_their_origin(run: Path, cell: str) -> None:
    entries = entries_of(run, cell)
    assert len(entries) >= 2
    energies = [float(one.info["energy_per_atom"]) for one in entries]
    assert energies == sorted(energies)
    for one in entries:
        assert one.info["energy"] == pytest.approx(one.info["energy_per_atom"] * len(one.structure))  # type: ignore[operator]
        assert one.info["method"] == "prototypes"
        assert one.info["model"] == "ase:emt"
        assert {"seed", "iteration", "space_group", "prototype", "times_found"} <= set(one.info)
    best = entries[0]
    assert best.info["prototype"] == "Copper"
    assert len(best.structure) == (1 if cell == "primitive" else 4)


def test_under_pressure_energies_and_enthalpies_are_apart(tmp_path: Path) -> None:
    part = PartSpec("prototypes", {"rounds": 1})
    relax = RelaxSettings(max_steps=30, num_frames=0, pressure=10.0)
    spec = RunSpec(
        system=Composition.from_formula("Cu4"), method="prototypes", strategy=part, energy=PartSpec("ase:emt"),
        budget=1, relax=relax,
    )  # fmt: skip
    execute(spec, tmp_path / "run", build_energy(spec.energy))
    (entry,) = entries_of(tmp_path, "primitive")
    work = 10 / 160.21766208 * entry.structure.volume / len(entry.structure)
    assert entry.info["enthalpy_per_atom"] == pytest.approx(float(entry.info["energy_per_atom"]) + work)
    assert entry.info["energy"] == pytest.approx(float(entry.info["enthalpy"]) - work * len(entry.structure))


def test_cif_and_poscar_are_read_back_the_same_with_comments(run: Path, tmp_path: Path) -> None:
    entries = entries_of(run)
    for target in ("cif", "poscar"):
        done = export(run, target, top=3, out=tmp_path / target)
        assert len(done.files) == len(entries)
        for path, entry in zip(done.files, entries, strict=True):
            assert same(read_structure(path), entry)
            assert same(AseAtomsAdaptor.get_structure(read(path)), entry)
            assert "method" in path.read_text()
            assert str(entry.info["energy_per_atom"]) in path.read_text()


def test_extxyz_and_database_hold_all_with_their_info(run: Path, tmp_path: Path) -> None:
    entries = entries_of(run)
    (path,) = export(run, "extxyz", top=3, out=tmp_path / "x").files
    frames = read(path, ":")
    (database,) = export(run, "ase-db", top=3, out=tmp_path / "d").files
    rows = list(connect(database).select())
    assert len(frames) == len(rows) == len(entries)
    for atoms, row, entry in zip(frames, rows, entries, strict=True):
        assert same(AseAtomsAdaptor.get_structure(atoms), entry)
        assert same(AseAtomsAdaptor.get_structure(row.toatoms()), entry)
        assert atoms.info["space_group"] == entry.info["space_group"]
        assert row.crysim_energy_per_atom == pytest.approx(entry.info["energy_per_atom"])
        assert row.data["energy"] == pytest.approx(entry.info["energy"])


def test_optimade_is_read_back_the_same(run: Path, tmp_path: Path) -> None:
    from pymatgen.io.optimade import OptimadeStructureAdapter

    (path,) = export(run, "optimade", top=3, out=tmp_path).files
    documents = json.loads(path.read_text())["data"]
    for document, entry in zip(documents, entries_of(run), strict=True):
        assert document["type"] == "structures"
        assert document["attributes"]["_crysim_method"] == "prototypes"
        assert same(OptimadeStructureAdapter.get_structure(document), entry)


def test_inputs_of_vasp_and_quantum_espresso_hold_the_crystal_and_say_what_is_missing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    entries = entries_of(run)
    vasp = export(run, "vasp", top=1, out=tmp_path / "v")
    assert {path.name for path in vasp.files} >= {"POSCAR", "INCAR", "KPOINTS"}
    poscar = next(path for path in vasp.files if path.name == "POSCAR")
    assert poscar.parent.name == entries[0].name
    assert same(Structure.from_file(poscar), entries[0])
    if not any(path.name == "POTCAR" for path in vasp.files):
        assert any("POTCAR" in note for note in vasp.notes)
    qe = export(run, "qe", top=1, out=tmp_path / "q")
    assert same(AseAtomsAdaptor.get_structure(read(qe.files[0], format="espresso-in")), entries[0])
    assert any("pseudo" in note for note in qe.notes)


def test_the_script_for_gpaw_makes_the_crystal(run: Path, tmp_path: Path) -> None:
    (path,) = export(run, "gpaw", top=1, out=tmp_path).files
    text = path.read_text()
    compile(text, str(path), "exec")
    start = text.index("atoms = Atoms(")
    names: dict[str, object] = {}
    exec("from ase import Atoms\n" + text[start : text.index("atoms.calc")], names)  # noqa: S102
    assert same(AseAtomsAdaptor.get_structure(names["atoms"]), entries_of(run)[0])


def test_an_export_again_replaces_its_own_files_and_leaves_a_person_s(run: Path, tmp_path: Path) -> None:
    export(run, "cif", top=3, out=tmp_path)
    (tmp_path / "mine.cif").write_text("mine")
    done = export(run, "cif", top=1, out=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.cif")) == sorted([done.files[0].name, "mine.cif"])


def test_what_is_wrong_is_one_line(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format 'cfi': did you mean 'cif'"):
        export(run, "cfi")
    with pytest.raises(InputError, match="unknown cell"):
        export(run, "cif", cell="niggli")
    with pytest.raises(InputError, match="holds no run"):
        export(tmp_path, "cif")


def test_the_command_says_what_it_wrote(run: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(run), "--to", "extxyz", "--top", "2", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "2 crystals, 1 files" in result.output
    assert CliRunner().invoke(app, ["export", str(run), "--to", "nothing"]).exit_code == 2
    assert set(FORMATS) == {"cif", "poscar", "extxyz", "ase-db", "optimade", "vasp", "qe", "gpaw"}
