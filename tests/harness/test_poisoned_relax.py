"""`relax` and `import --relax`: a crystal that kills whatever relaxes it, or hangs in it, costs no more than itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import pytest
from ase.build import bulk
from typer.testing import CliRunner

import crysim
from crysim.cli import app
from crysim.errors import InputError
from crysim.harness import settings
from crysim.harness.journal import read_bench
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from tests.harness.specs import EMT

GOOD, BAD, LAST = bulk("Cu", a=3.7), bulk("Cu", a=3.3), bulk("Ag", a=4.1)


@pytest.fixture
def deadly(bad_at: Callable[..., PartSpec], make_spec: Callable[..., RunSpec]) -> Callable[[str], PartSpec]:
    """An energy model that does something bad with the second of three crystals."""

    def make(how: str) -> PartSpec:
        part = bad_at(how, make_spec("random"))
        volumes = [BAD.get_volume(), 4 * BAD.get_volume()]
        return replace(part, options={"options": {**part.options["options"], "volumes": volumes}})

    return make


def import_of(folder: Path, part: PartSpec, *more: str) -> list[str]:
    """Imports three cells of copper, of which the second is the bad one, with relaxations."""
    theirs = folder / "theirs"
    theirs.mkdir(exist_ok=True)
    for name, atoms in {"1": GOOD, "2": BAD, "3": bulk("Cu", a=3.6)}.items():
        ase.io.write(theirs / f"{name}.vasp", atoms, format="vasp")
    command = ["import", str(theirs), "--from", "poscars", "--out", str(folder / "out"), "--relax", *more]
    return [*command, "--energy", part.name, "--energy-option", f"options={toml(part.options['options'])}", "--json"]


def toml(value: Any) -> str:
    return "{" + ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items() if v is not None) + "}"


@pytest.mark.parametrize(("how", "words"), [("exit", "exit code 7"), ("SIGSEGV", "SIGSEGV"), ("SIGKILL", "SIGKILL")])
def test_a_poisoned_crystal_is_tried_three_times_and_named_and_the_others_are_relaxed(
    tmp_path: Path, deadly: Callable[[str], PartSpec], how: str, words: str
) -> None:
    files = []
    for name, atoms in {"good": GOOD, "bad": BAD, "last": LAST}.items():
        files.append(str(tmp_path / f"{name}.vasp"))
        ase.io.write(files[-1], atoms, format="vasp")
    part = deadly(how)
    options = f"options={toml(part.options['options'])}"
    result = CliRunner().invoke(app, ["relax", *files, "--energy", part.name, "--energy-option", options, "--json"])
    assert result.exit_code == 3, result.output
    rows = json.loads(result.stdout)
    assert [row["status"] for row in rows] == ["relaxed", "failed", "relaxed"]
    assert rows[1]["reason"] == f"the worker process died ({'signal ' * how.startswith('SIG')}{words}) three times"
    assert "bad.vasp: failed: the worker process died" in result.stderr.replace("\n", "")
    assert len((tmp_path / "marks").read_text()) == 6  # three times among the others, three times alone


def test_a_crystal_that_hangs_inside_one_energy_is_killed_from_outside(
    monkeypatch: pytest.MonkeyPatch, deadly: Callable[[str], PartSpec]
) -> None:
    monkeypatch.setattr(settings, "TASK_GRACE", 8.0)
    part = deadly("hang")
    result = crysim.relax(
        [GOOD, BAD, LAST], part.name, energy_options=part.options, own_process=True, batch=1, timeout=1.0
    )
    assert [str(one.status) for one in result.relaxations] == ["relaxed", "failed", "relaxed"]
    assert result.relaxations[1].reason == "did not answer within 10 s"


def test_in_its_own_process_a_crystal_is_relaxed_as_in_this_one() -> None:
    here, apart = (crysim.relax([GOOD, LAST], EMT.name, own_process=own) for own in (False, True))
    assert here.energies == apart.energies
    assert [one.crystal for one in here.relaxations] == [one.crystal for one in apart.relaxations]
    with pytest.raises(InputError, match="own_process needs the energy model's name"):
        crysim.relax([GOOD], build_energy(EMT), own_process=True)


@pytest.mark.parametrize(("how", "words"), [("exit", "exit code 7"), ("SIGKILL", "SIGKILL")])
def test_an_imported_crystal_that_kills_its_process_is_a_trial_that_failed_and_the_others_are_kept(
    tmp_path: Path, deadly: Callable[[str], PartSpec], how: str, words: str
) -> None:
    command = import_of(tmp_path, deadly(how))
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["structures"], document["counting"]) == (3, 2)
    (told,) = document["failed"]
    assert told.startswith("2.vasp: the worker process died")
    assert words in told
    assert f"failed: {told}" in result.stderr
    (record,) = read_bench(tmp_path / "out")
    assert [str(trial.status) for trial in record.trials] == ["relaxed", "failed", "relaxed"]
    assert words in record.trials[1].reason
    assert [trial.candidate.info["source"] for trial in record.trials] == ["1.vasp", "2.vasp", "3.vasp"]
    died = (tmp_path / "marks").read_text()
    assert len(died) == 6  # three times among the others, three times alone
    assert CliRunner().invoke(app, command).exit_code == 0  # again: nothing is computed
    assert (tmp_path / "marks").read_text() == died
    assert read_bench(tmp_path / "out")[0].trials == record.trials


def test_an_imported_crystal_that_hangs_is_killed_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deadly: Callable[[str], PartSpec]
) -> None:
    monkeypatch.setattr(settings, "TASK_GRACE", 8.0)
    result = CliRunner().invoke(app, import_of(tmp_path, deadly("hang"), "--timeout", "1"))
    assert result.exit_code == 0, result.output
    (record,) = read_bench(tmp_path / "out")
    assert [trial.reason for trial in record.trials] == ["", "did not answer within 10 s", ""]
