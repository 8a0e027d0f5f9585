"""What every executor must do. To test one, subclass and override one fixture::

    from crysim.testing.executors import ExecutorSuite

    class TestMine(ExecutorSuite):
        @pytest.fixture
        def make(self):
            return lambda: MyExecutor(queue="short")

It is started with two workers. Needs pytest.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor as FuturesExecutor
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from crysim.composition import Contents
from crysim.harness.care import Care, Failure, Once, carefully
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import read_run
from crysim.harness.loop import execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import EnergyModel, Executor, RelaxSettings
from crysim.plugins.checked import CheckedExecutor
from crysim.testing.plugins import check_name_and_options

MakeExecutor = Callable[[], Executor]
EMT = PartSpec("ase:emt")


def meet(folder: Path, own: int, others: int, seconds: float) -> int:
    """Leave a file, and wait until so many are there; the process's number."""
    (folder / f"here-{own}").touch()
    deadline = time.monotonic() + seconds
    while len(list(folder.glob("here-*"))) < others:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{own} waited alone")
        time.sleep(0.05)
    return os.getpid()


def backwards(data: bytes) -> bytes:
    """The data, last byte first."""
    return data[::-1]


def append(path: Path) -> None:
    """Add a letter to a file."""
    with path.open("a") as file:
        file.write("x")


def die(model: EnergyModel) -> None:
    """End the process that computes."""
    del model
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class _With(Placement):
    """A placement whose executor is there already."""

    make: MakeExecutor = lambda: NotImplemented

    def build(self) -> Executor:
        """The executor, behind its checker."""
        return CheckedExecutor(self.make())


class _Lasting:
    """An executor that is started by the first test that wants it, for all tests that leave it as it was."""

    def __init__(self) -> None:
        self._started: tuple[Executor, FuturesExecutor] | None = None

    def __call__(self, make: MakeExecutor) -> tuple[Executor, FuturesExecutor]:
        if self._started is None:
            executor = make()
            self._started = executor, executor.start(2)
        return self._started

    def end(self) -> None:
        """Shut it down; whether that works is tested elsewhere."""
        if self._started is not None:
            with suppress(Exception):
                self._started[1].shutdown(wait=True, cancel_futures=True)


class ExecutorSuite:
    """The contract of `crysim.interfaces.Executor`, as tests."""

    patience: ClassVar[float] = 120.0
    """Seconds in which workers must have begun."""
    time_to_end: ClassVar[float] = 120.0
    """Seconds in which those of an executor that was shut down must be gone."""
    own_workers: ClassVar[bool] = True
    """Whether its workers are on this machine and end with it."""

    @pytest.fixture
    def make(self) -> MakeExecutor:
        """A function that makes a new executor, always with the same options. Override this."""
        raise NotImplementedError("override the fixture 'make'")

    @pytest.fixture(scope="class")
    @classmethod
    def lasting(cls) -> Iterator[_Lasting]:
        one = _Lasting()
        yield one
        one.end()

    @contextmanager
    def started(self, make: MakeExecutor) -> Iterator[tuple[Executor, FuturesExecutor]]:
        """An executor, started and shut down."""
        executor = make()
        engine = executor.start(2)
        try:
            yield executor, engine
        finally:
            engine.shutdown(wait=True, cancel_futures=True)

    def test_carries_a_name_and_documented_options(self, make: MakeExecutor) -> None:
        check_name_and_options(make())

    def test_each_future_has_the_result_of_its_own_call(self, make: MakeExecutor, lasting: _Lasting) -> None:
        executor, engine = lasting(make)
        assert executor.tasks >= 1
        futures = [engine.submit(pow, 3, n) for n in range(50)]
        assert not wait(futures, self.patience).not_done
        assert [future.result() for future in futures] == [3**n for n in range(50)]

    def test_an_error_comes_back_and_the_next_call_is_done(self, make: MakeExecutor, lasting: _Lasting) -> None:
        _, engine = lasting(make)
        error = engine.submit(divmod, 1, 0).exception(self.patience)
        assert isinstance(error, ZeroDivisionError)
        assert engine.submit(divmod, 7, 2).result(self.patience) == (3, 1)

    def test_carries_megabytes_both_ways_to_the_last_bit(self, make: MakeExecutor, lasting: _Lasting) -> None:
        data = bytes(range(256)) * 20_000
        _, engine = lasting(make)
        assert engine.submit(backwards, data).result(self.patience) == data[::-1]

    def test_the_same_call_twice_is_done_twice(self, make: MakeExecutor, lasting: _Lasting, tmp_path: Path) -> None:
        """What was lost is submitted again as it was."""
        _, engine = lasting(make)
        for _ in range(2):
            engine.submit(append, tmp_path / "calls").result(self.patience)
        assert (tmp_path / "calls").read_text() == "xx"

    def test_does_as_many_tasks_at_a_time_as_it_wants_and_leaves_no_process(
        self, make: MakeExecutor, tmp_path: Path
    ) -> None:
        with self.started(make) as (executor, engine):
            wanted = min(executor.tasks, 4)
            futures = [engine.submit(meet, tmp_path, n, wanted, self.patience) for n in range(wanted)]
            processes = {future.result(self.patience) for future in futures} - {os.getpid()}
        deadline = time.monotonic() + self.time_to_end
        while self.own_workers and any(map(_alive, processes)):
            assert time.monotonic() < deadline, "a worker lives on"
            time.sleep(0.1)

    def test_a_task_that_kills_its_process_does_not_kill_the_worker(
        self, make: MakeExecutor, lasting: _Lasting
    ) -> None:
        care = Care(EMT, 1, self.patience)
        _, engine = lasting(make)
        killed = engine.submit(carefully, Once(die), care).result(4 * self.patience)
        assert killed == Failure("the worker process died (signal SIGKILL) three times")
        assert engine.submit(carefully, Once(_name), care).result(self.patience) == "ase"

    @pytest.mark.parametrize("runs", [1, 3])
    def test_runs_equal_those_of_one_process(self, make: MakeExecutor, tmp_path: Path, runs: int) -> None:
        """Whether a run's batches are the tasks, or whole runs."""
        spec = RunSpec(
            system=Contents.from_formula("Al2Cu2"),
            method="random",
            strategy=PartSpec("random"),
            energy=EMT,
            budget=6,
            batch=2,
            ahead=2,
            relax=RelaxSettings(max_steps=3, num_frames=3),
            space_groups=(123, 139, 221, 225),
        )
        jobs = [Job(replace(spec, seed=seed), tmp_path / "there" / str(seed)) for seed in range(runs)]
        outcomes = run_jobs(jobs, _With(2, task_timeout=self.patience, make=make))
        assert [outcome.failure for outcome in outcomes if not outcome.good] == []
        for job in jobs:
            execute(job.spec, tmp_path / "here" / job.folder.name, build_energy(EMT))
            there, here = (read_run(folder).trials for folder in (job.folder, tmp_path / "here" / job.folder.name))
            assert [(t.number, t.energy, t.crystal) for t in there] == [(t.number, t.energy, t.crystal) for t in here]


def _name(model: EnergyModel) -> str:
    return model.name


def _alive(process: int) -> bool:
    """Whether a process is there, and not just not yet buried."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
