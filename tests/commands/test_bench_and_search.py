"""`crysim bench` and `crysim search`, from the command line to the files, and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.composition import Composition
from crysim.harness.executors import Job, Outcome
from crysim.harness.journal import read_bench, read_run
from crysim.harness.loop import Progress
from crysim.harness.spec import PartSpec, RunSpec
from crysim.workflows.running import Ended

RUNNER = CliRunner()
QUICK = [
    "--energy",
    "ase:emt",
    "--budget",
    "4",
    "--max-steps",
    "60",
    "--fmax",
    "0.1",
    "--space-groups",
    "123,139,221-225",
]
CRYSIM = ["--option", "num_initial=40", "--surrogate-option", "max_epoch=10", "--encoder-option", "grid_resolution=4"]


def test_bench_from_formulas_to_table_and_figure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    methods = ["--method", "crysim", "--method", "random", "--seeds", "0-1", "--workers", "2"]
    arguments = ["bench", "--system", "Al2Cu2", *methods, *QUICK, *CRYSIM, "--out", str(out)]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert "crysim on Al2Cu2, seed 1: done" in result.stderr
    for word in ("Comparison of methods", "lowest", "train", "solve", "decode", "relax"):
        assert word in result.stdout
    assert (out / "energy.png").read_bytes().startswith(b"\x89PNG")
    assert [(run.method, run.seed, run.complete) for run in read_bench(out)] == [
        ("crysim", 0, True),
        ("crysim", 1, True),
        ("random", 0, True),
        ("random", 1, True),
    ]
    again = RUNNER.invoke(app, [*arguments, "--json"])
    assert again.exit_code == 0, again.stderr
    document = json.loads(again.stdout)
    assert [row["method"] for row in document["summary"]["rows"]] == ["crysim", "random"]
    assert document["failures"] == []
    assert document["seconds"]["rows"][0]["train"] > 0
    assert all(Path(file).exists() for file in document["files"])
    changed = RUNNER.invoke(app, [*arguments, "--fmax", "0.2"])
    assert changed.exit_code == 2
    assert "config.relax.fmax was 0.1 and is now 0.2" in changed.stderr


def test_search_writes_its_best_distinct_crystals(tmp_path: Path) -> None:
    from pymatgen.core import Structure

    out = tmp_path / "out"
    arguments = ["search", "AlCu", "--z", "2", "--method", "random", *QUICK, "--out", str(out), "--seed", "3"]
    result = RUNNER.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert rows
    energies = [row["energy_per_atom"] for row in rows]
    assert energies == sorted(energies)
    trials = [trial for run in read_bench(out / "runs") for trial in run.trials]
    per_atom = {t.energy / t.crystal.num_atoms for t in trials if t.crystal is not None and t.energy is not None}
    for row in rows:
        assert row["energy_per_atom"] in per_atom
        assert Structure.from_file(row["file"]).composition.reduced_formula in ("AlCu", "CuAl")
    table = RUNNER.invoke(app, [*arguments, "--top", "1"])
    assert table.exit_code == 0, table.stderr
    assert "eV/atom" in table.stdout
    assert {path.name[:3] for path in (out / "crystals").iterdir()} == {"001", ".cr"}  # and the list of what is ours


def test_an_interrupt_stops_with_130_and_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["bench", "--system", "Al2Cu2", "--method", "random", *QUICK, "--out", str(out), "--budget", "4000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "crysim", *command, "--batch", "1", "--seeds", "0-1", "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    run = out / "Al2Cu2" / "random" / "seed-0"
    while process.poll() is None and not ((run / "journal.jsonl").exists() and read_run(run).trials):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "nothing is lost" in errors
    assert "Traceback" not in errors
    trials = read_run(run).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))


BAD = {
    "unknown element": (["--system", "Ca4Q4"], "unknown element 'Q'"),
    "no formula": (["--system", "4Ca"], "is no formula"),
    "budget": (["--system", "Ca4S4", "--budget", "0"], "budget is 0"),
    "solver": (["--system", "Ca4S4", "--solver", "aneal"], "did you mean 'annealer'"),
    "token": (["--method", "crysim", "--solver", "amplify"], "AMPLIFY_TOKEN"),
    "method": (["--system", "Ca4S4", "--method", "crysm"], "did you mean 'crysim'"),
    "energy": (["--system", "Ca4S4", "--energy", "m3gnt"], "did you mean 'm3gnet'"),
    "calculator": (["--system", "Ca4S4", "--energy", "ase:lji"], "did you mean"),
    "option": (["--system", "Ca4S4", "--option", "num_inital=3"], "did you mean 'num_initial'"),
    "seeds": (["--system", "Ca4S4", "--seeds", "a"], "seeds is 'a'"),
    "groups": (["--system", "Ba3Na3Bi3", "--space-groups", "195-230"], "Ba3Na3Bi3 fits none"),
    "config": (["--system", "Ca4S4", "--config", "nowhere.toml"], "cannot read the configuration"),
    "reference": (["--system", "Ca4S4", "--reference", "nowhere.cif"], "nowhere.cif"),
    "folder": (["--system", "Ca4S4", "--out", "/proc/nowhere"], "cannot write to the folder"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_line_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.delenv("AMPLIFY_TOKEN", raising=False)
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    method = ["--method", "crysim"] if "--method" not in arguments else []
    energy = [] if "--energy" in arguments else ["--energy", "ase:emt"]
    result = RUNNER.invoke(app, ["bench", *arguments, *method, *energy, *out])
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_and_a_corrupt_checkpoint_are_refused_before_any_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["bench", "--system", "Ca4S4", "--method", "random", "--energy", "m3gnet", "--out", str(out)]
    missing = RUNNER.invoke(app, [*command, "--energy-option", f"path={tmp_path / 'nowhere'}"])
    assert missing.exit_code == 2
    corrupt = tmp_path / "model"
    corrupt.mkdir()
    for name in ("model.json", "model.pt", "state.pt"):
        (corrupt / name).write_bytes(b"no weights")
    wrong = RUNNER.invoke(app, [*command, "--energy-option", f"path={corrupt}"])
    assert wrong.exit_code == 2
    for result in (missing, wrong):
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
    assert not list(out.rglob("journal.jsonl"))


def test_a_bench_of_which_nothing_counts_ends_with_1(tmp_path: Path) -> None:
    """No relaxation ends within a nanosecond."""
    command = ["bench", "--system", "Al2Cu2", "--method", "random", *QUICK, "--timeout", "1e-9", "--budget", "1"]
    result = RUNNER.invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1, result.output
    assert "no relaxation gave a crystal that counts" in result.stderr


def test_a_bench_whose_every_relaxation_fails_says_why(tmp_path: Path) -> None:
    """The calculator EMT knows no calcium."""
    command = ["bench", "--system", "Ca1S1", "--method", "random", "--energy", "ase:emt", "--budget", "1"]
    result = RUNNER.invoke(app, [*command, "--space-groups", "221", "--out", str(tmp_path / "out")])
    assert result.exit_code == 1, result.output
    assert "no relaxation gave a crystal that counts, the last one: NotImplementedError" in result.stderr


def test_exit_codes_of_outcomes() -> None:
    spec = RunSpec(
        system=Composition.from_formula("Al2Cu2"),
        method="random",
        strategy=PartSpec("random"),
        energy=PartSpec("ase:emt"),
    )
    job = Job(spec, Path("run"))
    good = Outcome(job, Progress("done", 4, 4, counting=2, lowest=-1.0))
    empty = Outcome(job, Progress("done", 4, 4))
    dead = Outcome(job, None, "the worker process died")
    wrong = Outcome(job, None, "no such crystal", bad_input=True)
    assert (dead.failure, empty.failure) == ("the worker process died", "no relaxation gave a crystal that counts")
    assert Ended((good, good)).exit_code == 0
    assert Ended((empty, dead)).exit_code == 1
    assert Ended((wrong, wrong)).exit_code == 2
    assert Ended((wrong, dead)).exit_code == 1
    assert Ended((good, empty)).exit_code == Ended((good, wrong)).exit_code == 3


def test_help_is_quick_and_loads_no_plugin() -> None:
    heavy = {"torch", "numpy", "pymatgen"}
    code = f"import sys, crysim.cli; print({heavy} & {{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
    shown = RUNNER.invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert "bench" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bnch"], "Did you mean 'bench'"),
        (["bench", "--sytem", "Ca4S4"], "--sytem"),
        (["bench", "--budget", "many"], "--budget"),
        (["wyckoff"], "Missing argument"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line_and_exit_2(arguments: list[str], message: str) -> None:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert "--help')" in result.stderr
    assert result.stderr.count("\n") == 1


def test_plugins_lists_kinds_names_options_and_states() -> None:
    infos = json.loads(RUNNER.invoke(app, ["plugins", "--json"]).stdout)
    by_name = {(info["kind"], info["name"]): info for info in infos}
    assert by_name["strategy", "crysim"]["options"]["num_initial"] == 50
    assert by_name["strategy", "random"]["state"] == "ok"
    assert by_name["energy", "ase:CALCULATOR_NAME"]["distribution"] == "crysim"
    assert "annealer" in RUNNER.invoke(app, ["plugins", "--kind", "solver"]).stdout
    wrong = RUNNER.invoke(app, ["plugins", "--kind", "solvr"])
    assert wrong.exit_code == 2
    assert "did you mean 'solver'" in wrong.stderr
