"""Runs and tasks on an executor: this machine's cores, or what a plug-in of kind ``executor`` reaches.

Where there are fewer runs than the executor wants tasks, or it computes on this machine alone, each run is driven by a
process here (`crysim.harness.runner`) and its batches are the tasks, so that all share all workers. Else whole runs
are the tasks: each worker drives one, and relaxes for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor as FuturesExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from crysim.crystal.bonding import DEFAULT_CUTOFF
from crysim.crystal.crystal import one_atom
from crysim.crystal.validity import find_fault
from crysim.harness import forks
from crysim.harness.care import Care, Failure, Once
from crysim.harness.compiling import compiling
from crysim.harness.driving import Driving
from crysim.harness.loop import Progress
from crysim.harness.manifest import make_manifest
from crysim.harness.placement import Placement
from crysim.harness.run_folder import check_manifest, check_writable
from crysim.harness.runner import Ended, Job, WarmUp
from crysim.harness.sending import Sender
from crysim.harness.spec import PartSpec, check_elements
from crysim.harness.whole_runs import run_whole
from crysim.interfaces import EnergyModel, Executor
from crysim.process_state import garbage_kept

__all__ = ["Job", "ModelTask", "Outcome", "run_jobs", "run_tasks"]

ModelTask = Callable[[EnergyModel], object]
REFERENCES = 10
"""Relaxations' time that the task beside the runs, the references, may take."""


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


def run_tasks(
    energy: PartSpec,
    tasks: Sequence[ModelTask],
    placement: Placement,
    *,
    threads: int,
    ended: Callable[[int, object, str], None],
) -> None:
    """Call tasks with an energy model; one whose process dies is done again, three times in all.

    Args:
        energy: the model, built once in each process.
        tasks: that can be pickled, as their results.
        placement: where they are computed.
        threads: of each process.
        ended: called as tasks end, in any order: with the task's index, its result, and the error in its place.
    """
    care = Care(energy, threads, placement.task_timeout)
    left = [len(tasks)]

    def done(index: int, result: object) -> None:
        left[0] -= 1
        failed = isinstance(result, Failure)
        ended(index, None if failed else result, result.error if isinstance(result, Failure) else "")

    with _started(placement, energy) as (sender, _):
        for index, task in enumerate(tasks):
            sender.submit_task(Once(task), care, partial(done, index))
        while left[0]:
            sender.wait()


def run_jobs(
    jobs: Sequence[Job],
    placement: Placement,
    *,
    shared: Path | None = None,
    beside: ModelTask | None = None,
    beside_failed: Callable[[str], None] | None = None,
    on_progress: Callable[[Job, Progress], None] | None = None,
    ended: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run jobs on an executor.

    The energy model and every folder are checked before the first run begins. An interrupt stops the workers at
    once; the journals hold every trial that was told.

    Args:
        jobs: all with the same energy model and number of threads.
        placement: where relaxations, or whole runs, are computed.
        shared: a folder in which runs share the energies of initial crystals.
        beside: called with the energy model in a worker when no run is waiting any more; it can be pickled.
        beside_failed: called with the reason if that failed; the runs go on.
        on_progress: called with every progress of a run.
        ended: called when a run ends.

    Returns:
        The outcomes in the order of the jobs.

    Raises:
        InputError: the energy model cannot be built or does not know an element, a folder cannot be written or holds
            another run, or the executor cannot be had.
    """
    for job in jobs:
        check_writable(job.folder)
    outcomes: dict[int, Outcome] = {}
    last: dict[int, Progress] = {}
    places = {job.folder: index for index, job in enumerate(jobs)}

    def progressed(job: Job, progress: Progress) -> None:
        last[places[job.folder]] = progress
        if on_progress is not None:
            on_progress(job, progress)

    def one_ended(index: int, end: Ended) -> None:
        failure = end.failure or Failure("")
        progress = end.progress or last.get(index)
        outcomes[index] = Outcome(jobs[index], progress, failure.error, failure.bad_input)
        if ended is not None:
            ended(outcomes[index])

    care = Care(jobs[0].spec.energy, jobs[0].spec.threads, placement.task_timeout)
    with _started(placement, care.energy) as (sender, plugin):
        work = _Beside(sender, care, beside, beside_failed)
        if plugin.local or len(jobs) < plugin.tasks:
            runners = min(placement.workers, len(jobs)) if plugin.local else len(jobs)
            with (
                closing(Driving(jobs, runners, sender, care, shared, progressed, one_ended)) as driving,
                compiling(care.energy, wanted=plugin.local) as fresh,
            ):
                # A fresh installation compiles for longer than anything else before its first energy: what strategies
                # need in their processes, what energies need, and what looks at crystals then, all at once.
                if plugin.local:
                    driving.warm_up(WarmUp(comparing=not fresh))
                first = 1 if fresh else _first_wanted(jobs[:runners], plugin)
                fingerprint = _prepare(jobs, sender, care, first, warm=plugin.local, fresh=fresh)
                driving.run(fingerprint, lambda: plugin.tasks, work.begin)
        else:
            fingerprint = _prepare(jobs, sender, care)
            work.begin()
            run_whole(jobs, fingerprint, sender, care, shared, progressed, one_ended)
        work.wait()
    return [outcomes[index] for index in range(len(jobs))]


@contextmanager
def _started(placement: Placement, energy: PartSpec) -> Iterator[tuple[Sender, Executor]]:
    """An executor's client, and the plug-in; whatever is under way at the end is ended."""
    forks.begin_server(energy.name)
    plugin = placement.build()
    engine: FuturesExecutor = plugin.start(placement.workers)
    sender = Sender(placement.executor.name, engine)
    try:
        yield sender, plugin
    finally:
        sender.close()
        engine.shutdown(wait=True, cancel_futures=True)


def _first_wanted(jobs: Sequence[Job], plugin: Executor) -> int:
    """Workers that have something to do once the first runs have asked, where they are this machine's; else one."""
    return min(plugin.tasks, sum(job.spec.batches_ahead for job in jobs)) if plugin.local else 1


def _prepare(
    jobs: Sequence[Job], sender: Sender, care: Care, workers: int = 1, *, warm: bool = False, fresh: bool = False
) -> Mapping[str, str]:
    """Have the energy model built in as many workers at once, and check the jobs against it; its fingerprint.

    What it imports takes longer than many a relaxation, so none is to begin with it when its first batch comes. With
    ``warm`` what every task needs is loaded too, or where it is ``fresh``, compiled, and no other task begins before.
    """
    results: list[Any] = []
    for _ in range(workers):  # each is idle, or not begun yet, and takes one
        sender.submit_task(Once(_describe), care, results.append)
    warm_up = Once(partial(_warm_up, bound=jobs[0].spec.require_bound))
    if warm and not fresh:
        for _ in range(2):
            sender.submit_task(warm_up, care, lambda _: None)
    while not results:
        sender.wait()
    if fresh:
        sender.submit_first(warm_up, care)
    if isinstance(results[0], Failure):
        raise results[0].to_error()
    fingerprint, elements = results[0]
    for job in jobs:
        check_elements(care.energy.name, elements, job.spec.system)
        check_manifest(job.folder, make_manifest(job.spec, fingerprint))
    return dict(fingerprint)


class _Beside:
    """A task beside the runs."""

    def __init__(
        self, sender: Sender, care: Care, task: ModelTask | None, failed: Callable[[str], None] | None
    ) -> None:
        self._sender = sender
        self._care = replace(care, seconds=REFERENCES * care.seconds)
        self._task = task
        self._failed = failed
        self._open = False

    def begin(self) -> None:
        if self._task is not None:
            self._open = True
            self._sender.submit_task(Once(self._task), self._care, self._done)

    def _done(self, result: object) -> None:
        self._open = False
        if isinstance(result, Failure) and self._failed is not None:
            self._failed(result.error)

    def wait(self) -> None:
        while self._open:
            self._sender.wait()


def _describe(model: EnergyModel) -> tuple[dict[str, str], frozenset[str] | None]:
    with garbage_kept():
        return dict(model.fingerprint()), model.elements


def _warm_up(model: EnergyModel, bound: bool) -> None:
    """Have compiled what every task needs, while the strategies make their first crystals."""
    with garbage_kept():
        model.warm_up()
        crystal = one_atom()
        crystal.min_distance()
        if bound:
            find_fault(crystal, DEFAULT_CUTOFF)
