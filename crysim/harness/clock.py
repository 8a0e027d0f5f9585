"""How long the runs of a bench will still take.

Every phase of a run (initial energies, relaxations) has a pace of its own, measured between its reports. The first
step of each is left out: it compiles and loads what the later ones find ready. What a run has not shown yet it takes
from the others of its kind, or from all. The runs that wait are then put on whatever worker is free first.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from crysim.harness.loop import Progress


@dataclass
class Pace:
    """Steps of one phase of one run, and the seconds that they took; the first report's and the first step's apart."""

    done: int = 0
    total: int = 0
    since: float | None = None
    before: int = 0
    first: tuple[int, float] | None = None
    steps: int = 0
    seconds: float = 0.0

    def advance(self, done: int, total: int, now: float) -> None:
        """Take note of how far the phase is."""
        self.total = total
        if self.since is None:
            self.before = done
        elif done <= self.done:
            return
        elif self.first is None:
            self.first = (done - self.done, now - self.since)
        else:
            self.steps += done - self.done
            self.seconds += now - self.since
        self.done, self.since = done, now

    def left(self, seconds_per_step: float, now: float) -> float:
        """Seconds until it is done."""
        waited = 0.0 if self.since is None else now - self.since
        return max(0.0, (self.total - self.done) * seconds_per_step - waited)


@dataclass
class PlannedRun:
    """A run as the clock sees it.

    Attributes:
        kind: runs of one kind take alike: those of a method on a system.
        total: relaxations.
    """

    kind: str
    total: int
    begun: bool = False
    ended: bool = False
    initial: Pace = field(default_factory=Pace)
    search: Pace = field(default_factory=Pace)


class Clock:
    """Relaxations done by all runs, and the time that those left will take.

    Args:
        runs: by label, in the order in which workers take them.
        workers: runs at a time.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, runs: dict[str, PlannedRun], workers: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self.total = sum(run.total for run in runs.values())
        self._runs = runs
        self._workers = workers
        self._now = now

    @property
    def done(self) -> int:
        """Relaxations done, those of earlier sittings included."""
        return sum(run.search.done for run in self._runs.values())

    def update(self, label: str, progress: Progress) -> None:
        """Take note of a run's progress."""
        run = self._runs[label]
        run.begun = True
        pace = run.initial if progress.phase == "initial" else run.search
        pace.advance(progress.done, progress.total, self._now())

    def ended(self, label: str) -> None:
        """A run has ended, whether or not it did all its relaxations."""
        self._runs[label].begun = self._runs[label].ended = True

    def left(self) -> float | None:
        """Seconds until all runs have ended, or None while nothing can be said."""
        now = self._now()
        ends: list[float] = []
        waiting: list[float] = []
        for run in self._runs.values():
            if run.ended:
                continue
            seconds = self._of_run(run, now)
            if seconds is None:
                return None
            (ends if run.begun else waiting).append(seconds)
        ends += [0.0] * (self._workers - len(ends))
        heapq.heapify(ends)
        for seconds in waiting:
            heapq.heapreplace(ends, ends[0] + seconds)
        return max(ends)

    def left_of(self, label: str) -> float | None:
        """Seconds until a run has ended, from when it begins; or None while nothing can be said."""
        run = self._runs[label]
        return 0.0 if run.ended else self._of_run(run, self._now())

    def _of_run(self, run: PlannedRun, now: float) -> float | None:
        if run.search.since is not None:
            pace = self._search_pace(run)
            return None if pace is None else run.search.left(pace, now)
        pace = self._search_pace(run)
        if pace is None:
            return None
        return self._initial_left(run, now) + run.total * pace

    def _search_pace(self, run: PlannedRun) -> float | None:
        """Seconds per relaxation."""
        alike = [other.search for other in self._runs.values() if other.kind == run.kind]
        everyone = [other.search for other in self._runs.values()]
        for paces in ([run.search], alike, everyone):
            seconds = _mean(paces)
            if seconds is not None:
                return seconds
        return self._pace_of_first_steps(everyone)

    def _pace_of_first_steps(self, paces: Iterable[Pace]) -> float | None:
        """Where runs consist of one step: the quickest, once some worker must have taken its second run."""
        first = sorted(pace.first[1] / pace.first[0] for pace in paces if pace.first is not None)
        return first[0] if len(first) > self._workers else None

    def _initial_left(self, run: PlannedRun, now: float) -> float:
        """Seconds of initial energies; as far as can be said: nothing where no run of the kind has computed any."""
        alike = [other.initial for other in self._runs.values() if other.kind == run.kind and other.begun]
        seconds = _mean([run.initial])
        if seconds is None:
            seconds = _mean(alike)
        if seconds is None:
            return 0.0
        if run.initial.since is not None:
            return run.initial.left(seconds, now)
        # Runs of one system and seed share them: count how many each run of the kind had to compute.
        computed = sum(pace.done - pace.before for pace in alike)
        return seconds * computed / len(alike)


def _mean(paces: Iterable[Pace]) -> float | None:
    steps, seconds = 0, 0.0
    for pace in paces:
        steps += pace.steps
        seconds += pace.seconds
    return seconds / steps if steps else None
