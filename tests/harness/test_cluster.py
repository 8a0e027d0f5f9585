"""A cluster: the same trials, whatever happens to its workers; and no address or code from a file."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crysim.errors import InputError
from crysim.harness.config_file import read_settings
from crysim.harness.executors import Job, run_jobs
from crysim.harness.loop import Progress, execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=":0") as made:
        yield made


@pytest.fixture
def placement(cluster: Any) -> Placement:
    return Placement(executor=PartSpec(f"dask:{cluster.scheduler_address}"))


def test_promise_7_a_cluster_that_loses_workers_loses_nothing(
    cluster: Any, placement: Placement, tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """Each worker of two is killed once while batches of one run are the tasks, and once more while whole runs are."""
    spec = make_spec(budget=12, batch=2, ahead=2)
    for runs in (1, 2):
        killed: list[int] = []

        def kill(job: Job, progress: Progress, killed: list[int] = killed) -> None:
            if progress.phase == "search" and progress.done >= 4 * (len(killed) + 1) and len(killed) < 2:
                pid = list(cluster.workers.values())[len(killed)].pid
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

        jobs = [Job(replace(spec, seed=seed), tmp_path / f"{runs}" / str(seed)) for seed in range(runs)]
        outcomes = run_jobs(jobs, placement, on_progress=kill)
        assert [one.failure for one in outcomes if not one.good] == []
        assert len(killed) == 2 or runs == 2  # whole runs may be done before anybody looks
        for job in jobs:
            here = tmp_path / "here" / job.folder.name
            execute(job.spec, here, emt)
            assert trials_of(job.folder) == trials_of(here)


def test_a_whole_run_continues_its_folder(
    placement: Placement, tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """What is in the journal is not done again."""
    jobs = [Job(make_spec("crysim", budget=4, seed=seed), tmp_path / str(seed)) for seed in range(2)]
    execute(jobs[0].spec, jobs[0].folder, emt)
    journal = jobs[0].folder / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2]))
    outcomes = run_jobs(jobs, placement)
    assert all(one.good for one in outcomes)
    again = journal.read_text().splitlines(keepends=True)
    assert again[:2] == lines[:2]
    assert len(again) == len(lines)


def test_a_run_that_fails_on_a_cluster_says_why(placement: Placement, tmp_path: Path, make_spec: Make) -> None:
    hopeless = make_spec("crysim", budget=2)
    hopeless = replace(hopeless, parts={**hopeless.parts, "encoder": PartSpec("crysim", {"grid_resolution": 1})})
    for runs in (1, 2):
        jobs = [Job(replace(hopeless, seed=seed), tmp_path / f"{runs}-{seed}") for seed in range(runs)]
        for outcome in run_jobs(jobs, placement):
            assert "voxels" in outcome.error
            assert outcome.bad_input


def test_no_scheduler_at_the_address_is_one_line(tmp_path: Path, make_spec: Make) -> None:
    pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    nowhere = PartSpec("dask:tcp://127.0.0.1:9", {"connect_timeout": 1.0})
    with pytest.raises(InputError, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_jobs([Job(make_spec(), tmp_path / "run")], Placement(executor=nowhere))


@pytest.mark.parametrize(
    "text",
    [
        '[bench]\nexecutor = "dask:tcp://elsewhere:8786"',
        '[bench]\nexecutor = "dask"\n[executor.dask]\naddress = "tcp://elsewhere:8786"',
        '[bench]\nexecutor = "parsl:configuration.py"',
    ],
)
def test_a_file_names_no_scheduler_and_no_code(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(InputError, match="stands in a file, which runs no foreign code"):
        read_settings(file, {})


def test_an_executor_and_its_options_are_the_persons() -> None:
    settings = read_settings(None, {"executor": "dask:tcp://here:1", "executor_options": {"connect_timeout": 2.0}})
    assert settings.placement.executor == PartSpec("dask:tcp://here:1", {"connect_timeout": 2.0})
    assert settings.placement.task_timeout == 3600
    assert read_settings(None, {"timeout": 10.0}).placement.task_timeout == 80
    assert read_settings(None, {"timeout": 10.0, "task_timeout": 5.0}).placement.task_timeout == 5
    with pytest.raises(InputError, match="did you mean 'dask'"):
        read_settings(None, {"executor": "dusk"}).runs()


def test_a_configuration_of_parsl_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("parsl")
    missing = read_settings(None, {"executor": f"parsl:{tmp_path}/nowhere.py"})
    with pytest.raises(InputError, match=r"cannot read the configuration .*/nowhere\.py"):
        missing.placement.check()


@pytest.mark.parametrize("name", ["f", "./f", "/folder/f", "f.", ".f"])
def test_a_configuration_of_parsl_that_is_neither_a_file_nor_a_dotted_path_is_named(name: str) -> None:
    pytest.importorskip("parsl")
    pipe = read_settings(None, {"executor": f"parsl:{name}"})
    with pytest.raises(InputError, match=rf"'{re.escape(name)}' is (neither a file NAME\.py nor a|no) dotted path"):
        pipe.placement.check()
