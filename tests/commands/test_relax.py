"""`crysim relax`: files in, a table or JSON out, one clear line for what is no crystal."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import ase.build
import ase.io
import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.commands.relax import KEYS


@pytest.fixture
def copper(tmp_path) -> Path:
    path = tmp_path / "copper.cif"
    ase.io.write(path, ase.build.bulk("Cu", a=3.7, cubic=True))
    return path


def run(*arguments: object):
    return CliRunner().invoke(app, ["relax", *map(str, arguments)])


def rows(*arguments: object, code: int = 0) -> list[dict]:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout)


def test_json_of_a_relaxation(copper):
    (row,) = rows(copper, "--energy", "ase:emt")
    assert list(row) == list(KEYS)
    assert row["file"] == str(copper)
    assert row["formula"] == "Cu4"
    assert row["space_group"] == 225
    assert row["converged"] is True
    assert row["steps"] > 0
    assert row["energy_per_atom"] == pytest.approx(row["energy"] / 4)


def test_every_format_gives_the_same_energy_of_the_file_s_own_cell(tmp_path, copper):
    conventional = rows(copper, "--energy", "ase:emt")[0]
    primitive = ase.build.bulk("Cu", a=3.7)
    double = ase.build.bulk("Cu", a=3.7, cubic=True) * (1, 1, 2)
    ase.io.write(tmp_path / "POSCAR", primitive, format="vasp")
    ase.io.write(tmp_path / "double.extxyz", double, format="extxyz")
    ase.io.write(tmp_path / "double.vasp", double, format="vasp")
    for name, atoms in (("POSCAR", 1), ("double.extxyz", 8), ("double.vasp", 8)):
        (row,) = rows(tmp_path / name, "--energy", "ase:emt")
        assert row["formula"] == ("Cu" if atoms == 1 else f"Cu{atoms}")
        assert row["energy"] == pytest.approx(conventional["energy"] * atoms / 4, abs=1e-6)
        assert row["energy_per_atom"] == pytest.approx(conventional["energy_per_atom"], abs=1e-7)
        assert row["space_group"] == 225


def test_the_table_names_file_formula_and_group(copper):
    result = run(copper, "--energy", "ase:emt")
    assert result.exit_code == 0
    for word in ("copper.cif", "Cu4", "Fm-3m", "225", "yes"):
        assert word in result.stdout.replace("\n", "")


def test_options_reach_the_relaxation(copper):
    few = rows(copper, "--energy", "ase:emt", "--max-steps", 1, code=1)[0]
    assert (few["steps"], few["converged"]) == (1, False)
    loose = rows(copper, "--energy", "ase:emt", "--fmax", 0.5)[0]
    pressed = rows(copper, "--energy", "ase:emt", "--pressure", 10)[0]
    assert loose["steps"] < rows(copper, "--energy", "ase:emt")[0]["steps"]
    assert pressed["enthalpy"] > loose["enthalpy"] + 1
    soft = rows(copper, "--energy", "ase:lj", "--energy-option", "options={sigma=2.3, epsilon=0.1}")[0]
    hard = rows(copper, "--energy", "ase:lj", "--energy-option", "options={sigma=2.3, epsilon=0.2}")[0]
    assert hard["energy"] == pytest.approx(2 * soft["energy"], rel=1e-3)


def test_writes_the_relaxed_crystals(tmp_path, copper):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / copper.name
    twin.write_bytes(copper.read_bytes())
    rows(copper, twin, "--energy", "ase:emt", "--out", tmp_path / "a" / "relaxed")
    written = sorted(p.name for p in (tmp_path / "a" / "relaxed").iterdir())
    assert written == ["copper-relaxed-2.cif", "copper-relaxed.cif"]
    again = rows(tmp_path / "a" / "relaxed" / written[1], "--energy", "ase:emt")[0]
    assert again["steps"] <= 1
    assert again["space_group"] == 225


def test_exit_codes_of_failures(tmp_path, copper):
    salt = tmp_path / "salt.cif"
    ase.io.write(salt, ase.build.bulk("NaCl", "rocksalt", a=5.6, cubic=True))
    alone = run(salt, "--energy", "ase:emt", "--json")
    assert alone.exit_code == 1
    (row,) = json.loads(alone.stdout)
    assert row["energy"] is None
    assert row["converged"] is False
    assert "salt.cif" in alone.stderr
    assert "failed" in alone.stderr
    both = run(salt, copper, "--energy", "ase:emt", "--json")
    assert both.exit_code == 3
    assert [row["energy"] is None for row in json.loads(both.stdout)] == [True, False]


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    def write(name: str, text: str) -> Path:
        (folder / name).write_text(text)
        return folder / name

    molecule = folder / "water.xyz"
    ase.io.write(molecule, ase.build.molecule("H2O"))
    frames = folder / "path.extxyz"
    ase.io.write(frames, [ase.build.bulk("Cu"), ase.build.bulk("Ag")])
    mixed = "data_x\n_cell_length_a 3\n_cell_length_b 3\n_cell_length_c 3\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    mixed += "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
    mixed += "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\nA Cu 0 0 0 0.5\nB Ag 0 0 0 0.5\n"
    return {
        "missing": (folder / "nowhere.cif", "there is no file"),
        "text": (write("text.cif", "this is no CIF\n"), "is no CIF file that can be read"),
        "empty": (write("empty.cif", ""), "is no CIF file that can be read"),
        "poscar": (write("POSCAR", "no\nposcar\n"), "is no POSCAR file that can be read"),
        "xyz": (write("bad.extxyz", "two\n"), "is no extxyz file that can be read"),
        "unknown": (write("crystal.pdf", ""), "no known format"),
        "molecule": (molecule, "not periodic"),
        "frames": (frames, "holds 2 structures"),
        "disorder": (write("mixed.cif", mixed), "partly occupied"),
        "folder": (folder, "there is no file"),
    }


@pytest.mark.parametrize(
    "case", ["missing", "text", "empty", "poscar", "xyz", "unknown", "molecule", "frames", "disorder", "folder"]
)
def test_a_file_that_is_no_crystal_is_one_line(tmp_path, copper, case):
    path, words = bad_files(tmp_path)[case]
    result = run(path, "--energy", "ase:emt", "--json")
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert str(path) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""
    beside = run(path, copper, "--energy", "ase:emt", "--json")
    assert beside.exit_code == 3, beside.output
    assert words in beside.stderr
    assert [row["status"] for row in json.loads(beside.stdout)] == ["unreadable", "relaxed"]


def test_files_that_cannot_be_read_are_all_named(tmp_path, copper):
    bad = [tmp_path / f"{name}.cif" for name in "ab"]
    nothing = run(*bad, "--energy", "ase:emt")
    assert nothing.exit_code == 2
    assert [str(file) in line for file, line in zip(bad, nothing.stderr.splitlines(), strict=True)] == [True, True]
    table = run(bad[0], copper, bad[1], "--energy", "ase:emt")
    assert table.exit_code == 3
    assert table.stdout.count("unreadable") == 2
    assert "Cu4" in table.stdout


def test_a_crystal_that_does_not_converge_is_no_success(copper, tmp_path):
    still = tmp_path / "still.cif"
    rows(copper, "--energy", "ase:emt", "--out", tmp_path)
    (tmp_path / "copper-relaxed.cif").rename(still)
    alone = run(copper, "--energy", "ase:emt", "--max-steps", 0, "--json")
    assert alone.exit_code == 1
    both = run(copper, still, "--energy", "ase:emt", "--max-steps", 0, "--json")
    assert both.exit_code == 3
    first, second = json.loads(both.stdout)
    assert (first["status"], second["status"]) == ("not-converged", "relaxed")


def test_steps_are_one_number_in_table_message_and_json(tmp_path):
    if find_spec("chgnet") is None:
        pytest.skip("chgnet is not installed")
    loose = tmp_path / "loose.cif"
    atoms = ase.build.bulk("NaCl", "rocksalt", a=5.2, cubic=True)
    atoms.rattle(0.25, seed=3)
    ase.io.write(loose, atoms)
    for symmetry in ("keep", "polish", "release"):
        result = run(loose, "--energy", "chgnet", "--symmetry", symmetry, "--max-steps", 7, "--fmax", 1e-5, "--json")
        (row,) = json.loads(result.stdout)
        assert result.exit_code == 1
        assert row["steps"] == 7
        assert "is left after 7 steps" in row["reason"]
        assert row["reason"] in result.stderr.replace("\n", "")


def test_under_pressure_enthalpies_are_called_enthalpies(copper):
    pressed = rows(copper, "--energy", "ase:emt", "--pressure", 20)[0]
    free = rows(copper, "--energy", "ase:emt")[0]
    work = 20 / 160.21766208 * pressed["volume"]
    assert pressed["enthalpy"] == pytest.approx(pressed["energy"] + work)
    assert pressed["energy"] > free["energy"]
    assert pressed["volume"] < free["volume"]
    assert pressed["enthalpy_per_atom"] == pytest.approx(pressed["enthalpy"] / 4)
    assert free["enthalpy"] == free["energy"]
    headings = run(copper, "--energy", "ase:emt", "--pressure", 20).stdout
    for word in ("enthalpy (eV)", "energy (eV)", "volume"):
        assert word in headings
    assert "enthalpy" not in run(copper, "--energy", "ase:emt").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--energy", "ase:emtt"], "did you mean 'emt'"),
        (["--energy", "m3gnett"], "did you mean 'm3gnet'"),
        (["--energy", "ase"], "needs an argument"),
        (["--energy", "ase:emt", "--fmax", "0"], "fmax"),
        (["--energy", "ase:emt", "--max-steps", "-3"], "max_steps"),
        (["--energy", "ase:emt", "--symmetry", "kep"], "did you mean 'keep'"),
        (["--energy", "ase:emt", "--threads", "0"], "threads"),
        (["--energy", "ase:emt", "--energy-option", "sigma"], "KEY=VALUE"),
        (["--energy", "chgnet", "--energy-option", "weight=1"], "did you mean 'weights'"),
        (["--energy", "ase:emt", "--out", "/proc/nowhere"], "cannot write"),
    ],
)
def test_bad_input_is_one_line(copper, arguments, words):
    result = run(copper, *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_or_corrupt_checkpoint_is_one_line(tmp_path, copper, monkeypatch):
    if find_spec("matgl") is None:
        pytest.skip("matgl is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CRYSIM_MODELS", str(tmp_path / "models"))
    result = run(copper, "--energy", "m3gnet", "--energy-option", "download=false")
    assert result.exit_code == 2
    assert "CRYSIM_MODELS" in result.stderr
    folder = tmp_path / "models" / "M3GNet-MP-2021.2.8-PES"
    folder.mkdir(parents=True)
    for file in ("model.json", "model.pt", "state.pt"):
        (folder / file).write_bytes(b"broken")
    result = run(copper, "--energy", "m3gnet")
    assert result.exit_code == 2
    assert f"'{folder / 'model.json'}' is corrupt" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_interrupted_is_no_traceback(tmp_path, copper):
    slow = tmp_path / "slow.extxyz"
    atoms = ase.build.bulk("Ar", a=6.0, cubic=True) * (4, 4, 4)
    atoms.rattle(0.2, seed=0)
    ase.io.write(slow, atoms)
    command = [
        sys.executable,
        "-m",
        "crysim",
        "relax",
        str(slow),
        "--energy",
        "ase:lj",
        "--fmax",
        "1e-12",
        "--max-steps",
        "1000000",
    ]
    out = tmp_path / "out"
    command += ["--out", str(out)]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    while process.poll() is None and not out.exists():  # made just before the first step
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
