"""Crystals that are drawn where they are relaxed: the same trials, and what becomes of a draft that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError, PluginFaultError
from crysim.harness.budgets import Account, Budget
from crysim.harness.columns import columns_of
from crysim.harness.driver import Driver
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import INITIAL, JOURNAL, Journal, read_run
from crysim.harness.loop import execute
from crysim.harness.placement import Placement
from crysim.harness.run_folder import make_folder
from crysim.harness.sittings import Sitting
from crysim.harness.spec import PartSpec, RunSpec
from crysim.harness.tasks import Here, Relaxations, Task, Wait
from crysim.interfaces import Candidate, Draft, EnergyModel, Stream, derive_rng
from crysim.plugins.checked import checked
from crysim.workflows.verify import verify
from crysim_baselines.random import RandomSearch

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
PORTFOLIO = PartSpec("portfolio", {"first": 1, "learned": 1.0})


@dataclass(frozen=True)
class Given(Draft):
    """Gives a crystal."""

    crystal: Crystal

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        return self.crystal, {"drawn": self.crystal.space_group}


@dataclass(frozen=True)
class Raises(Draft):
    """Gives none."""

    error: Exception

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        raise self.error


class Drafting(RandomSearch):
    """Random crystals as drafts, some of them replaced by others."""

    def __init__(self, spec: RunSpec, *, drafts: bool = True, others: Mapping[int, Draft] | None = None) -> None:
        super().__init__(spec.problem)
        self._drafts, self._others, self._number = drafts, others or {}, 0

    def ask(self, n: int) -> list[Candidate]:
        numbers = range(self._number, self._number + n)
        return [self._candidate(one, number) for one, number in zip(super().ask(n), numbers, strict=True)]

    def _candidate(self, one: Candidate, number: int) -> Candidate:
        self._number += 1
        if not self._drafts:
            return replace(one, info={"number": number, "drawn": one.start.space_group})
        return replace(one, crystal=None, info={"number": number}, draft=self._others.get(number, Given(one.start)))


class Deadly(Here):
    """No process survives a relaxation; nor drawing, if that is said."""

    def __init__(self, model: EnergyModel, *, draws: bool) -> None:
        super().__init__(model)
        self._draws = draws

    def submit(self, task: Task) -> Wait:
        if self._draws and not isinstance(task, Relaxations):
            return super().submit(task)
        return partial(task.failed, "the worker process died (signal SIGSEGV) three times")


def drive(spec: RunSpec, folder: Path, place: Here, strategy: Drafting) -> list[dict[str, Any]]:
    make_folder(folder)
    with Journal(folder / JOURNAL) as journal:
        account = Account(Budget.of(spec), folder / INITIAL)
        looked_at = checked("strategy", strategy, problem=spec.problem)
        told: list[Any] = []
        Driver(spec, folder, looked_at, journal, [Sitting.of(spec, 0, {})], account, place, told.extend).run()
    return told


def test_drafts_come_to_the_trials_that_their_crystals_come_to(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    spec = make_spec(ahead=2)
    drive(spec, tmp_path / "drafts", Here(emt), Drafting(spec))
    trials = drive(spec, tmp_path / "crystals", Here(emt), Drafting(spec, drafts=False))
    assert trials_of(tmp_path / "drafts") == trials_of(tmp_path / "crystals")
    assert len(trials) == spec.budget


def test_what_drawing_takes_is_the_strategys(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    spec = make_spec()
    for trial in drive(spec, tmp_path, Here(emt), Drafting(spec)):
        assert trial.candidate.seconds["draw"] > 0
        assert trial.candidate.cpu_seconds > 0


def test_a_draft_that_raises_is_a_failed_trial_that_names_the_strategy(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """The rest of its batch is as it was; a reader of the journal, and what looks it through, can do with it."""
    spec = make_spec()
    others = {0: Raises(ZeroDivisionError("on purpose")), 4: Raises(CrysimError("there is no room"))}
    execute(spec, tmp_path / "run", emt)
    for part in (tmp_path / "run").iterdir():
        if part.name.startswith("journal"):
            part.unlink()
    drive(spec, tmp_path / "run", Here(emt), Drafting(spec, others=others))
    drive(spec, tmp_path / "whole", Here(emt), Drafting(spec))
    found, expected = trials_of(tmp_path / "run"), trials_of(tmp_path / "whole")
    assert [one["number"] for one in found if one["status"] == "failed"] == [0, 4]
    assert found[0]["reason"] == "strategy 'random' drew no crystal: ZeroDivisionError: on purpose"
    assert found[4]["reason"] == "strategy 'random' drew no crystal: there is no room"
    assert [found[n]["info"] for n in (0, 4)] == [{"number": 0}, {"number": 4}]
    for number in (1, 2, 3, 5, 6):
        assert without_links(found[number]) == without_links(expected[number])
    record = read_run(tmp_path / "run")
    assert [trial.candidate.crystal is None for trial in record.trials] == [n in (0, 4) for n in range(7)]
    assert record.num_atoms == 4
    assert columns_of(list(record.trials)).rows["evaluations"].tolist()[0] == 0
    assert not verify(tmp_path / "run", energies=1).differences


def without_links(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("checksum", "after")}


def test_a_crystal_that_no_process_survives_is_drawn_all_the_same(
    tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    """Which crystal it was stands in the journal."""
    spec = make_spec(budget=3)
    trials = drive(spec, tmp_path, Deadly(emt, draws=True), Drafting(spec))
    crystals = [one.start for one in RandomSearch(spec.problem).ask(3)]
    assert [trial.candidate.crystal for trial in trials] == crystals
    assert {trial.reason for trial in trials} == {"the worker process died (signal SIGSEGV) three times"}


def test_a_draft_that_no_process_survives_is_a_failed_trial(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    spec = make_spec(budget=3)
    trials = drive(spec, tmp_path, Deadly(emt, draws=False), Drafting(spec))
    said = "strategy 'random' drew no crystal: the worker process died (signal SIGSEGV) three times"
    assert [(trial.reason, trial.relaxation.reason, trial.candidate.crystal) for trial in trials] == [
        (said, said, None)
    ] * 3


def test_what_a_draft_draws_is_looked_at(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    spec = make_spec()
    (other,) = RandomGenerator(Composition.from_formula("Al4Cu4"), [225]).sample(1, derive_rng(0))
    with pytest.raises(PluginFaultError, match=r"^strategy 'random' .*a draft's crystal is of Al4Cu4, and Al2Cu2"):
        drive(spec, tmp_path, Here(emt), Drafting(spec, others={1: Given(other)}))
    with pytest.raises(PluginFaultError, match="no Draft"):
        drive(spec, tmp_path / "other", Here(emt), Drafting(spec, others={1: other}))  # type: ignore[dict-item]


def test_a_crystal_that_is_not_drawn_is_none_and_says_so_where_it_is_needed() -> None:
    with pytest.raises(CrysimError, match="not drawn"):
        _ = Candidate(None, draft=Raises(ZeroDivisionError())).start


def test_a_stream_goes_on_where_its_generator_was_as_often_as_wanted() -> None:
    rng = derive_rng(3, "a")
    rng.integers(7, dtype="uint32")  # half a word is left
    stream = Stream.of(rng)
    numbers = [(one.integers(7, dtype="uint32"), one.random()) for one in (stream.generator(), stream.generator(), rng)]
    assert numbers[0] == numbers[1] == numbers[2]


@pytest.mark.parametrize("kept", [2, 9])
def test_portfolio_comes_to_the_same_trials_on_one_worker_on_two_here_and_resumed(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, kept: int
) -> None:
    spec = make_spec("portfolio", strategy=PORTFOLIO, ahead=2, budget=24, batch=3)
    execute(spec, tmp_path / "here", emt)
    run_jobs([Job(spec, tmp_path / "1")], Placement(1))
    expected = trials_of(tmp_path / "here")
    assert trials_of(tmp_path / "1") == expected
    assert len({one["info"]["origin"] for one in expected}) > 2
    lines = (tmp_path / "1" / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / "1" / JOURNAL).write_text("".join(lines[:kept]))
    run_jobs([Job(spec, tmp_path / "1")], Placement(2))
    assert trials_of(tmp_path / "1") == expected
