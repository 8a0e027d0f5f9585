"""Runs: budget, journal, statuses, and that a run which was stopped anywhere goes on to the same trials."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError, InputError
from crysim.harness.journal import INITIAL, JOURNAL, STATE, read_bench, read_run
from crysim.harness.loop import execute
from crysim.harness.manifest import first_difference
from crysim.harness.run_folder import load_state, locked
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import (
    EnergyModel,
    Frame,
    Relaxation,
    RelaxSettings,
    RelaxStatus,
    TrialStatus,
)
from crysim_energies.ase import ASEModel

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
ExecuteUntil = Callable[[int, RunSpec, Path, EnergyModel], None]


@pytest.fixture(scope="module")
def undisturbed(execute_both: Callable[..., dict[str, Path]]) -> dict[str, Path]:
    return execute_both("undisturbed")


@pytest.mark.parametrize("method", ["random", "crysim"])
def test_a_run_uses_its_budget_and_is_read_back(undisturbed: dict[str, Path], method: str) -> None:
    record = read_run(undisturbed[method], frames=True)
    assert record.complete
    assert [trial.number for trial in record.trials] == list(range(7))
    assert (record.system, record.method, record.seed, record.budget) == ("Al2Cu2", method, 0, 7)
    assert record.fingerprint["model"] == "ase:emt"
    assert all(trial.candidate.crystal.space_group in (123, 139, 221, 225) for trial in record.trials)
    assert all(1 <= len(trial.frames) <= 3 for trial in record.trials)
    assert len(record.initial) == (60 if method == "crysim" else 0)


def test_the_solvers_answer_and_the_time_of_each_phase_are_journalled(undisturbed: dict[str, Path]) -> None:
    trials = read_run(undisturbed["crysim"]).trials
    first = trials[0].candidate
    assert set(first.seconds) == {"train", "solve", "decode"}
    assert {"energy", "lower_bound", "gap"} <= set(first.info["solver"])
    assert first.info["fit"]["points"] <= 60
    assert len(first.info["bits"]) == 9 + 2 * 2
    vectors = {tuple(trial.candidate.info["bits"]) for trial in trials}
    assert len(vectors) == len(trials)


@pytest.mark.parametrize("method", ["random", "crysim"])
@pytest.mark.parametrize("seed", range(4))
def test_a_run_cut_anywhere_goes_on_to_the_same_trials(
    undisturbed: dict[str, Path],
    tmp_path: Path,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
    method: str,
    seed: int,
) -> None:
    """The journal cut at any byte is what a kill leaves; the state is then that of any earlier moment, or none."""
    rng = np.random.default_rng(seed)
    folder = tmp_path / "run"
    shutil.copytree(undisturbed[method], folder)
    journal = folder / JOURNAL
    data = journal.read_bytes()
    journal.write_bytes(data[: rng.integers(len(data))])
    if method == "crysim":
        # The state in the folder is that of the end: only a state of the past can lie there after a kill.
        (folder / STATE).unlink()
        if seed % 2:
            cut = (folder / INITIAL).read_bytes()
            journal.write_bytes(b"")
            (folder / INITIAL).write_bytes(cut[: rng.integers(len(cut))])
    execute(make_spec(method), folder, emt)
    assert trials_of(folder) == trials_of(undisturbed[method])


def test_the_state_is_taken_up_where_the_journal_is(
    undisturbed: dict[str, Path],
    tmp_path: Path,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
    execute_until: ExecuteUntil,
) -> None:
    """Stopped after each batch in turn, with the state of that batch or of the one before."""
    folder = tmp_path / "run"
    before: bytes | None = None
    for stop in (2, 4, 6):
        execute_until(stop, make_spec("crysim"), folder, emt)
        state, trials = load_state(folder)
        assert state is not None
        assert trials == stop
        now = (folder / STATE).read_bytes()
        if before is not None:
            (folder / STATE).write_bytes(before)
        before = now
    execute(make_spec("crysim"), folder, emt)
    assert trials_of(folder) == trials_of(undisturbed["crysim"])


def test_a_state_of_trials_that_the_journal_lost_is_not_taken_up(
    undisturbed: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """A torn last line after the state was written: no kill leaves that, but a damaged disk may."""
    folder = tmp_path / "run"
    shutil.copytree(undisturbed["crysim"], folder)
    assert load_state(folder)[1] == 7
    data = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(data[:-50])
    execute(make_spec("crysim"), folder, emt)
    assert trials_of(folder) == trials_of(undisturbed["crysim"])


def test_a_finished_run_is_left_as_it_is(undisturbed: dict[str, Path], make_spec: Make, emt: EnergyModel) -> None:
    before = {path.name: path.read_bytes() for path in undisturbed["crysim"].iterdir()}
    end = execute(make_spec("crysim"), undisturbed["crysim"], emt)
    assert (end.phase, end.done) == ("done", 7)
    assert {path.name: path.read_bytes() for path in undisturbed["crysim"].iterdir()} == before


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seed": 1}, "config.seed"),
        ({"relax": RelaxSettings(max_steps=4, num_frames=3)}, "config.relax.max_steps"),
        ({"space_groups": (225,)}, "config.space_groups"),
        (
            {
                "strategy": PartSpec(
                    "crysim", {"protocol": "paper", "num_initial": 60, "candidates_per_solve": 2, "mid": False}
                )
            },
            "config.strategy.options.mid",
        ),
        ({"threads": 2}, "config.threads"),
    ],
)
def test_another_configuration_is_refused_and_the_key_is_named(
    undisturbed: dict[str, Path], make_spec: Make, emt: EnergyModel, change: dict[str, Any], key: str
) -> None:
    with pytest.raises(InputError, match=key.replace(".", r"\.")):
        execute(replace(make_spec("crysim"), **change), undisturbed["crysim"], emt)


def test_another_energy_model_is_refused(undisturbed: dict[str, Path], make_spec: Make, emt: EnergyModel) -> None:
    class Other(ASEModel):
        def fingerprint(self) -> dict[str, str]:
            return {**super().fingerprint(), "weights": "0" * 64}

    other = Other(calculator_name="emt")
    with pytest.raises(InputError, match=r"fingerprint\.weights"):
        execute(make_spec("random"), undisturbed["random"], other)


def test_a_damaged_line_in_the_middle_names_file_and_line(
    undisturbed: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(undisturbed["random"], folder)
    lines = (folder / JOURNAL).read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace("1", "2", 1)
    (folder / JOURNAL).write_text("".join(lines))
    with pytest.raises(InputError, match=r"journal\.jsonl, line 3"):
        read_run(folder)
    with pytest.raises(InputError, match=r"journal\.jsonl, line 3"):
        execute(make_spec("random"), folder, emt)


def test_two_processes_never_write_one_run(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    lock = tmp_path / "lock"
    with locked(lock, wait=0), pytest.raises(CrysimError, match="another process"), locked(lock, wait=0.2):
        pass
    with locked(lock, wait=0):
        pass


def test_runs_share_the_energies_of_equal_initial_crystals(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, undisturbed: dict[str, Path]
) -> None:
    asked: list[int] = []

    class Counting(ASEModel):
        def energies(self, crystals: Sequence[Crystal]) -> Floats:
            asked.append(len(crystals))
            energies: Floats = super().energies(crystals)
            return energies

    model = Counting(calculator_name="emt")
    shared = tmp_path / "initial"
    spec = make_spec("crysim", budget=2)
    execute(spec, tmp_path / "one", model, shared=shared)
    execute(replace(spec, method="other"), tmp_path / "two", model, shared=shared)
    assert sum(asked) == 60
    execute(replace(spec, seed=1), tmp_path / "three", model, shared=shared)
    assert sum(asked) == 120
    assert trials_of(tmp_path / "one") == trials_of(tmp_path / "two") == trials_of(undisturbed["crysim"])[:2]
    assert len(read_bench(tmp_path)) == 3


class Odd(EnergyModel):
    """A model that fails in every way that a model can."""

    name = "odd"

    def __init__(self, outcomes: Sequence[str]) -> None:
        self._outcomes = list(outcomes)

    def fingerprint(self) -> dict[str, str]:
        return {"model": "odd"}

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        return np.zeros(len(crystals))

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        if len(crystals) > 1:
            raise RuntimeError("one at a time")
        crystal = crystals[0]
        outcome = self._outcomes.pop(0)
        if outcome == "raises":
            raise ZeroDivisionError("no\nway")
        a, b, c, *angles = crystal.cell
        if outcome == "close":
            crystal = crystal.with_parameters((0.1 * a, 0.1 * b, 0.1 * c, *angles), [s.free for s in crystal.sites])
        energy = float("nan") if outcome == "nan" else -1.0
        status = RelaxStatus.NOT_CONVERGED if outcome == "slow" else RelaxStatus.RELAXED
        frames = (Frame(crystals[0], 5.0), Frame(crystal, energy))
        return [
            Relaxation(status, crystal, energy, 1, 2, 0.0, frames, reason="out of steps" if outcome == "slow" else "")
        ]


def test_failures_are_statuses_with_a_reason_and_never_energies(tmp_path: Path, make_spec: Make) -> None:
    outcomes = ["fine", "raises", "nan", "close", "slow"]
    spec = make_spec("random", budget=5, batch=5, min_distance=2.0)
    end = execute(spec, tmp_path / "run", Odd(outcomes))
    trials = read_run(tmp_path / "run", frames=True).trials
    assert [trial.status for trial in trials] == [
        TrialStatus.RELAXED,
        TrialStatus.FAILED,
        TrialStatus.FAILED,
        TrialStatus.TOO_CLOSE,
        TrialStatus.NOT_CONVERGED,
    ]
    assert [trial.energy for trial in trials] == [-1.0, None, None, -1.0, -1.0]
    assert trials[1].reason == "ZeroDivisionError: no"
    assert trials[2].reason
    assert "Å" in trials[3].reason
    assert [len(trial.frames) for trial in trials] == [2, 0, 1, 2, 2]
    assert (end.counting, end.lowest, end.reason) == (2, -1.0, trials[3].reason)


def test_a_key_that_one_manifest_lacks_is_a_difference() -> None:
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1, "c": None}}) == ("a.c", "absent", None)
    assert first_difference({"a": [1], "d": 2}, {"a": [1]}) == ("d", 2, "absent")
    assert first_difference({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2]}}) is None


@pytest.mark.parametrize("method", ["random", "crysim"])
def test_seed_structures_come_first_and_a_stopped_run_goes_on(
    method: str,
    tmp_path: Path,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
    execute_until: ExecuteUntil,
) -> None:
    composition = make_spec().system
    seeds = tuple(RandomGenerator(composition, [123, 225]).sample(4, np.random.default_rng(8)))
    spec = make_spec(method, seed_structures=seeds)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    execute(spec, whole, emt)
    trials = read_run(whole).trials
    assert len(trials) == spec.budget
    assert tuple(trial.candidate.crystal for trial in trials[:4]) == seeds
    assert [trial.candidate.info.get("seed_structure") for trial in trials] == [0, 1, 2, 3, None, None, None]
    for stop in (3, 4, 6):
        execute_until(stop, spec, stopped, emt)
    execute(spec, stopped, emt)
    assert trials_of(stopped) == trials_of(whole)
    with pytest.raises(InputError, match="seed_structures"):
        execute(make_spec(method), whole, emt)


def test_a_budget_ends_among_the_seed_structures(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    seeds = tuple(RandomGenerator(make_spec().system, [123]).sample(4, np.random.default_rng(8)))
    execute(make_spec(seed_structures=seeds, budget=2), tmp_path / "run", emt)
    assert [t.candidate.crystal for t in read_run(tmp_path / "run").trials] == list(seeds[:2])
