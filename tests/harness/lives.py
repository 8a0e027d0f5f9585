"""Lives of a run: a forked process that dies at a chosen call, as by a power cut, or at any moment by kill -9.

The calls are those of fsync and rename, and where others compute, those that submit a task or wait for one. What had
been written and not yet synced is then cut off anywhere, as a power cut may leave it. The moments are drawn from as
long as an undisturbed life lasts.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from crysim.harness.care import Care, Failure
from crysim.harness.loop import drive
from crysim.harness.placement import Placement
from crysim.harness.sending import Sender
from crysim.harness.spec import RunSpec
from crysim.harness.tasks import Here, Place, Task, Wait
from crysim.interfaces import EnergyModel

KILLS = int(os.environ.get("CRYSIM_KILLS", "30"))
"""Kill points of each strategy in one process."""
COUNTS = os.environ.get("CRYSIM_KILL_COUNTS")
"""A JSON file with the kill points reached so far: it is kept up to date, and what it holds is not done again."""
DEAD = 77


@dataclass(frozen=True)
class End:
    """How a life is to end, unless the run ends before: at a call, or by SIGKILL after so many seconds, or not."""

    call: int = 0
    after: float | None = None


class Death:
    """Counts calls of fsync and rename, and of what else it is told of; dies at one; knows what had been synced."""

    def __init__(self, folder: Path, rng: np.random.Generator, dies_at: int) -> None:
        self.calls = 0
        self._rng, self._dies_at = rng, dies_at
        self._synced = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        self._fsync, self._replace = os.fsync, os.replace

    def install(self) -> None:
        os.fsync, os.replace = self.fsync, self.replace

    def fsync(self, number: int) -> None:
        about = os.fstat(number)
        if self._is_now():
            if not os.path.isdir(f"/proc/self/fd/{number}"):  # noqa: PTH112
                kept = min(self._synced.get(about.st_ino, 0), about.st_size)
                os.ftruncate(number, int(self._rng.integers(kept, about.st_size + 1)))
            os._exit(DEAD)
        self._fsync(number)
        self._synced[about.st_ino] = about.st_size

    def replace(self, source: Any, target: Any, **given: Any) -> None:
        self.look()
        self._replace(source, target, **given)

    def look(self) -> None:
        """Die, if it is time."""
        if self._is_now():
            os._exit(DEAD)

    def _is_now(self) -> bool:
        self.calls += 1
        return self.calls == self._dies_at


Open = Callable[[Death], AbstractContextManager[Place]]
"""Opens, in the process that may die, the place where a run's tasks are computed."""


def here(model: EnergyModel) -> Open:
    """The process that drives the run computes too."""
    return lambda death: nullcontext(Here(model))


def elsewhere(spec: RunSpec, placement: Placement) -> Open:
    """An executor's workers compute."""

    @contextmanager
    def opened(death: Death) -> Iterator[Place]:
        plugin = placement.build()
        pool = plugin.start(placement.workers)
        sender = Sender(placement.executor.name, pool)
        try:
            yield _Elsewhere(sender, Care(spec.energy, 1, 120.0), plugin.tasks, death)
        finally:
            sender.close()
            pool.shutdown(wait=True, cancel_futures=True)

    return opened


class _Elsewhere:
    """What a run's process has computed by an executor."""

    def __init__(self, sender: Sender, care: Care, wanted: int, death: Death) -> None:
        self._sender, self._care, self._death = sender, care, death
        self.wanted = wanted

    def submit(self, task: Task) -> Wait:
        came: list[Any] = []
        self._sender.submit_task(task, self._care, came.append)
        self._death.look()
        return partial(self._wait, came)

    def _wait(self, came: list[Any]) -> Any:
        self._death.look()
        while not came:
            self._sender.wait()
        if isinstance(came[0], Failure):
            raise came[0].to_error()
        return came[0]


def live(spec: RunSpec, folder: Path, model: EnergyModel, place: Open, rng: np.random.Generator, end: End) -> bool:
    """One life of a run; whether it was killed before the run had ended."""
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            death = Death(folder, rng, end.call)
            death.install()
            with place(death) as opened:
                drive(spec, folder, opened, model.fingerprint())
            code = 0
        finally:
            os._exit(code)
    code = _wait(child) if end.after is None else _kill(child, end.after)
    assert code in (0, DEAD, -signal.SIGKILL), f"a life ended with {code}"
    return code != 0


def _wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _kill(child: int, after: float) -> int:
    """Kill a process after so many seconds, if it has not ended."""
    until = time.monotonic() + after
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return _wait(child)


def kill_anywhere(
    spec: RunSpec,
    root: Path,
    model: EnergyModel,
    place: Open,
    trials_of: Callable[[Path], Any],
    expected: Any,
    *,
    kills: int,
    calls: int,
    label: str,
) -> None:
    """Kill runs, at random calls and random moments in turn, until there were so many kills; compare every run.

    Each life but the last of a run is killed, so one that goes on is killed again.

    Args:
        calls: a life that dies at a call dies at one of the first so many, or the run has ended before.
        label: under which the kills are counted.
    """
    done = _counted(label)
    if done >= kills:
        return
    lasts = inf
    for number in range(2):  # the first may last longer: servers begin, functions are compiled
        folder = root / f"undisturbed-{number}"
        began = time.monotonic()
        live(spec, folder, model, place, np.random.default_rng(0), End())
        lasts = min(lasts, time.monotonic() - began)
        assert trials_of(folder) == expected, label
    tries = 0  # a run that ends before its first death must not be the same again
    while done < kills:
        rng = np.random.default_rng([1, done, tries])
        folder = root / f"run-after-{done}-{tries}"
        tries += 1
        killed = 0
        while done + killed < kills:
            at_a_call = (done + killed + tries) % 2
            end = End(int(rng.integers(1, calls + 1))) if at_a_call else End(after=float(rng.uniform(0, lasts)))
            if not live(spec, folder, model, place, rng, end):
                break
            killed += 1
        live(spec, folder, model, place, rng, End())
        assert trials_of(folder) == expected, f"{label}: killed {killed} times after {done} kills"
        done += killed
        _count(label, done)


def _counted(label: str) -> int:
    if COUNTS is None or not Path(COUNTS).exists():
        return 0
    return int(json.loads(Path(COUNTS).read_text()).get(label, 0))


def _count(label: str, done: int) -> None:
    if COUNTS is not None:
        path = Path(COUNTS)
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, label: done}, indent=1) + "\n")
