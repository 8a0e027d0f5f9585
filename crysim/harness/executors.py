"""Runs in worker processes: one run at a time in each, and a worker that dies takes only its own run with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError, InputError, hush_warnings
from crysim.harness.loop import Progress, execute, limit_threads
from crysim.harness.manifest import make_manifest
from crysim.harness.run_folder import check_manifest, check_writable
from crysim.harness.spec import PartSpec, RunSpec, build_energy, check_elements
from crysim.interfaces import EnergyModel
from crysim.process_state import PROCESS_STATE


@dataclass(frozen=True)
class Job:
    """A run and the folder that it is written to."""

    spec: RunSpec
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its last progress, or the error that ended it, in one line.

    Attributes:
        bad_input: the error is the user's to mend.
        interrupted: the user ended it.
    """

    job: Job
    progress: Progress | None
    error: str = ""
    bad_input: bool = False
    interrupted: bool = False

    @property
    def good(self) -> bool:
        """Whether the run came to its end with at least one trial that counts."""
        return not self.error and self.progress is not None and self.progress.counting > 0

    @property
    def failure(self) -> str:
        """Why a run that is not good failed, in one line."""
        if self.error:
            return self.error
        reason = self.progress.reason if self.progress is not None else ""
        return "no relaxation gave a crystal that counts" + (f", the last one: {reason}" if reason else "")


ModelTask = Callable[[EnergyModel], object]
_PREPARE, _BESIDE, _WARM_UP = -1, -2, -3
GRACE = 2.0
"""Seconds that an idle worker has to end by itself."""
_STARTING = PROCESS_STATE
"""Processes begin one at a time, since what they inherit is set for each, and while no thread has changed it."""


@dataclass(frozen=True)
class _Reply:
    """From a worker: progress of its job (not ended), or how a job or a check ended."""

    ended: bool
    progress: Progress | None = None
    fingerprint: Mapping[str, str] | None = None
    elements: frozenset[str] | None = None
    error: str = ""
    bad_input: bool = False
    result: object = None


def run_tasks(
    energy: PartSpec,
    tasks: Sequence[ModelTask],
    workers: int,
    *,
    threads: int,
    ended: Callable[[int, object, str], None],
) -> None:
    """Call tasks with an energy model in worker processes; one that dies takes only its own task with it.

    Args:
        energy: the model, built once in each process.
        tasks: that can be pickled, as their results.
        workers: processes at most.
        threads: of each.
        ended: called as tasks end, in any order: with the task's index, its result, and the error in its place.
    """
    waiting = deque(enumerate(tasks))
    crew: list[_Worker] = []
    try:
        while waiting or any(worker.index is not None for worker in crew):
            crew = [worker for worker in crew if worker.alive or worker.index is not None]
            while len(crew) < workers and len(waiting) > sum(w.index is None for w in crew):
                crew.append(_Worker(energy, threads, None))
            for worker in crew:
                if worker.index is None and waiting:
                    worker.begin(*waiting.popleft())
            for worker in _ready(crew):
                index, reply = worker.receive()
                ended(index, reply.result, reply.error)
    finally:
        for worker in crew:
            worker.stop()


def run_jobs(
    jobs: Sequence[Job],
    workers: int,
    *,
    pool: Path | None = None,
    beside: ModelTask | None = None,
    beside_failed: Callable[[str], None] | None = None,
    report: Callable[[Job, Progress], None] | None = None,
    ended: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run jobs in worker processes.

    The energy model and every folder are checked before the first run begins. An interrupt stops the workers at
    once; their journals hold every trial that was relaxed.

    Args:
        jobs: all with the same energy model and number of threads.
        workers: processes at most.
        pool: a folder in which runs share the energies of initial crystals.
        beside: called with the energy model in a worker when no run is waiting any more; it can be pickled.
        beside_failed: called with the reason if that failed; the runs go on.
        report: called with every progress of a run.
        ended: called when a run ends.

    Returns:
        The outcomes in the order of the jobs.

    Raises:
        InputError: the energy model cannot be built or does not know an element, a folder cannot be written or holds
            another run.
    """
    outcomes: dict[int, Outcome] = {}
    waiting: deque[tuple[int, Job | ModelTask]] = deque(enumerate(jobs))
    if beside is not None:
        waiting.append((_BESIDE, beside))
    energy, threads = jobs[0].spec.energy, jobs[0].spec.threads
    for job in jobs:
        check_writable(job.folder)
    crew: list[_Worker] = []
    together = min(workers, len(jobs)) > 1
    try:
        crew.append(_Worker(energy, threads, pool))
        # A fresh installation compiles for longer than anything else before its first energy: two workers share that.
        if together:
            crew.append(_Worker(energy, threads, pool))
            crew[1].begin(_WARM_UP, partial(_warm_generation, jobs[0].spec))
        fingerprint, elements = crew[0].prepare()
        for job in jobs:
            check_elements(energy.name, elements, job.spec.system)
            check_manifest(job.folder, make_manifest(job.spec, fingerprint))
        if together:
            crew[0].begin(_WARM_UP, _warm_energies)
        while waiting or any(worker.index is not None for worker in crew):
            crew = [worker for worker in crew if worker.alive or worker.index is not None]
            while len(crew) < workers and len(waiting) > sum(w.index is None for w in crew):
                crew.append(_Worker(energy, threads, pool))
            for worker in crew:
                if worker.index is None and waiting:
                    worker.begin(*waiting.popleft())
            for worker in _ready(crew):
                index, reply = worker.receive()
                if index == _WARM_UP:
                    continue
                if index == _BESIDE:
                    if reply.error and beside_failed is not None:
                        beside_failed(reply.error)
                    continue
                if not reply.ended:
                    if report is not None and reply.progress is not None:
                        report(jobs[index], reply.progress)
                    continue
                outcomes[index] = Outcome(jobs[index], reply.progress, reply.error, reply.bad_input)
                if ended is not None:
                    ended(outcomes[index])
    finally:
        for worker in crew:
            worker.stop()
    return [outcomes[index] for index in range(len(jobs))]


class _Worker:
    """A process, as its parent sees it."""

    def __init__(self, energy: PartSpec, threads: int, pool: Path | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, energy, threads, pool), daemon=True)
        with _STARTING, _environment(threads), _interrupts_ignored(), _without_main():
            self._process.start()
        theirs.close()
        self.index: int | None = None
        self.alive = True

    @property
    def connection(self) -> Connection:
        """Readable when there is a reply, or when the process has died."""
        connection: Connection = self._connection
        return connection

    def prepare(self) -> tuple[Mapping[str, str], frozenset[str] | None]:
        """Build the energy model there, and return its fingerprint and the elements that it knows, if it says."""
        self.begin(_PREPARE, None)
        _, reply = self.receive()
        if reply.fingerprint is None:
            raise InputError(reply.error) if reply.bad_input else CrysimError(reply.error)
        return reply.fingerprint, reply.elements

    def begin(self, index: int, job: Job | ModelTask | None) -> None:
        """Start a job, or another task."""
        self.index = index
        with suppress(OSError):  # it has died; `receive` says so
            self.connection.send(job)

    def receive(self) -> tuple[int, _Reply]:
        """The next reply about the job under way; one that says so if the process has died."""
        assert self.index is not None
        index = self.index
        try:
            reply: _Reply = self.connection.recv()
        except (EOFError, OSError):
            self.alive = False
            self._process.join()
            reply = _Reply(True, error=f"the worker process died ({_exit_text(self._process.exitcode)})")
        if reply.ended:
            self.index = None
        return index, reply

    def stop(self) -> None:
        """End the process, whatever it does; one that waits ends by itself, and tidies up what its libraries opened."""
        self.connection.close()
        if self.index is None:
            self._process.join(GRACE)
        self._process.kill()
        self._process.join()


def _ready(crew: Sequence[_Worker]) -> list[_Worker]:
    busy = {worker.connection: worker for worker in crew if worker.index is not None}
    return [busy[connection] for connection in wait(list(busy)) if isinstance(connection, Connection)]


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process begun here ignores interrupts from the terminal: its parent decides."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _without_main() -> Iterator[None]:
    """A process begun here does not import the script that asked for it.

    Nothing that workers do lies in that script, and one without an ``if __name__ == "__main__"`` would run itself in
    every worker.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Numbers of threads that libraries read when they are first imported."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# ------------------------------------------------------------------------------------- in the process


def _work(connection: Connection, energy: PartSpec, threads: int, pool: Path | None) -> None:
    hush_warnings()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    model: EnergyModel | None = None
    while True:
        try:
            message = connection.recv()
            try:
                model = model or build_energy(energy)
                reply = _answer(message, model, threads, pool, connection)
            except CrysimError as error:
                reply = _Reply(True, error=str(error), bad_input=isinstance(error, InputError))
            except Exception as error:  # noqa: BLE001 - whatever a plug-in raises ends its run, not the others
                reply = _Reply(True, error=(f"{type(error).__name__}: {error}".splitlines() or [""])[0])
            connection.send(reply)
        except (EOFError, OSError):
            return


def _answer(
    message: Job | ModelTask | None, model: EnergyModel, threads: int, pool: Path | None, connection: Connection
) -> _Reply:
    limit_threads(threads)
    if message is None:
        return _Reply(True, fingerprint=dict(model.fingerprint()), elements=model.elements)
    if not isinstance(message, Job):
        return _Reply(True, result=message(model))
    progress = execute(
        message.spec,
        message.folder,
        model,
        pool=pool,
        report=lambda p: connection.send(_Reply(False, progress=p)),
    )
    return _Reply(True, progress=progress)


def _warm_energies(model: EnergyModel) -> None:
    model.warm_up()


def _warm_generation(spec: RunSpec, model: EnergyModel) -> None:
    del model
    RandomGenerator(spec.system, spec.space_groups).sample(1, np.random.default_rng(0), time_limit=1.0)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
