"""What the commands say of structure files that hold no one crystal, or more than is heeded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crysim.cli import app

COPPER = """copper
3.7
1 0 0
0 1 0
0 0 1
Cu
4
Direct
0 0 0
0 .5 .5
.5 0 .5
.5 .5 0
"""


def run(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def not_finite(tmp_path) -> Path:
    path = tmp_path / "POSCAR_nan"
    path.write_text(COPPER.replace("0 .5 .5", "nan .5 .5"))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("relax", "FILE", "--energy", "ase:emt"),
        ("search", "FILE", "--budget", 1, "--energy", "ase:emt"),
        ("search", "Cu4", "--budget", 1, "--energy", "ase:emt", "--seed-structure", "FILE"),
        ("search", "Cu4", "--budget", 1, "--energy", "ase:emt", "--reference", "FILE"),
    ],
)
def test_coordinates_that_are_not_numbers_are_one_line_and_no_crash(not_finite, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*(not_finite if a == "FILE" else a for a in arguments))
    assert result.exit_code == 2, result.output
    assert "numbers" in result.stderr
    assert str(not_finite) in result.stderr.replace("\n", "")
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_file_that_is_not_there_is_not_taken_for_a_formula(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("search", "missing.cif", "--budget", 1, "--energy", "ase:emt")
    assert result.exit_code == 2
    assert "there is no file 'missing.cif'" in result.stderr


def test_relax_says_that_selective_dynamics_is_dropped(tmp_path):
    path = tmp_path / "POSCAR"
    text = COPPER.replace("Direct", "Selective dynamics\nDirect").replace("0 0 0\n0 .5", "0 0 0 F F F\n0 .5")
    path.write_text(text)
    command = [sys.executable, "-m", "crysim", "relax", str(path), "--energy", "ase:emt", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)[0]["space_group"] == 225
    assert result.stderr.count("crysim moves all atoms") == 1
