"""`crysim solve` and `crysim compare-solvers`, from the command line to the files, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.io import load_model, save_groups, save_model
from crysim.workflows.solver_comparison import time_limits

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the commands set it: put it back after the test


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of 12 bits as npz, BQM file and COO text, with its groups."""
    rng = np.random.default_rng(0)
    groups = (BitGroup("one", 0, 5, 1), BitGroup("two", 5, 6, 2))
    model = QuadraticModel(rng.normal(size=12), factors=rng.normal(size=(12, 3)), groups=groups, offset=1.0)
    for suffix in ("npz", "bqm", "coo"):
        save_model(model, tmp_path / f"model.{suffix}")
    save_groups(groups, tmp_path / "groups.json")
    return tmp_path


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    result = RUNNER.invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def solved(*arguments: str | Path) -> dict[str, Any]:
    code, out, err = run("solve", *arguments, "--json")
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize("suffix", ["npz", "bqm", "coo"])
def test_the_three_formats_give_the_same_minimum(folder: Path, suffix: str) -> None:
    groups = [] if suffix == "npz" else ["--groups", folder / "groups.json"]
    exact = solved(folder / f"model.{suffix}", *groups, "--solver", "exact", "--num-samples", "3")
    found = solved(folder / f"model.{suffix}", *groups, "--solver", "annealer", "--num-samples", "3", "--seed", "1")
    assert exact["optimal"]
    assert exact["gap"] == 0.0
    assert exact["num_groups"] == 2
    assert found["energies"][0] == pytest.approx(exact["energies"][0])
    assert found["lower_bound"] <= found["energies"][0] + 1e-9
    assert found["gap"] == pytest.approx(max(0.0, found["energies"][0] - found["lower_bound"]))
    assert found["timing_ns"]["total"] > 0
    assert exact["rank"] == (3 if suffix == "npz" else None)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_the_solutions_are_written(folder: Path, suffix: str) -> None:
    out = folder / f"solutions{suffix}"
    code, text, _ = run("solve", folder / "model.npz", "--solver", "exact", "--num-samples", "4", "--out", out)
    assert code == 0
    assert "best energy" in text
    assert "proven optimal" in text
    model = load_model(folder / "model.npz")
    if suffix == ".npz":
        with np.load(out, allow_pickle=False) as archive:
            bits, energies = archive["bits"], archive["energies"]
    else:
        document = json.loads(out.read_text())
        bits = np.zeros((4, 12))
        for row, ones in zip(bits, document["ones"], strict=True):
            row[ones] = 1
        energies = document["energies"]
    np.testing.assert_allclose(model.energies(bits), energies)
    assert model.is_feasible(bits).all()


def test_options_reach_the_solver(folder: Path) -> None:
    pytest.importorskip("dwave.samplers")
    options = ["--solver-option", "num_reads=4", "--solver-option", "sampler_options={num_sweeps=20}"]
    found = solved(folder / "model.npz", "--solver", "dimod:sa", *options)
    assert found["options"] == {"num_reads": 4, "sampler_options": {"num_sweeps": 20}}
    assert found["info"]["reads"] % 4 == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.npz"], "cannot read the model"),
        (["model.npz", "--solver", "aneal"], "did you mean 'annealer'"),
        (["model.npz", "--solver", "dimod"], "dimod:SAMPLER"),
        (["model.npz", "--solver-option", "sweep=1"], "did you mean 'sweeps'"),
        (["model.npz", "--solver-option", "sweeps"], "KEY=VALUE"),
        (["model.npz", "--time-limit", "0"], "must be above 0"),
        (["model.npz", "--out", "solutions.txt"], ".npz or .json"),
        (["model.npz", "--out", "missing/solutions.npz"], "existing folder"),
        (["model.npz", "--groups", "model.coo"], "no JSON"),
        (["groups.json"], "line 1 of"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    code, out, err = run("solve", *arguments)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert out == ""


def test_a_service_that_cannot_be_reached_is_exit_1(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("amplify")
    options = ["--solver-option", "url=http://127.0.0.1:9", "--solver-option", "retries=0"]
    monkeypatch.delenv("AMPLIFY_TOKEN", raising=False)
    assert run("solve", folder / "model.npz", "--solver", "amplify", *options)[0] == 2
    monkeypatch.setenv("AMPLIFY_TOKEN", "AE/x")
    code, _, err = run("solve", folder / "model.npz", "--solver", "amplify", *options)
    assert code == 1
    assert err == "error: amplify: no connection to http://127.0.0.1:9: check the network, url and proxy\n"


def test_comparing_gives_a_table_a_picture_and_all_points(folder: Path) -> None:
    pytest.importorskip("dwave.samplers")
    out = folder / "out"
    solvers = ["--solver", "annealer", "--solver", "exact", "--solver", "dimod:steepest-descent"]
    models = [folder / "model.npz", folder / "model.coo"]
    option = ["--solver-option", "dimod:steepest-descent.num_reads=5", "--solver-option", "sweeps=50"]
    code, text, err = run("compare-solvers", *models, *solvers, *option, "--time-limit", "0.3", "--out", out)
    assert code == 0, err
    for word in ("annealer", "exact", "dimod:steepest-descent", "proven optimal", "gap %"):
        assert word in text
    assert len(err.splitlines()) == 6
    assert (out / "solvers.png").read_bytes().startswith(b"\x89PNG")
    entries = json.loads((out / "solvers.json").read_text())["entries"]
    assert len(entries) == 6
    exact = next(e for e in entries if e["solver"] == "exact" and e["model"].endswith("model.npz"))
    for entry in entries:
        assert entry["points"]
        assert entry["best"] >= entry["lower_bound"] - 1e-9
        if entry["model"] == exact["model"]:
            assert entry["best"] >= exact["best"] - 1e-9


def test_a_history_takes_the_place_of_runs_with_less_time(folder: Path) -> None:
    arguments = ["--solver", "convex", "--time-limit", "60", "--out", folder / "out", "--json"]
    code, out, err = run("compare-solvers", folder / "model.npz", *arguments)
    assert code == 0, err
    entry = json.loads(out)["entries"][0]
    assert entry["optimal"]
    assert len(entry["points"]) > 1
    assert entry["seconds_to_best"] <= entry["points"][-1]["seconds"]


def test_solvers_that_fail_are_listed_and_counted(folder: Path) -> None:
    rng = np.random.default_rng(0)
    wide = QuadraticModel(rng.normal(size=60), factors=rng.normal(size=(60, 2)), groups=(BitGroup("g", 0, 60, 9),))
    save_model(wide, folder / "wide.npz")
    common = ["compare-solvers", folder / "wide.npz", "--time-limit", "0.1", "--out", folder / "out", "--json"]
    code, out, _ = run(*common, "--solver", "exact", "--solver", "annealer")
    assert code == 3
    entries = json.loads(out)["entries"]
    assert "every feasible vector" in entries[0]["reason"]
    assert entries[0]["best"] is None
    assert entries[1]["best"] is not None
    assert run(*common, "--solver", "exact")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--solver", "exact", "--solver", "exact"], "named twice"),
        (["--solver", "exakt"], "did you mean 'exact'"),
        (["--solver", "exact", "--solver-option", "sweeps=3"], "none of the solvers has it"),
        (["--solver", "exact", "--solver-option", "annealer.sweeps=3"], "no solver 'annealer' is compared"),
        (["--solver", "exact", "--time-limit", "-1"], "must be above 0"),
        (["--solver", "exact", "--out", "model.npz"], "cannot write to the folder"),
    ],
)
def test_bad_comparisons_are_one_line_and_exit_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    code, _, err = run("compare-solvers", "model.npz", *arguments)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_time_limits_end_at_the_longest() -> None:
    limits = time_limits(10.0)
    assert limits[-1] == 10.0
    assert limits[0] >= 0.03
    np.testing.assert_allclose(np.diff(np.log10(limits)), 0.5)
    assert time_limits(0.02) == [0.02]
