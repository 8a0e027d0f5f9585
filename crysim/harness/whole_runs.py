"""Whole runs as tasks of an executor: a worker drives one and relaxes for it; the run's folder has what comes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from crysim.errors import CrysimError
from crysim.harness.care import ATTEMPTS, TIMES, Care, Failure, carefully
from crysim.harness.journal import JOURNAL
from crysim.harness.lines import unseal
from crysim.harness.loop import Progress, Tally
from crysim.harness.processes import Process, ProcessDiedError
from crysim.harness.records import trial_from_dict
from crysim.harness.runner import Begin, Ended, Job, Submitted, Waiting, serve_runs
from crysim.harness.sending import Sender
from crysim.harness.tasks import Task

GLANCE = 5.0
"""Seconds between looks at the journals."""


def run_whole(
    jobs: Sequence[Job],
    fingerprint: Mapping[str, str],
    sender: Sender,
    care: Care,
    shared: Path | None,
    on_progress: Callable[[Job, Progress], None],
    ended: Callable[[int, Ended], None],
) -> None:
    """Have every run done by a worker; see `crysim.harness.driving.Driving` for the arguments."""
    open_runs = {index: _Journalled(job) for index, job in enumerate(jobs)}

    def done(index: int, end: Ended) -> None:
        del open_runs[index]
        ended(index, end)

    for index, job in enumerate(jobs):
        begin = Begin(_absolute(job), fingerprint, None if shared is None else shared.absolute(), 1)
        sender.submit(
            drive_run,
            (begin, care),
            partial(done, index),
            lambda reason, index=index: done(index, Ended(failure=Failure(reason))),  # type: ignore[misc]
        )
    looked = time.monotonic()
    while open_runs:
        sender.wait(GLANCE)
        if time.monotonic() - looked >= GLANCE:
            looked = time.monotonic()
            for index, journalled in list(open_runs.items()):
                if (progress := journalled.look()) is not None:
                    on_progress(jobs[index], progress)


def _absolute(job: Job) -> Job:
    """Workers have current folders of their own."""
    return Job(job.spec, job.folder.absolute())


class _Journalled:
    """How far a run is, as its journal says."""

    def __init__(self, job: Job) -> None:
        self._path = job.folder / JOURNAL
        self._tally = Tally(job.spec)
        self._read = 0

    def look(self) -> Progress | None:
        """How far it is, if there is anything new."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return None
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        self._read += sum(map(len, lines))
        records = [record for line in lines if (record := unseal(line.decode())) is not None]
        if not records:
            return None
        self._tally.add([trial_from_dict(record, frames=False) for record in records])
        return self._tally.progress("search")


# ------------------------------------------------------------------------------------- in a worker


_thread = threading.local()


def drive_run(begin: Begin, care: Care) -> Ended:
    """Drive a run to its end in a process of this thread's own, and relax for it in another one."""
    reason = ""
    for _ in range(ATTEMPTS):
        process: Process = getattr(_thread, "runner", None) or Process(serve_runs, care.threads)
        _thread.runner = process
        try:
            process.send(begin)
            return _serve(process, care)
        except ProcessDiedError as error:
            reason = f"the worker process died ({error}) {TIMES}"
        except TimeoutError:
            return _lost(f"{begin.job.spec.strategy_in_words} did not answer within {care.seconds:g} s")
        except CrysimError as error:
            return _lost(str(error))
        _lost(reason)
    return Ended(failure=Failure(reason))


def _serve(process: Process, care: Care) -> Ended:
    """Compute what the run wants."""
    tasks: dict[int, Task] = {}
    while True:
        message: Any = process.receive(care.seconds)
        match message:
            case Submitted(number, task):
                tasks[number] = task
            case Waiting(number):
                process.send(carefully(tasks.pop(number), care))
            case Ended():
                return message


def _lost(reason: str) -> Ended:
    _thread.runner.stop(idle=False)
    _thread.runner = None
    return Ended(failure=Failure(reason))
