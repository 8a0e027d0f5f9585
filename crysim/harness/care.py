"""Tasks done in a process of their own, which may die of one or hang in it: neither costs more than that task.

A task whose process died is done again, `ATTEMPTS` times in all; then its crystals are tried one by one, and one that
kills its process as often has failed. A process that does not answer in time is killed, and the crystals are tried one
by one at once. The process that keeps watch is whoever calls `carefully`: a thread of `OwnProcesses` on this machine,
a worker of a cluster elsewhere. So a crystal that kills whatever relaxes it never reaches the cluster's own retries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from crysim.errors import CrysimError, InputError
from crysim.harness.loop import limit_threads
from crysim.harness.processes import Channel, Process, ProcessDiedError
from crysim.harness.spec import PartSpec, build_energy
from crysim.harness.tasks import Task
from crysim.interfaces import EnergyModel

ATTEMPTS = 3
TIMES = "three times"
STARTING = 1800.0
"""Seconds in which an energy model must be built, which may have to download weights."""


@dataclass(frozen=True)
class Care:
    """How tasks are done, and looked after.

    Attributes:
        energy: the model, built once in each process.
        threads: of each process.
        seconds: that one crystal may take before the process is killed.
    """

    energy: PartSpec
    threads: int
    seconds: float


@dataclass(frozen=True)
class Failure:
    """What comes of a task that failed as a whole: the error, in one line; and whether the user's input is at fault."""

    error: str
    bad_input: bool = False

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The failure that an error is."""
        if isinstance(error, CrysimError):
            return cls(str(error), isinstance(error, InputError))
        return cls((f"{type(error).__name__}: {error}".splitlines() or [""])[0])

    def to_error(self) -> CrysimError:
        """The error to raise where it is the caller's."""
        return InputError(self.error) if self.bad_input else CrysimError(self.error)


@dataclass(frozen=True)
class Once:
    """A task that is no work on crystals: anything that is called with the model, and cannot be taken apart."""

    call: Callable[[EnergyModel], object]
    size: int = 1

    def __call__(self, model: EnergyModel) -> object:
        """Do it."""
        return self.call(model)

    def one_by_one(self) -> Sequence[Task]:
        """None."""
        return ()

    def join(self, results: Sequence[Any]) -> Any:
        """Never asked for."""
        raise NotImplementedError

    def failed(self, reason: str) -> Failure:
        """It failed."""
        return Failure(reason)


def carefully(task: Task, care: Care) -> Any:
    """Do a task in a process of this thread's own; what comes of it, or a `Failure`."""
    reason = ""
    with _keepers().one() as keeper:
        for _ in range(ATTEMPTS):
            try:
                return keeper.call(task, care)
            except ProcessDiedError as error:
                reason = f"the worker process died ({error}) {TIMES}"
            except TimeoutError as error:
                reason = str(error)
                break
    if task.size == 1:
        return task.failed(reason)
    results = [carefully(part, care) for part in task.one_by_one()]
    return next((one for one in results if isinstance(one, Failure)), None) or task.join(results)


class Keeper:
    """Has a process for tasks, and another one when that is lost."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._lock = threading.Lock()
        self._busy = self._closed = False

    def call(self, task: Task, care: Care) -> Any:
        """What comes of a task.

        Raises:
            ProcessDiedError: the process has died of it.
            TimeoutError: it took too long; the process was killed.
            CrysimError: the keeper is closed.
        """
        process = self._begin(care.threads)
        try:
            process.send((care, task))
            answer = self._receive(process, STARTING)
            if isinstance(answer, _Begun):
                answer = self._receive(process, care.seconds * task.size)
        except BaseException:
            self._lose()
            if self._closed:
                raise CrysimError("the worker processes were stopped") from None
            raise
        with self._lock:
            self._busy = False
        return answer

    def _begin(self, threads: int) -> Process:
        with self._lock:
            if self._closed:
                raise CrysimError("the worker processes were stopped")
            if self._process is not None and self._process.threads != threads:
                self._process.stop(idle=True)
                self._process = None
            if self._process is None:
                self._process = Process(compute, threads)
            self._busy = True
            return self._process

    def _receive(self, process: Process, seconds: float) -> Any:
        try:
            return process.receive(seconds)
        except TimeoutError:
            raise TimeoutError(f"did not answer within {seconds:g} s") from None

    def _lose(self) -> None:
        with self._lock:
            self._busy = False
            if self._process is not None:
                self._process.stop(idle=False)
                self._process = None

    def close(self) -> None:
        """End the process, whatever it does; another thread that waits for it hears of it."""
        with self._lock:
            self._closed = True
            if self._process is None:
                return
            if self._busy:
                self._process.kill()
            else:
                self._process.stop(idle=True)
                self._process = None


class _Keepers:
    """Those of some threads: whoever has a task takes the one that was at work last, whose process has all loaded."""

    def __init__(self) -> None:
        self._idle: list[Keeper] = []
        self._all: list[Keeper] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Keeper]:
        """A keeper that nobody else has meanwhile."""
        with self._lock:
            if self._closed:
                raise CrysimError("the worker processes were stopped")
            if not self._idle:
                self._idle.append(Keeper())
                self._all.append(self._idle[-1])
            keeper = self._idle.pop()
        try:
            yield keeper
        finally:
            with self._lock:
                self._idle.append(keeper)

    def close(self) -> None:
        """End their processes."""
        with self._lock:
            self._closed = True
        for keeper in self._all:
            keeper.close()


_thread = threading.local()


def _keepers() -> _Keepers:
    """Those that this thread shares with the others of its pool, or its own."""
    if not hasattr(_thread, "keepers"):
        _thread.keepers = _Keepers()
    found: _Keepers = _thread.keepers
    return found


class OwnProcesses(ThreadPoolExecutor):
    """Threads with a process for each task that one does `carefully`; shutting it down ends them."""

    def __init__(self, workers: int) -> None:
        self._keepers = _Keepers()
        super().__init__(workers, "crysim-keeper", initializer=self._enter)

    def _enter(self) -> None:
        _thread.keepers = self._keepers

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes at once if nothing waits or is to be waited for, else when all is done."""
        if cancel_futures:
            super().shutdown(wait=False, cancel_futures=True)
            self._keepers.close()
        super().shutdown(wait=wait)
        self._keepers.close()


# ------------------------------------------------------------------------------------- in the process


@dataclass(frozen=True)
class _Begun:
    """The model is there, and the task begins."""


def compute(message: tuple[Care, Task], channel: Channel) -> Any:
    """Do a task with the energy model."""
    care, task = message
    try:
        model = _model(care.energy)
        limit_threads(care.threads)
        channel.send(_Begun())
        return task(model)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises ends its task, not the others
        return Failure.of(error)


_models: dict[str, EnergyModel] = {}


def _model(energy: PartSpec) -> EnergyModel:
    """The model of a specification, loaded once."""
    key = repr((energy.name, sorted(energy.options.items())))
    if key not in _models:
        _models[key] = build_energy(energy)
    return _models[key]
