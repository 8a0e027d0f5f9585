"""How far a bench is, shown while it runs: live on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from crysim.harness.clock import Clock, PlannedRun
from crysim.harness.executors import Job, Outcome
from crysim.harness.loop import Progress
from crysim.symmetry import space_group

INTERVAL = 10.0
"""Seconds between plain lines of one run."""


class Display(Protocol):
    """What `run_jobs` reports to."""

    def show(self, job: Job, progress: Progress) -> None:
        """A run has got on."""

    def ended(self, outcome: Outcome) -> None:
        """A run has ended."""


@contextmanager
def display(jobs: Sequence[Job], console: Console | None, workers: int = 1) -> Iterator[Display]:
    """The display that suits a console, of jobs of which some run at a time; nothing is shown without one."""
    if console is None:
        yield NoDisplay()
    elif console.is_terminal or console.is_jupyter:
        with LiveDisplay(jobs, console, workers) as live:
            yield live
    else:
        yield PlainDisplay(jobs, console, workers)


class NoDisplay:
    """Shows nothing."""

    def show(self, job: Job, progress: Progress) -> None:
        """Pass over it."""

    def ended(self, outcome: Outcome) -> None:
        """Pass over it."""


class PlainDisplay:
    """A line when a run begins and ends, and now and then in between."""

    def __init__(self, jobs: Sequence[Job], console: Console, workers: int) -> None:
        self._console = console
        self._clock = _clock(jobs, workers)
        self._last: dict[str, float] = {}
        self._with_energy: set[str] = set()

    def show(self, job: Job, progress: Progress) -> None:
        """Print a line, unless one was printed just now; a run's first energy is printed at once."""
        label = job.spec.label
        self._clock.update(label, progress)
        now = time.monotonic()
        first_energy = progress.lowest is not None and label not in self._with_energy
        if first_energy or now - self._last.get(label, -INTERVAL) >= INTERVAL:
            self._last[label] = now
            if progress.lowest is not None:
                self._with_energy.add(label)
            self._line(f"{label}: {_text(job, progress)}{self._left()}")

    def ended(self, outcome: Outcome) -> None:
        """Print how it ended."""
        self._clock.ended(outcome.job.spec.label)
        self._line(f"{outcome.job.spec.label}: {_end_text(outcome)}{self._left()}")

    def _left(self) -> str:
        seconds = self._clock.left()
        return (
            "" if seconds is None else f"; all runs: {self._clock.done} of {self._clock.total}, {_time(seconds)} left"
        )

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class LiveDisplay:
    """Bars: one for everything, one for each run under way."""

    def __init__(self, jobs: Sequence[Job], console: Console, workers: int) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            _LeftColumn(),
            console=console,
        )
        self._clock = _clock(jobs, workers)
        self._all = self._bars.add_task(
            f"all {len(jobs)} runs", total=self._clock.total, note="relaxations", left=self._clock.left
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> LiveDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, job: Job, progress: Progress) -> None:
        """Move the run's bar."""
        label = job.spec.label
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(
                label, total=progress.total, note="", left=partial(self._clock.left_of, label)
            )
        note = _initial_note(progress) if progress.phase == "initial" else _best(job, progress)
        self._bars.update(self._tasks[label], completed=progress.done, total=progress.total, note=note)
        self._clock.update(label, progress)
        self._bars.update(self._all, completed=self._clock.done)

    def ended(self, outcome: Outcome) -> None:
        """Take the run's bar away, and say how it ended."""
        label = outcome.job.spec.label
        self._clock.ended(label)
        if label in self._tasks:
            self._bars.remove_task(self._tasks.pop(label))
        self._bars.console.print(f"{label}: {_end_text(outcome)}", highlight=False, markup=False)


class _LeftColumn(ProgressColumn):
    """The time left that a task's field ``left`` tells."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """The text in the column."""
        seconds = task.fields["left"]()
        return Text("" if seconds is None else f"{_time(seconds)} left", style="progress.remaining")


def _clock(jobs: Sequence[Job], workers: int) -> Clock:
    runs = {
        job.spec.label: PlannedRun(f"{job.spec.method} on {job.spec.system.formula}", job.spec.budget) for job in jobs
    }
    return Clock(runs, workers)


def _text(job: Job, progress: Progress) -> str:
    if progress.phase == "initial":
        return f"{progress.done} of {progress.total} {_initial_note(progress)}"
    return f"{progress.done} of {progress.total} relaxations, {_best(job, progress)}"


def _initial_note(progress: Progress) -> str:
    return "initial energies" + ("" if progress.lowest is None else f", lowest so far {progress.lowest:.4f} eV")


def _best(job: Job, progress: Progress) -> str:
    """The lowest energy; per atom, with its space group, where cells of other contents are searched beside it."""
    if progress.lowest is None:
        return "none counts yet"
    if not job.spec.system.sizes_vary:
        return f"best {progress.lowest:.4f} eV"
    group = "" if progress.space_group is None else f", {space_group(progress.space_group).symbol}"
    return f"best {progress.lowest / job.spec.system.num_atoms:.4f} eV/atom{group}"


def _end_text(outcome: Outcome) -> str:
    progress = outcome.progress
    if not outcome.good or progress is None or progress.lowest is None:
        return f"failed: {outcome.failure}"
    return f"done, {_best(outcome.job, progress)}, {progress.counting} of {progress.done} relaxations count"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
