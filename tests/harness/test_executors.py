"""Worker processes: several runs at once, one that dies, and what is checked before the first begins."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from crysim.errors import InputError
from crysim.harness.care import Care
from crysim.harness.driving import Runner
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import INITIAL, JOURNAL
from crysim.harness.lines import read_lines
from crysim.harness.loop import Progress, execute
from crysim.harness.placement import Placement
from crysim.harness.processes import Channel
from crysim.harness.runner import Ended, WarmUp, serve_runs
from crysim.harness.sending import Sender
from crysim.harness.spec import PartSpec, RunSpec
from crysim.harness.tasks import Task
from crysim.interfaces import EnergyModel

Make = Callable[..., RunSpec]
BadAt = Callable[..., PartSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]


def write_name(path: Path, model: EnergyModel) -> None:
    path.write_text(model.name)


def fail(model: EnergyModel) -> None:
    raise ZeroDivisionError("on purpose")


def test_runs_in_workers_equal_runs_here(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    specs = [make_spec("crysim", budget=3), make_spec("random", budget=3), make_spec("random", budget=3, seed=1)]
    jobs = [Job(spec, tmp_path / str(i)) for i, spec in enumerate(specs)]
    ended: list[str] = []
    outcomes = run_jobs(
        jobs,
        Placement(2),
        shared=tmp_path / "initial",
        beside=partial(write_name, tmp_path / "beside"),
        ended=lambda outcome: ended.append(outcome.job.spec.label),
    )
    assert [outcome.job for outcome in outcomes] == jobs
    assert all(outcome.good for outcome in outcomes)
    assert sorted(ended) == sorted(spec.label for spec in specs)
    assert (tmp_path / "beside").read_text() == "ase"
    for job in jobs:
        execute(job.spec, tmp_path / "here" / job.folder.name, emt)
        assert trials_of(job.folder) == trials_of(tmp_path / "here" / job.folder.name)


def test_promise_7_a_workers_death_loses_nothing(tmp_path: Path, make_spec: Make, trials_of: TrialsOf) -> None:
    """Whichever process is killed, the run's or that of its relaxations, the same call comes to the same trials."""
    spec = make_spec("random", budget=14, batch=1)
    jobs = [Job(replace(spec, seed=seed), tmp_path / str(seed)) for seed in range(2)]
    killed: list[tuple[Path, int]] = []

    def kill_now_and_then(job: Job, progress: Progress) -> None:
        at = (job.folder, progress.done)
        if progress.phase == "search" and progress.done % 6 == 5 and at not in killed:
            killed.append(at)
            multiprocessing.active_children()[len(killed) % 2].kill()

    reasons: list[str] = []
    outcomes = run_jobs(jobs, Placement(), beside=fail, beside_failed=reasons.append, on_progress=kill_now_and_then)
    assert len(killed) >= 4
    assert all(outcome.good for outcome in outcomes)
    assert reasons == ["ZeroDivisionError: on purpose"]
    run_jobs([Job(job.spec, tmp_path / "undisturbed" / job.folder.name) for job in jobs], Placement())
    for job in jobs:
        assert trials_of(job.folder) == trials_of(tmp_path / "undisturbed" / job.folder.name)


def test_a_run_whose_process_dies_each_time_fails_and_says_so(
    tmp_path: Path, make_spec: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int | None] = []
    begin = Runner.begin

    def counted(self: Runner, message: Any, index: int | None) -> None:
        begun.append(index)
        begin(self, message, index)

    monkeypatch.setattr(Runner, "begin", counted)

    def kill_always(job: Job, progress: Progress) -> None:
        if progress.phase == "search":
            for child in multiprocessing.active_children():
                child.kill()

    (outcome,) = run_jobs([Job(make_spec(budget=40, batch=1), tmp_path)], Placement(), on_progress=kill_always)
    assert outcome.error == "the worker process died (signal SIGKILL) three times"
    assert begun == [None, 0, 0, 0]  # None: it warms up


@pytest.mark.parametrize(("how", "said"), [("SIGSEGV", "signal SIGSEGV"), ("exit", "exit code 7")])
def test_promise_8_a_poison_task_is_capped(
    tmp_path: Path, make_spec: Make, trials_of: TrialsOf, bad_at: BadAt, how: str, said: str
) -> None:
    """A crystal that kills its process becomes a failed trial; the rest of its batch, and the run, go on."""
    spec = make_spec(budget=7, batch=3)
    bad = Job(replace(spec, energy=bad_at(how, spec, 4)), tmp_path / "bad")
    (outcome,) = run_jobs([bad], Placement())
    assert outcome.good
    assert len((tmp_path / "marks").read_text()) == 6  # three times in its batch, three times alone
    good = Job(replace(spec, energy=bad_at("nothing", spec)), tmp_path / "good")
    run_jobs([good], Placement())
    found, expected = trials_of(bad.folder), trials_of(good.folder)
    assert found[4]["status"] == "failed"
    assert found[4]["reason"] == f"the worker process died ({said}) three times"
    assert found[:4] + found[5:] == expected[:4] + expected[5:]
    lines = (bad.folder / JOURNAL).read_text().splitlines(keepends=True)
    (bad.folder / JOURNAL).write_text("".join(lines[:6]))
    (again,) = run_jobs([bad], Placement())
    assert again.good
    assert len((tmp_path / "marks").read_text()) == 6  # it is in the journal: a resume does not meet it again
    assert trials_of(bad.folder) == found


def test_a_task_that_was_lost_twice_is_done_the_third_time(
    tmp_path: Path, make_spec: Make, trials_of: TrialsOf, bad_at: BadAt
) -> None:
    spec = make_spec(budget=3, batch=3)
    job = Job(replace(spec, energy=bad_at("SIGKILL", spec, 1, most=2)), tmp_path / "run")
    (outcome,) = run_jobs([job], Placement())
    assert outcome.good
    assert [trial["status"] == "failed" for trial in trials_of(job.folder)] == [False] * 3


@pytest.mark.parametrize(
    ("how", "reason"), [("nan", "no numbers"), ("raise", "ZeroDivisionError: on purpose"), ("hang", "")]
)
def test_promise_10_nan_exception_and_hang_become_statuses(
    tmp_path: Path, make_spec: Make, trials_of: TrialsOf, bad_at: BadAt, how: str, reason: str
) -> None:
    spec = make_spec(budget=5, batch=2)
    job = Job(replace(spec, energy=bad_at(how, spec, 2)), tmp_path / "run")
    limit = 5.0 if how == "hang" else 600.0  # of each crystal, a hundred times what one takes
    (outcome,) = run_jobs([job], Placement(task_timeout=limit))
    assert outcome.good
    trials = trials_of(job.folder)
    assert [trial["status"] == "failed" for trial in trials] == [False, False, True, False, False]
    assert (reason or "did not answer within 5 s") in trials[2]["reason"]
    assert trials[2]["energy"] is None


def test_a_strategy_that_hangs_is_bounded_and_named(
    tmp_path: Path, make_spec: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec("crysim", budget=2)
    slow = {**spec.parts, "solver": PartSpec("annealer", {"sweeps": 2_000_000_000})}
    (outcome,) = run_jobs([Job(replace(spec, parts=slow), tmp_path)], Placement(task_timeout=5.0))
    parts = "encoder 'crysim', solver 'annealer', surrogate 'fm'"
    assert outcome.error == f"strategy 'crysim' with {parts} did not answer within 5 s"


def _initial(folder: Path) -> list[tuple[object, ...]]:
    """The initial crystals and energies, whatever they cost."""
    records, _ = read_lines(folder / INITIAL)
    return [(record.get("key"), record.get("crystal"), record.get("energy")) for record in records]


def test_promise_9_parallel_equals_serial(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """One run on one worker, on two, and in this process; initial energies in chunks by several workers too."""
    spec = make_spec("prior", strategy=PartSpec("prior"), ahead=2, budget=12, batch=2)
    for workers in (1, 2):
        run_jobs([Job(spec, tmp_path / str(workers))], Placement(workers))
    execute(spec, tmp_path / "here", emt)
    assert trials_of(tmp_path / "1") == trials_of(tmp_path / "2") == trials_of(tmp_path / "here")
    ising = make_spec("crysim", strategy=PartSpec("crysim", {"num_initial": 160}), budget=2)
    run_jobs([Job(ising, tmp_path / "ising")], Placement(3))
    execute(ising, tmp_path / "ising-here", emt)
    assert _initial(tmp_path / "ising") == _initial(tmp_path / "ising-here")
    assert trials_of(tmp_path / "ising") == trials_of(tmp_path / "ising-here")


@pytest.mark.parametrize(("ahead", "begun"), [(1, 1), (2, 2), (8, 3)])
def test_workers_that_will_have_batches_begin_together_and_no_others(
    tmp_path: Path, make_spec: Make, monkeypatch: pytest.MonkeyPatch, ahead: int, begun: int
) -> None:
    """Importing a potential takes seconds: a second worker does not begin with it when its first batch comes."""
    submitted: list[str] = []
    submit = Sender.submit_task

    def noted(self: Sender, task: Task, care: Care, done: Callable[[Any], None]) -> None:
        submitted.append(type(task).__name__)
        submit(self, task, care, done)

    monkeypatch.setattr(Sender, "submit_task", noted)
    (outcome,) = run_jobs([Job(make_spec(ahead=ahead, budget=8, batch=1), tmp_path / "run")], Placement(3))
    assert outcome.good
    before = submitted[: submitted.index("Relaxations")]
    assert before == ["Once"] * (begun + 2)  # and two that have the rest compiled


def test_what_random_crystals_need_is_compiled_beforehand() -> None:
    assert serve_runs(WarmUp(), cast(Channel, None)) == Ended()


def test_energy_folders_and_manifests_are_checked_before_the_first_run(tmp_path: Path, make_spec: Make) -> None:
    spec = make_spec("random", budget=2)
    with pytest.raises(InputError, match="did you mean 'emt'"):
        run_jobs([Job(replace(spec, energy=PartSpec("ase:emtt")), tmp_path / "a")], Placement())
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run_jobs([Job(spec, tmp_path / "file" / "run")], Placement())
    assert run_jobs([Job(spec, tmp_path / "b")], Placement())[0].good
    jobs = [Job(replace(spec, seed=1), tmp_path / "c"), Job(replace(spec, seed=3), tmp_path / "b")]
    with pytest.raises(InputError, match=r"config\.seed was 0 and is now 3"):
        run_jobs(jobs, Placement(2))
    assert not (tmp_path / "c").exists()


def test_a_strategy_that_gives_up_fails_its_run_with_its_reason(tmp_path: Path, make_spec: Make) -> None:
    """Two atoms of an element do not fit into a grid of one voxel."""
    hopeless = make_spec("crysim", budget=2)
    hopeless = replace(hopeless, parts={**hopeless.parts, "encoder": PartSpec("crysim", {"grid_resolution": 1})})
    jobs = [Job(hopeless, tmp_path / "a"), Job(make_spec("random", budget=2), tmp_path / "b")]
    outcomes = run_jobs(jobs, Placement())
    assert [outcome.good for outcome in outcomes] == [False, True]
    assert "voxels" in outcomes[0].error
    assert outcomes[0].bad_input
