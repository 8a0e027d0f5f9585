"""Processes on this machine that drive runs, one each at a time; what they want computed goes to an executor."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from crysim.harness.care import ATTEMPTS, TIMES, Care, Failure
from crysim.harness.loop import Progress
from crysim.harness.processes import Process, ProcessDiedError
from crysim.harness.runner import Begin, Ended, Job, Submitted, Waiting, WarmUp, serve_runs
from crysim.harness.sending import Sender

GLANCE = 1.0
"""Seconds between looks at how long the strategies have been at work."""


class Runner:
    """A process that drives runs, as its parent sees it.

    Attributes:
        index: of the run that it drives; None: it is idle, or warms up.
        since: when it began to work itself; None while it waits for a task.
    """

    def __init__(self, threads: int) -> None:
        self.process = Process(serve_runs, threads)
        self.index: int | None = None
        self.busy = False
        self.since: float | None = None
        self._results: dict[int, Any] = {}
        self._wanted: int | None = None

    def begin(self, message: Begin | WarmUp, index: int | None) -> None:
        """Give it a run, or have it warm up."""
        self.index, self.busy, self.since = index, True, time.monotonic()
        self._results, self._wanted = {}, None
        self.process.send(message)

    def wants(self, number: int) -> None:
        """It waits for what came of a task."""
        self._wanted, self.since = number, None
        self._hand_over()

    def came(self, number: int, result: Any) -> None:
        """What came of a task."""
        self._results[number] = result
        self._hand_over()

    def _hand_over(self) -> None:
        if self._wanted in self._results:
            self.since = time.monotonic()
            result = self._results.pop(self._wanted)
            self._wanted = None
            self.process.send(result)


class Driving:
    """Drives runs to their ends.

    A process that died is replaced and its run goes on where it was, unless `ATTEMPTS` of them died without getting any
    further. One whose strategy does not answer in time is killed, and its run has failed.

    Args:
        jobs: the runs.
        runners: processes at most.
        sender: to the executor.
        care: how tasks are done; its seconds bound the strategies too.
        shared: a folder in which runs share the energies of initial crystals.
        on_progress: called with every progress of a run.
        ended: called when a run ends, with its place among the jobs.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        runners: int,
        sender: Sender,
        care: Care,
        shared: Path | None,
        on_progress: Callable[[Job, Progress], None],
        ended: Callable[[int, Ended], None],
    ) -> None:
        self._jobs = jobs
        self._runners = runners
        self._sender = sender
        self._care = care
        self._shared = shared
        self._on_progress = on_progress
        self._ended = ended
        self._waiting = deque(range(len(jobs)))
        self._lost: Counter[int] = Counter()
        self._furthest: dict[int, tuple[bool, int]] = {}
        self._crew = [Runner(care.threads)]

    def warm_up(self, message: WarmUp) -> None:
        """Have what strategies need of crystals compiled by one process, while energy models load, before all do it."""
        self._crew[0].begin(message, None)

    def run(self, fingerprint: Mapping[str, str], wanted: Callable[[], int], last_begun: Callable[[], None]) -> None:
        """Drive all runs.

        Args:
            fingerprint: of the energy model.
            wanted: tasks that the executor computes at a time.
            last_begun: called once, when no run waits any more.
        """
        said = False
        while True:
            self._fill(fingerprint, wanted())
            if not self._waiting and not said:
                said = True
                last_begun()
            busy = [runner for runner in self._crew if runner.busy]
            if not busy:
                return
            connections = {runner.process.connection: runner for runner in busy}
            for one in wait([self._sender.wake, *connections], GLANCE):
                if one is self._sender.wake:
                    self._sender.events()
                else:
                    self._hear(connections[one])  # type: ignore[index]
            self._bound(busy)

    def close(self) -> None:
        """End the processes."""
        for runner in self._crew:
            runner.process.stop(idle=not runner.busy)

    def _fill(self, fingerprint: Mapping[str, str], wanted: int) -> None:
        idle = [runner for runner in self._crew if not runner.busy]
        while len(self._crew) < self._runners and len(self._waiting) > len(idle):
            idle.append(Runner(self._care.threads))
            self._crew.append(idle[-1])
        for runner in idle:
            if self._waiting:
                index = self._waiting.popleft()
                runner.begin(Begin(self._jobs[index], fingerprint, self._shared, wanted), index)

    def _hear(self, runner: Runner) -> None:
        try:
            message = runner.process.receive()
        except ProcessDiedError as error:
            self._replace(runner, error)
            return
        if runner.since is not None:
            runner.since = time.monotonic()
        match message:
            case Submitted(number, task):
                self._sender.submit_task(task, self._care, partial(runner.came, number))
            case Waiting(number):
                runner.wants(number)
            case Progress():
                self._progressed(runner.index, message)
            case Ended():
                index, runner.index, runner.busy, runner.since = runner.index, None, False, None
                if index is not None:
                    self._ended(index, message)

    def _progressed(self, index: int | None, progress: Progress) -> None:
        if index is None:
            return
        here = (progress.phase != "initial", progress.done)
        if here > self._furthest.get(index, (False, -1)):
            self._lost[index] = 0
            self._furthest[index] = here
        self._on_progress(self._jobs[index], progress)

    def _replace(self, runner: Runner, error: ProcessDiedError) -> None:
        """The run of a process that died goes on in another one."""
        self._remove(runner)
        index = runner.index
        if index is None:
            return
        self._lost[index] += 1
        if self._lost[index] < ATTEMPTS:
            self._waiting.appendleft(index)
        else:
            self._ended(index, Ended(failure=Failure(f"the worker process died ({error}) {TIMES}")))

    def _bound(self, busy: Sequence[Runner]) -> None:
        """Kill processes whose strategy does not answer."""
        for runner in busy:
            if runner.since is None or time.monotonic() - runner.since <= self._care.seconds or not runner.busy:
                continue
            self._remove(runner)
            if runner.index is not None:
                strategy = self._jobs[runner.index].spec.strategy_in_words
                reason = f"{strategy} did not answer within {self._care.seconds:g} s"
                self._ended(runner.index, Ended(failure=Failure(reason)))

    def _remove(self, runner: Runner) -> None:
        runner.busy = False
        runner.process.stop(idle=False)
        self._crew.remove(runner)
