"""Tuning: a stopped study goes on to the same choices, and its TOML is what a bench reads."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from crysim.errors import InputError
from crysim.plugins import plugin_manager
from crysim.testing.surrogates import GROUPS, example_data
from crysim.workflows.training_data import TrainingData
from crysim.workflows.tuning import STUDY, Progress, Tuning

pytest.importorskip("optuna")
FIXED = {"max_epoch": 5}


@pytest.fixture(scope="module")
def data() -> TrainingData:
    bits, energies = example_data(80)
    return TrainingData(bits, energies, GROUPS, "Ca4S4", np.zeros(80, bool))


def values(tuning: Tuning) -> list[float]:
    return [trial.value for trial in tuning.study.trials]


def test_resumes_to_the_same_choices(data: TrainingData, tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = Tuning(tmp_path / "whole", "fm", data, fixed=FIXED, repeats=1)
    told: list[Progress] = []
    whole.run(12, told.append)
    assert [progress.done for progress in told] == list(range(1, 13))
    assert told[-1].best == max(values(whole))
    Tuning(tmp_path / "parts", "fm", data, fixed=FIXED, repeats=1).run(5)
    rest = Tuning(tmp_path / "parts", "fm", data, fixed=FIXED, repeats=1)
    assert rest.done == 5
    rest.run(12)
    assert values(rest) == values(whole)
    assert rest.best_options() == whole.best_options()


def test_best_values_are_options_of_the_surrogate(data: TrainingData, tmp_path: Path) -> None:
    tuning = Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=1)
    tuning.run(4)
    paths = {path.name: path for path in tuning.write_results()}
    assert {"best.toml", "optimization_history.png", "param_importances.png"} <= set(paths)
    options = tomllib.loads(paths["best.toml"].read_text(encoding="utf-8"))["surrogate"]["fm"]
    assert options == {**FIXED, **tuning.best_options()}
    surrogate = plugin_manager().build("surrogate", "fm", options)
    assert surrogate.settings.max_epoch == 5
    report = surrogate.fit(data.bits, data.energies, np.random.default_rng(0))
    assert report.epochs <= 5


def test_another_study_is_not_continued(data: TrainingData, tmp_path: Path) -> None:
    Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=1)
    with pytest.raises(InputError, match="repeats"):
        Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=2)
    with pytest.raises(InputError, match="fixed options"):
        Tuning(tmp_path, "fm", data, repeats=1)


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_a_study_cut_in_its_last_lines_goes_on(data: TrainingData, tmp_path: Path, cut: int) -> None:
    whole = Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=1)
    whole.run(3)
    study = tmp_path / STUDY
    before = values(whole)
    study.write_bytes(study.read_bytes()[:-cut])
    rest = Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=1)
    assert rest.done == 2
    rest.run(4)
    found = [trial.value for trial in rest.study.trials if trial.value is not None]
    assert len(found) == 4
    assert found[:2] == before[:2]
    assert study.read_bytes().endswith(b"\n")


def test_a_study_damaged_elsewhere_names_its_line(data: TrainingData, tmp_path: Path) -> None:
    Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=1).run(1)
    lines = (tmp_path / STUDY).read_bytes().splitlines(keepends=True)
    (tmp_path / STUDY).write_bytes(b"".join([lines[0], lines[1][:5] + b"\n", *lines[2:]]))
    with pytest.raises(InputError, match=r"study\.journal, line 2: the line is damaged; restore the file, or delete"):
        Tuning(tmp_path, "fm", data, fixed=FIXED, repeats=1)


def test_a_second_tuning_of_one_folder_is_refused(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from crysim.cli import app
    from crysim.harness.run_folder import LOCK, locked

    with locked(tmp_path / LOCK, wait=0):
        refused = CliRunner().invoke(app, ["tune", "Ar4", "--energy", "ase:lj", "--out", str(tmp_path)])
    assert refused.exit_code == 1
    assert "another process is writing" in refused.stderr


def test_a_wrong_fixed_option(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_epochs"):
        Tuning(tmp_path, "fm", data, fixed={"max_epochs": 5})


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from crysim.cli import app

    monkeypatch.chdir(tmp_path)
    call = [
        "tune",
        "Ar4",
        "--energy",
        "ase:lj",
        "--random",
        "40",
        "--repeats",
        "1",
        "--encoder-option",
        "grid_resolution=3",
        "--json",
    ]
    call += ["--surrogate-option", "max_epoch=5", "--trials"]
    first = CliRunner().invoke(app, [*call, "2"])
    assert first.exit_code == 0, first.output
    second = CliRunner().invoke(app, [*call, "3"])
    result = json.loads(second.stdout)
    assert result["trials"] == 3
    assert (tmp_path / "crysim-tune-Ar4" / "best.toml").is_file()
    other = CliRunner().invoke(app, [*call, "3", "--random", "41"])
    assert other.exit_code == 2
    assert "another random" in other.stderr


def test_a_bench_takes_the_best_values(tmp_path: Path) -> None:
    from crysim.harness.config_file import command_line, read_settings

    file = tmp_path / "best.toml"
    file.write_text("[surrogate.fm]\nrank = 8\nmax_epoch = 300\n", encoding="utf-8")
    arguments = {"system": ["Ca4S4"], "method": ["crysim"], "surrogate_config": file, "surrogate_option": ["rank=4"]}
    run = read_settings(None, command_line(arguments)).runs()[0]
    surrogate = run.parts["surrogate"]
    assert surrogate.name == "fm"
    assert surrogate.options["max_epoch"] == 300
    assert surrogate.options["rank"] == 4
    file.write_text("[bench]\nbudget = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"\[surrogate\.NAME\]"):
        read_settings(None, command_line(arguments))
