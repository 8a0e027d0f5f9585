"""How far a bench is, shown while it runs: live on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from crysim.harness.executors import Job, Outcome
from crysim.harness.loop import Progress

INTERVAL = 10.0
"""Seconds between plain lines of one run."""


class Display(Protocol):
    """What `run_jobs` reports to."""

    def report(self, job: Job, progress: Progress) -> None:
        """A run has got on."""

    def ended(self, outcome: Outcome) -> None:
        """A run has ended."""


@contextmanager
def display(jobs: Sequence[Job], console: Console | None) -> Iterator[Display]:
    """The display that suits a console; nothing is shown without one."""
    if console is None:
        yield NoDisplay()
    elif console.is_terminal or console.is_jupyter:
        with LiveDisplay(jobs, console) as live:
            yield live
    else:
        yield PlainDisplay(jobs, console)


class NoDisplay:
    """Shows nothing."""

    def report(self, job: Job, progress: Progress) -> None:
        """Pass over it."""

    def ended(self, outcome: Outcome) -> None:
        """Pass over it."""


class PlainDisplay:
    """A line when a run begins and ends, and now and then in between."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._console = console
        self._clock = Clock(sum(job.spec.budget for job in jobs))
        self._last: dict[str, float] = {}

    def report(self, job: Job, progress: Progress) -> None:
        """Print a line, unless one was printed just now."""
        label = job.spec.label
        self._clock.update(label, progress)
        now = time.monotonic()
        if now - self._last.get(label, -INTERVAL) >= INTERVAL:
            self._last[label] = now
            self._line(f"{label}: {_text(progress)}{self._left()}")

    def ended(self, outcome: Outcome) -> None:
        """Print how it ended."""
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

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._clock = Clock(sum(job.spec.budget for job in jobs))
        self._all = self._bars.add_task(f"all {len(jobs)} runs", total=self._clock.total, note="relaxations")
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> LiveDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def report(self, job: Job, progress: Progress) -> None:
        """Move the run's bar."""
        label = job.spec.label
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(label, total=progress.total, note="")
        note = "initial energies" if progress.phase == "initial" else _lowest(progress)
        self._bars.update(self._tasks[label], completed=progress.done, total=progress.total, note=note)
        self._clock.update(label, progress)
        self._bars.update(self._all, completed=self._clock.done)

    def ended(self, outcome: Outcome) -> None:
        """Take the run's bar away, and say how it ended."""
        label = outcome.job.spec.label
        if label in self._tasks:
            self._bars.remove_task(self._tasks.pop(label))
        self._bars.console.print(f"{label}: {_end_text(outcome)}", highlight=False, markup=False)


class Clock:
    """Relaxations done by all runs, and the time that those left will take at the rate so far."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._start = time.monotonic()
        self._runs: dict[str, int] = {}
        self._before: dict[str, int] = {}

    @property
    def done(self) -> int:
        """Relaxations done, those of earlier sittings included."""
        return sum(self._runs.values())

    def update(self, label: str, progress: Progress) -> None:
        """Take note of a run's progress."""
        if progress.phase != "initial":
            self._before.setdefault(label, progress.done)
            self._runs[label] = progress.done

    def left(self) -> float | None:
        """Seconds, or None if nothing can be said yet."""
        fresh = self.done - sum(self._before.values())
        if fresh <= 0:
            return None
        return (time.monotonic() - self._start) * (self.total - self.done) / fresh


def _text(progress: Progress) -> str:
    what = "initial energies" if progress.phase == "initial" else "relaxations"
    note = "" if progress.phase == "initial" else f", {_lowest(progress)}"
    return f"{progress.done} of {progress.total} {what}{note}"


def _lowest(progress: Progress) -> str:
    return "none counts yet" if progress.lowest is None else f"best {progress.lowest:.4f} eV"


def _end_text(outcome: Outcome) -> str:
    progress = outcome.progress
    if not outcome.good or progress is None or progress.lowest is None:
        return f"failed: {outcome.failure}"
    return f"done, best {progress.lowest:.4f} eV, {progress.counting} of {progress.done} relaxations count"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
