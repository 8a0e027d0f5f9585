"""Worker processes: several runs at once, one that dies, and what is checked before the first begins."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crysim.errors import InputError
from crysim.harness.executors import Job, run_jobs
from crysim.harness.loop import Progress, execute
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel

Make = Callable[..., RunSpec]
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
        2,
        pool=tmp_path / "initial",
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


def test_a_worker_that_dies_takes_only_its_run_with_it(tmp_path: Path, make_spec: Make, trials_of: TrialsOf) -> None:
    spec = make_spec("random", budget=40, batch=1)
    jobs = [Job(replace(spec, seed=seed), tmp_path / str(seed)) for seed in range(3)]
    killed: list[Job] = []

    def kill_once(job: Job, progress: Progress) -> None:
        if not killed and progress.phase == "search" and progress.done >= 2:
            killed.append(job)
            (child,) = multiprocessing.active_children()
            child.kill()

    reasons: list[str] = []
    outcomes = run_jobs(jobs, 1, beside=fail, beside_failed=reasons.append, report=kill_once)
    bad = [outcome for outcome in outcomes if not outcome.good]
    # On a busy machine the worker may have gone on to the second run before it is killed.
    assert len(killed) == len(bad) == 1
    assert bad[0].job in jobs[:2]
    assert "died (signal SIGKILL)" in bad[0].error
    assert reasons == ["ZeroDivisionError: on purpose"]
    (again,) = run_jobs([bad[0].job], 1)
    assert again.good
    assert all(len(trials_of(job.folder)) == 40 for job in jobs)


def test_energy_folders_and_manifests_are_checked_before_the_first_run(tmp_path: Path, make_spec: Make) -> None:
    spec = make_spec("random", budget=2)
    with pytest.raises(InputError, match="did you mean 'emt'"):
        run_jobs([Job(replace(spec, energy=PartSpec("ase:emtt")), tmp_path / "a")], 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run_jobs([Job(spec, tmp_path / "file" / "run")], 1)
    assert run_jobs([Job(spec, tmp_path / "b")], 1)[0].good
    jobs = [Job(replace(spec, seed=1), tmp_path / "c"), Job(replace(spec, seed=3), tmp_path / "b")]
    with pytest.raises(InputError, match=r"config\.seed was 0 and is now 3"):
        run_jobs(jobs, 2)
    assert not (tmp_path / "c").exists()


def test_a_strategy_that_gives_up_fails_its_run_with_its_reason(tmp_path: Path, make_spec: Make) -> None:
    """Two atoms of an element do not fit into a grid of one voxel."""
    hopeless = make_spec("crysim", budget=2)
    hopeless = replace(hopeless, parts={**hopeless.parts, "encoder": PartSpec("crysim", {"grid_resolution": 1})})
    jobs = [Job(hopeless, tmp_path / "a"), Job(make_spec("random", budget=2), tmp_path / "b")]
    outcomes = run_jobs(jobs, 1)
    assert [outcome.good for outcome in outcomes] == [False, True]
    assert "voxels" in outcomes[0].error
    assert outcomes[0].bad_input
