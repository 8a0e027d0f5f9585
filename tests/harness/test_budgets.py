"""What a run spends is what its folder says, and it ends at whichever budget comes first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crysim.errors import InputError
from crysim.harness.budgets import Budget, Spent, spent_on_initial
from crysim.harness.config_file import read_settings
from crysim.harness.journal import INITIAL, JOURNAL, read_run
from crysim.harness.lines import read_lines, seal
from crysim.harness.loop import Progress, execute
from crysim.harness.records import trial_from_dict
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel
from crysim.plugins.checked.energy import CheckedEnergyModel
from crysim.plugins.checked.strategy import CheckedStrategy

Make = Callable[..., RunSpec]


def spent(folder: Path) -> Spent:
    return read_run(folder).spent


class Ticking:
    """A clock of CPU seconds that goes on by one step whenever it is read."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class _StopError(Exception):
    pass


def test_a_run_ends_at_its_evaluations_and_initial_crystals_are_among_them(
    make_spec: Make, emt: EnergyModel, tmp_path: Path
) -> None:
    end = execute(replace(make_spec("crysim"), budget=50, budget_evaluations=75), tmp_path / "run", emt)
    trials = read_run(tmp_path / "run").trials
    before_last = 60 + sum(trial.evaluations for trial in trials[:-2])  # batches of two
    assert 60 + sum(trial.evaluations for trial in trials) >= 75 > before_last
    assert (end.phase, end.done) == ("done", len(trials))
    assert spent(tmp_path / "run").evaluations == 60 + sum(trial.evaluations for trial in trials)
    assert read_run(tmp_path / "run").complete


def test_initial_crystals_that_take_everything_are_named(make_spec: Make, emt: EnergyModel, tmp_path: Path) -> None:
    end = execute(replace(make_spec("crysim"), budget_evaluations=60), tmp_path / "run", emt)
    assert (end.done, end.counting) == (0, 0)
    assert "the initial crystals took the whole budget (60 evaluations" in end.reason


class Working:
    """A clock of CPU seconds that goes on where work is done: each kind of work takes its own time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("time.process_time", lambda: self.now)
        self._monkeypatch = monkeypatch

    def takes(self, owner: type, name: str, seconds: float) -> None:
        """Each call of the method takes so many."""
        method = getattr(owner, name)

        def work(*args: Any, **kwargs: Any) -> Any:
            self.now += seconds
            return method(*args, **kwargs)

        self._monkeypatch.setattr(owner, name, work)


def test_cpu_seconds_are_the_processes_and_shared_evenly(
    make_spec: Make, emt: EnergyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 initial crystals are drawn, evaluated in two batches and heard of; then two at a time are asked for."""
    clock = Working(monkeypatch)
    clock.takes(CheckedStrategy, "initial_crystals", 1000.0)
    clock.takes(CheckedEnergyModel, "energies", 400.0)
    clock.takes(CheckedStrategy, "set_initial", 80.0)
    clock.takes(CheckedStrategy, "ask", 20.0)
    clock.takes(CheckedStrategy, "tell", 6.0)
    clock.takes(CheckedEnergyModel, "relax", 1.0)
    execute(make_spec("crysim", budget=6), tmp_path / "run", emt)
    run = read_run(tmp_path / "run")
    assert run.initial_spent == Spent(0, 60, 1000.0 + 2 * 400.0)
    batches = [run.trials[i : i + 2] for i in range(0, 6, 2)]
    for batch, strategy in zip(batches, (80.0 + 20.0, 6.0 + 20.0, 6.0 + 20.0), strict=True):
        assert [trial.candidate.cpu_seconds for trial in batch] == [strategy / 2] * 2
        assert [trial.relaxation.cpu_seconds for trial in batch] == [1.0 / 2] * 2
    assert spent(tmp_path / "run").cpu_seconds == 1800.0 + 100.0 + 2 * 26.0 + 3 * 1.0
    assert clock.now == spent(tmp_path / "run").cpu_seconds + 6.0  # what it learned of the last batch, nothing came of


def test_what_the_journal_says_decides_when_a_run_ends_and_no_clock_of_this_sitting(
    make_spec: Make, emt: EnergyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is asked for, relaxed and told: three steps of the clock, of which the last is charged to the next.

    Before the first, the strategy hears of its initial crystals.
    """
    folder = tmp_path / "run"
    spec = replace(make_spec("random"), batch=2, budget=50, budget_seconds=7.0)

    def stop_after_two_batches(progress: Progress) -> None:
        if progress.done == 4:
            raise _StopError

    monkeypatch.setattr("time.process_time", Ticking(1.0))
    with pytest.raises(_StopError):
        execute(spec, folder, emt, on_progress=stop_after_two_batches)
    assert spent(folder).cpu_seconds == 6.0
    assert not read_run(folder).complete
    monkeypatch.setattr("time.process_time", Ticking(0.6))
    execute(spec, folder, emt)
    assert len(read_run(folder).trials) == 6
    assert spent(folder).cpu_seconds == pytest.approx(7.2)
    assert read_run(folder).complete
    before = (folder / JOURNAL).read_bytes()
    execute(spec, folder, emt)
    assert (folder / JOURNAL).read_bytes() == before


Budgets = dict[str, Any]


@pytest.mark.parametrize(
    ("first", "raised"),
    [
        ({"budget_evaluations": 60}, {"budget_evaluations": 150}),
        ({"budget_evaluations": 60}, {"budget_evaluations": None, "budget": 44}),
        ({"budget_seconds": 5.0}, {"budget_seconds": 30.0}),  # each draft that is drawn takes a second
        ({"budget_seconds": 5.0, "budget_evaluations": 140}, {"budget_seconds": None, "budget_evaluations": 150}),
    ],
)
def test_a_finished_run_goes_on_within_larger_budgets_and_killed_anywhere_comes_to_the_same_trials(
    make_spec: Make,
    emt: EnergyModel,
    tmp_path: Path,
    trials_of: Callable[[Path], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    first: Budgets,
    raised: Budgets,
) -> None:
    """The strategy learns, and is asked three batches ahead: what it knew when it was asked must come again."""
    monkeypatch.setattr("time.process_time", Ticking(1.0))
    spec = make_spec("portfolio", strategy=PartSpec("portfolio", {"first": 2}), budget=40, batch=2, ahead=3)
    whole = tmp_path / "whole"
    execute(replace(spec, **first), whole, emt)
    before, done = trials_of(whole), len(read_run(whole).trials)
    assert 6 <= done < 40
    assert read_run(whole).complete
    longer = replace(spec, **raised)
    end = execute(longer, whole, emt)
    assert (end.phase, end.done) == ("done", len(trials_of(whole)))
    assert end.done >= done + 6
    assert trials_of(whole)[:done] == before
    assert read_run(whole).complete
    lines = (whole / JOURNAL).read_text().splitlines(keepends=True)
    for kept in range(done, end.done, 2):
        cut = tmp_path / f"cut-{kept}"
        shutil.copytree(whole, cut)
        (cut / JOURNAL).write_text("".join(lines[:kept]))
        execute(longer, cut, emt)
        assert trials_of(cut) == trials_of(whole)


def test_a_smaller_budget_of_evaluations_reads_what_there_is_and_changes_nothing(
    make_spec: Make, emt: EnergyModel, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    execute(replace(make_spec("random"), budget_evaluations=60), folder, emt)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for smaller in ({"budget_evaluations": 20}, {"budget_seconds": 1e-9}):
        end = execute(replace(make_spec("random"), **smaller), folder, emt)
        assert (end.phase, end.done) == ("done", len(read_run(folder).trials))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_that_its_strategy_ended_is_not_made_again_to_hear_that_it_has(
    make_spec: Make, emt: EnergyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each look at a finished comparison would train every surrogate anew."""
    spec = make_spec("enumerate", strategy=PartSpec("portfolio", {"stop_after": 1}), budget=60)
    first = execute(spec, tmp_path / "run", emt)
    assert first.done < 60
    assert "independent start" in first.reason
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def never(self: RunSpec) -> None:
        raise AssertionError("the strategy was built")

    monkeypatch.setattr(RunSpec, "build_strategy", never)
    for budget in (60, 80):
        again = execute(replace(spec, budget=budget), tmp_path / "run", emt)
        assert (again.done, again.lowest, again.reason) == (first.done, first.lowest, first.reason)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    lines = (tmp_path / "run" / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / "run" / JOURNAL).write_text("".join(lines[:-1]))
    with pytest.raises(AssertionError, match="was built"):
        execute(spec, tmp_path / "run", emt)


def test_an_old_journal_has_wall_seconds_for_cpu_seconds(make_spec: Make, emt: EnergyModel, tmp_path: Path) -> None:
    execute(make_spec("crysim"), tmp_path / "run", emt)
    records, _ = read_lines(tmp_path / "run" / JOURNAL)
    old = [trial_from_dict({k: v for k, v in record.items() if k != "cpu"}) for record in records]
    wall = sum(trial.seconds + sum(trial.candidate.seconds.values()) for trial in old)
    assert Spent().plus(old).cpu_seconds == pytest.approx(wall)
    assert sum(trial.cpu_seconds for trial in old) == pytest.approx(wall)
    assert Spent().plus(read_run(tmp_path / "run").trials).cpu_seconds != pytest.approx(wall)
    initial, _ = read_lines(tmp_path / "run" / INITIAL)
    file = tmp_path / INITIAL
    file.write_text("".join(seal({k: v for k, v in r.items() if k != "cpu"}) + "\n" for r in initial))
    assert spent_on_initial(file) == Spent(0, 60, 0.0)


def test_a_run_is_charged_for_energies_that_another_run_computed(
    make_spec: Make, emt: EnergyModel, tmp_path: Path
) -> None:
    spec = make_spec("crysim")
    execute(spec, tmp_path / "one", emt, shared=tmp_path / "shared")
    shutil.rmtree(tmp_path / "one")
    execute(spec, tmp_path / "other", emt, shared=tmp_path / "shared")
    cost = spent_on_initial(tmp_path / "other" / INITIAL)
    assert cost.evaluations == 60
    assert cost.cpu_seconds > 0


def test_budgets_that_are_not_given_leave_the_manifest_as_it_was(make_spec: Make) -> None:
    spec = make_spec("random")
    assert "budget_evaluations" not in spec.config()
    assert "budget_seconds" not in spec.config()
    given = replace(spec, budget_evaluations=9, budget_seconds=1.5).config()
    assert (given["budget_evaluations"], given["budget_seconds"]) == (9, 1.5)


def test_budgets_are_settings_like_others() -> None:
    settings = read_settings(None, {"budget_evaluations": 500, "budget_seconds": 2})
    assert Budget.of(settings) == Budget(100, 500, 2.0)
    with pytest.raises(InputError, match="budget_evaluations is 0"):
        read_settings(None, {"budget_evaluations": 0})
    with pytest.raises(InputError, match="budget_seconds is"):
        read_settings(None, {"budget_seconds": -1.0})


@pytest.mark.parametrize(
    ("spent", "left"), [(Spent(3, 9, 1.0), 7), (Spent(3, 10, 1.0), 0), (Spent(3, 9, 2.0), 0), (Spent(10, 0, 0.0), 0)]
)
def test_the_first_limit_reached_ends_a_run(spent: Spent, left: int) -> None:
    assert Budget(10, 10, 2.0).left(spent) == left
