"""Results of other programs become runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure
from typer.testing import CliRunner

from crysim.analysis.foreign import read_foreign
from crysim.analysis.references import compare_records, load_references
from crysim.cli import app
from crysim.composition import Composition
from crysim.errors import InputError, UnknownNameError
from crysim.harness.journal import read_bench
from crysim.harness.systems import find_system
from crysim.interfaces import TrialStatus

AL2CU2 = Composition.from_formula("Al2Cu2")


def structure(seed: int) -> Structure:
    rng = np.random.default_rng(seed)
    return Structure(
        np.diag([3.8, 4.0, 4.2]),
        ["Al", "Al", "Cu", "Cu"],
        np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) + rng.normal(0, 0.02, (4, 3)),
    )


def poscar(seed: int, comment: str, *, named: bool = True) -> str:
    lines = structure(seed).to(fmt="poscar").splitlines()
    body = [line for i, line in enumerate(lines[1:8]) if named or i != 4]
    coordinates = [" ".join(line.split()[:3]) for line in lines[8:12]]
    return "\n".join([comment, *body, *coordinates]) + "\n"


@pytest.fixture
def calypso(tmp_path: Path) -> Path:
    folder = tmp_path / "calypso" / "results"
    folder.mkdir(parents=True)
    (folder / "pso_opt_1").write_text(poscar(0, "  -3.10", named=False) + poscar(1, "  -3.25", named=False))
    (folder / "pso_opt_2").write_text(poscar(2, "  -3.50", named=False))
    (folder / "pso_opt_10").write_text(poscar(3, "  -3.05", named=False))
    (folder / "pso_ini_1").write_text("not read")
    return folder.parent


@pytest.fixture
def cryspy(tmp_path: Path) -> Path:
    folder = tmp_path / "cryspy" / "data"
    folder.mkdir(parents=True)
    (folder / "opt_POSCARS").write_text(poscar(0, "ID_1") + poscar(1, "ID_0") + poscar(2, "ID_2"))
    (folder / "cryspy_rslt").write_text(
        "   Gen  Spg_num  Spg_sym  Spg_num_opt Spg_sym_opt  E_eV_atom  Magmom      Opt\n"
        "0    1      139   I4/mmm          139      I4/mmm  -3.000850     NaN     done\n"
        "1    1       98     None           12        C2/m  -3.978441     NaN  not_yet\n"
        "2    1       16     P222           16        P222        NaN     NaN     done\n"
    )
    return folder.parent


def test_calypso(calypso: Path) -> None:
    found = read_foreign(calypso, "calypso", AL2CU2).structures
    assert [one.source for one in found] == [
        "pso_opt_1, structure 1",
        "pso_opt_1, structure 2",
        "pso_opt_2, structure 1",
        "pso_opt_10, structure 1",
    ]
    assert [one.energy for one in found] == pytest.approx([-12.4, -13.0, -14.0, -12.2])
    np.testing.assert_allclose(found[2].structure.frac_coords, structure(2).frac_coords, atol=1e-9)
    with pytest.raises(InputError, match="names no elements: give --system"):
        read_foreign(calypso, "calypso")
    (calypso / "input.dat").write_text("SystemName = AlCu\nNameOfAtoms = Cu Al  # as in the files\n")
    named = read_foreign(calypso, "calypso").structures
    assert named[0].structure.composition.formula == "Al2 Cu2"
    assert named[0].structure[0].specie.symbol == "Cu"  # its own names go before those of the formula
    (calypso / "results" / "pso_opt_3").write_text(poscar(4, "  610612509", named=False))
    assert read_foreign(calypso, "calypso").structures[3].energy is None


def test_cryspy(cryspy: Path) -> None:
    found = read_foreign(cryspy, "cryspy").structures
    assert [one.source for one in found] == ["ID_1", "ID_0", "ID_2"]
    assert found[0].energy == pytest.approx(4 * -3.978441)
    assert found[1].energy == pytest.approx(4 * -3.000850)
    assert found[2].energy is None


def test_poscars(tmp_path: Path) -> None:
    for i in (1, 2, 10):
        structure(i).to(fmt="poscar", filename=str(tmp_path / f"POSCAR_{i}"))
    (tmp_path / "notes.txt").write_text("not read")
    (tmp_path / "energies.csv").write_text("file,energy\nPOSCAR_1,-13.5\nPOSCAR_10,-14.5\n")
    found = read_foreign(tmp_path, "poscars").structures
    assert [one.source for one in found] == ["POSCAR_1", "POSCAR_2", "POSCAR_10"]
    assert [one.energy for one in found] == [-13.5, None, -14.5]
    (tmp_path / "energies.csv").write_text("file,energy\nPOSCAR_9,-13.5\n")
    with pytest.raises(InputError, match="POSCAR_9"):
        read_foreign(tmp_path, "poscars")


def test_extended_xyz_with_many_frames(tmp_path: Path) -> None:
    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator
    from pymatgen.io.ase import AseAtomsAdaptor

    frames = [AseAtomsAdaptor.get_atoms(structure(seed), msonable=False) for seed in range(3)]
    for i, atoms in enumerate(frames[:2]):
        atoms.calc = SinglePointCalculator(atoms, energy=-13.0 - i)
    ase.io.write(tmp_path / "all.extxyz", frames)
    structure(3).to(filename=str(tmp_path / "one.cif"))
    found = read_foreign(tmp_path, "poscars").structures
    assert [one.source for one in found] == [*(f"all.extxyz, structure {i}" for i in (1, 2, 3)), "one.cif"]
    assert [one.energy for one in found] == [-13.0, -14.0, None, None]
    frames[0].pbc = False
    ase.io.write(tmp_path / "all.extxyz", frames)
    partly = read_foreign(tmp_path, "poscars")
    assert partly.skipped == ("all.extxyz, structure 1: is not periodic in three directions: crysim relaxes crystals",)
    assert [one.source for one in partly.structures] == [
        "all.extxyz, structure 2",
        "all.extxyz, structure 3",
        "one.cif",
    ]


def test_energies_of_primitive_cells_are_those_of_the_system(tmp_path: Path) -> None:
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    folder = tmp_path / "theirs"
    folder.mkdir()
    crystal.to_structure().get_primitive_structure().to(fmt="poscar", filename=str(folder / "POSCAR"))
    (folder / "energies.csv").write_text("file,energy\nPOSCAR,-10.0\n")
    out = tmp_path / "out"
    command = ["import", str(folder), "--from", "poscars", "--system", "Ca4S4", "--out", str(out)]
    assert CliRunner().invoke(app, command).exit_code == 0
    (record,) = read_bench(out)
    assert record.trials[0].energy == pytest.approx(-40.0)


def test_what_is_no_result_is_refused(tmp_path: Path, calypso: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'calypso'"):
        read_foreign(calypso, "calipso")
    with pytest.raises(InputError, match="there is no folder"):
        read_foreign(tmp_path / "nowhere", "poscars")
    with pytest.raises(InputError, match="holds no structures"):
        read_foreign(tmp_path, "calypso")
    with pytest.raises(InputError, match="opt_POSCARS"):
        read_foreign(tmp_path, "cryspy")
    (calypso / "results" / "pso_opt_1").write_text("-3.0\n1.0\n1 2\n")
    results = read_foreign(calypso, "calypso", AL2CU2)
    assert results.skipped == ("pso_opt_1, structure 1: line 1: no POSCAR begins here",)
    assert len(results.structures) == 2
    for name in ("pso_opt_2", "pso_opt_10"):
        (calypso / "results" / name).unlink()
    with pytest.raises(InputError, match="line 1: no POSCAR begins here"):
        read_foreign(calypso, "calypso", AL2CU2)


def test_imported_runs_enter_the_same_tables(calypso: Path, cryspy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["import", str(calypso), "--from", "calypso", "--system", "Al2Cu2", "--out", str(out), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["counting"] == 4
    assert CliRunner().invoke(app, command).exit_code == 0  # again: nothing changes
    (record,) = read_bench(out)
    assert (record.system, record.method, record.budget, len(record.trials)) == ("Al2Cu2", "calypso", 4, 4)
    (row,) = compare_records([record], load_references(out, [record])).summary().rows
    assert row["lowest"] == pytest.approx(-14.0)
    assert record.trials[0].candidate.info == {"source": "pso_opt_1, structure 1"}

    other = ["import", str(cryspy), "--from", "cryspy", "--out", str(out), "--method", "theirs"]
    assert CliRunner().invoke(app, other).exit_code == 0
    records = read_bench(out)
    assert [trial.status for trial in records[1].trials][-1] is TrialStatus.FAILED
    with pytest.raises(InputError, match="different models"):
        compare_records(records, {})


def test_imported_structures_are_relaxed_on_request(calypso: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["import", str(calypso), "--from", "calypso", "--system", "Al2Cu2", "--out", str(out), "--relax"]
    done = CliRunner().invoke(app, [*command, "--energy", "ase:emt", "--max-steps", "5"])
    assert done.exit_code == 0, done.output
    (record,) = read_bench(out)
    assert record.fingerprint["model"] == "ase:emt"
    assert all(trial.evaluations > 0 for trial in record.trials)
    changed = CliRunner().invoke(app, [*command, "--energy", "ase:emt", "--max-steps", "6"])
    assert changed.exit_code == 2
    assert "config.relax.max_steps" in changed.output


def test_what_joins_a_bench_is_relaxed_as_its_runs_were(calypso: Path, cryspy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bench = [
        "bench",
        "--system",
        "Cu2Al2",
        "--method",
        "random",
        "--energy",
        "ase:emt",
        "--budget",
        "2",
        "--out",
        str(out),
    ]
    bench += ["--max-steps", "4", "--fmax", "0.2"]
    run = CliRunner().invoke(app, bench)
    assert run.exit_code == 0, run.output
    done = CliRunner().invoke(app, ["import", str(cryspy), "--from", "cryspy", "--out", str(out), "--relax"])
    assert done.exit_code == 0, done.output
    theirs = next(record for record in read_bench(out) if record.imported)
    ours = next(record for record in read_bench(out) if not record.imported)
    assert theirs.system == "Cu2Al2"  # the bench's order of the elements
    assert theirs.fingerprint == ours.fingerprint
    assert theirs.config["relax"] == ours.config["relax"]
    unrelaxed = ["import", str(calypso), "--from", "calypso", "--system", "Cu2Al2", "--out", str(out)]
    assert CliRunner().invoke(app, unrelaxed).exit_code == 0
    again = CliRunner().invoke(app, [*bench, "--json"])
    rows = json.loads(again.stdout)["summary"]["rows"]
    assert [row["method"] for row in rows] == ["random", "cryspy"]
    assert "calypso/seed-0 is left out" in again.stderr


def test_another_composition_is_refused_in_one_line(cryspy: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["import", str(cryspy), "--from", "cryspy", "--system", "Al3Cu1", "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 2
    assert "ID_1: the structure's cell holds Al2Cu2, not Al3Cu" in done.output


def test_structures_of_any_cell_become_a_run_of_primitive_contents(tmp_path: Path) -> None:
    """Copper in its primitive, its cubic and a double cell: one contents, energies per its cell, beside those runs."""
    from ase.build import bulk
    from ase.io import write

    cubic = bulk("Cu", a=3.7, cubic=True)
    for name, atoms in (("1-primitive", bulk("Cu", a=3.6)), ("2-cubic", cubic), ("3-double", cubic * (1, 1, 2))):
        write(tmp_path / f"{name}.vasp", atoms, format="vasp")
    (tmp_path / "energies.csv").write_text("file,energy\n1-primitive.vasp,-3.5\n2-cubic.vasp,-14.4\n")
    command = ["import", str(tmp_path), "--from", "poscars", "--out", str(tmp_path / "out"), "--cell", "primitive"]
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["lowest"] == pytest.approx(-3.6)
    (record,) = read_bench(tmp_path / "out")
    assert record.contents.name == "Cu-primitive"
    assert [trial.crystal.composition.formula for trial in record.trials if trial.crystal] == ["Cu4", "Cu4"]
    relaxed = CliRunner().invoke(app, [*command, "--relax", "--energy", "ase:emt", "--method", "emt", "--json"])
    assert relaxed.exit_code == 0, relaxed.output
    emt = read_bench(tmp_path / "out")[0]
    energies = [trial.energy for trial in emt.trials if trial.energy is not None]
    assert len(energies) == 3
    assert energies == pytest.approx([energies[0]] * 3, abs=1e-3)
    two = CliRunner().invoke(app, [*command, "--system", "Cu", "--z", "2"])
    assert two.exit_code == 2
    unnamed = CliRunner().invoke(app, [*command, "--z", "2"])
    assert (unnamed.exit_code, "give it with --system" in unnamed.stderr) == (2, True)
    unknown = CliRunner().invoke(app, [*command[:-1], "unit"])
    assert (unknown.exit_code, "unknown cell 'unit'" in unknown.stderr) == (2, True)
