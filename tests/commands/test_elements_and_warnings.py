"""What an energy model does not know is said before any work; Python's own warnings stay off the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.composition import Composition
from crysim.errors import InputError
from crysim.harness.spec import check_elements
from crysim.plugins import plugin_manager


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    # What another test loaded into this process may have hushed spglib by its variables.
    own = {key: value for key, value in os.environ.items() if not key.startswith("SPGLIB_")}
    return subprocess.run(
        [sys.executable, "-m", "crysim", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**own, "COLUMNS": "200", "OMP_NUM_THREADS": "1", **environment},
    )


@pytest.mark.parametrize("command", ["search", "bench", "import"])
def test_an_element_that_the_potential_does_not_know_is_said_before_any_work(tmp_path: Path, command: str) -> None:
    if find_spec("chgnet") is None:
        pytest.skip("chgnet is not installed")
    out = tmp_path / "out"
    arguments = {
        "search": ["search", "AmO2", "--method", "random"],
        "bench": ["bench", "--system", "NaCl", "--system", "AmO2", "--method", "random"],
        "import": ["import", tmp_path, "--from", "poscars", "--relax", "--energy", "chgnet"],
    }[command]
    (tmp_path / "POSCAR").write_text("x\n1\n4 0 0\n0 4 0\n0 0 4\nAm O\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    done = CliRunner().invoke(
        app, [*map(str, arguments), "--out", str(out), *([] if command == "import" else ["--budget", "1"])]
    )
    assert done.exit_code == 2, done.stderr
    assert "chgnet does not know Am" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("journal*"))
    assert not list(tmp_path.rglob("run.json"))


def test_the_networks_say_which_elements_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("chgnet") is not None:
        known = plugin_manager().build("energy", "chgnet", {}).elements
        assert len(known) == 89, "those of its training data"
        assert {"H", "Pu"} <= known
        assert "Am" not in known
    assert plugin_manager().build("energy", "ase:lj", {}).elements is None


def test_a_model_that_does_not_say_knows_all() -> None:
    americium = Composition.from_formula("AmO2")
    check_elements("any", None, americium)
    check_elements("any", frozenset({"Am", "O", "He"}), americium)
    with pytest.raises(InputError, match="any does not know Am, O, which AmO2 holds"):
        check_elements("any", frozenset({"He"}), americium)


def test_warnings_of_libraries_reach_the_screen_only_if_they_are_asked_for(tmp_path: Path) -> None:
    arguments = ["search", "He4", "--energy", "ase:lj", "--method", "random", "--budget", 2, "--workers", 1, "--out"]
    options = ["--energy-option", "options={sigma=2.5, epsilon=0.1}", "--max-steps", 5]
    done = run(*arguments, tmp_path / "a", *options)
    assert "Warning" not in done.stderr + done.stdout
    assert "electronegativity" not in done.stderr + done.stdout
    asked = run(*arguments, tmp_path / "b", *options, PYTHONWARNINGS="always")
    assert "Warning" in asked.stderr
