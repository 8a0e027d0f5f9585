"""How far the runs of a folder are, seen from another terminal: nothing is written, nothing waits."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crysim.analysis.tables import Column, Table
from crysim.errors import InputError
from crysim.harness.columns import columns_of
from crysim.harness.journal import RunRecord, find_runs, read_run
from crysim.harness.loop import SAME
from crysim.harness.plan import Planned, read_plan
from crysim.harness.run_folder import LOCK, is_locked
from crysim.symmetry.groups import space_group

_HELD = {True: "running", False: "stopped", None: "open"}
RECENT = 30
"""Trials whose pace tells how long the rest takes."""


@dataclass(frozen=True)
class RunStatus:
    """How far a run is.

    Attributes:
        folder, system, method, seed: of the run.
        state: ``running``, ``done``, ``waiting`` (planned, not begun), ``stopped`` (begun, and nobody is at it), or
            ``open`` where the file system does not tell who is at it.
        trials, budget: relaxations done and granted.
        counting: of them those that count.
        lowest: eV per atom, or None.
        symbol: of the space group of that crystal.
        seconds_left: of the run itself, by its last trials, or those of other runs; None while nothing can be said.
    """

    folder: str
    system: str
    method: str
    seed: int
    state: str
    trials: int
    budget: int
    counting: int = 0
    lowest: float | None = None
    symbol: str | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class Status:
    """How far the runs of a folder are.

    Attributes:
        folder: of the results.
        runs: each.
        workers: of the last command.
        seconds_left: until all have ended, if those that wait or stopped are done by so many workers; or None.
        damaged: runs that cannot be read, and why, one line each.
    """

    folder: Path
    runs: tuple[RunStatus, ...]
    workers: int
    seconds_left: float | None
    damaged: tuple[str, ...] = ()

    def count(self, state: str) -> int:
        """Runs in a state."""
        return sum(run.state == state for run in self.runs)

    @property
    def best(self) -> RunStatus | None:
        """The run with the lowest energy per atom."""
        return min((run for run in self.runs if run.lowest is not None), key=_lowest, default=None)

    @property
    def table(self) -> Table:
        """One row for each run."""
        columns = (
            Column("system", "system", formula=True),
            Column("method", "method"),
            Column("seed", "seed"),
            Column("state", "state"),
            Column("trials", "trials"),
            Column("budget", "of"),
            Column("counting", "count"),
            Column("lowest", "lowest (eV/atom)", ".4f"),
            Column("symbol", "group"),
            Column("seconds_left", "s left", ".0f"),
        )
        return Table(str(self), columns, tuple(asdict(run) for run in self.runs))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "folder": str(self.folder)}

    def __str__(self) -> str:
        states = [
            f"{n} {state}" for state in ("running", "open", "waiting", "stopped", "done") if (n := self.count(state))
        ]
        states += [f"{len(self.damaged)} damaged"] if self.damaged else []
        done = sum(run.trials for run in self.runs)
        text = f"{self.folder}: {', '.join(states)}; {done} of {sum(run.budget for run in self.runs)} relaxations"
        best = self.best
        if best is not None and best.lowest is not None:
            text += f"; best {best.lowest:.4f} eV/atom, {best.symbol} ({best.method} on {best.system})"
        if self.seconds_left:
            text += f"; about {_time(self.seconds_left)} left"
        return text


def status(folder: str | Path) -> Status:
    """How far the runs of a folder are, those included that the last command has planned and not begun.

    Raises:
        InputError: there is neither a run nor a plan.
    """
    out = Path(folder)
    planned, workers = read_plan(out)
    begun = find_runs(out) if out.is_dir() else []
    if not begun and not planned:
        raise InputError(f"{folder} holds no run: give the folder that crysim bench or crysim search writes to")
    budgets = {one.folder.resolve(): one.budget for one in planned}
    runs: list[RunStatus] = []
    damaged: list[str] = []
    paces: list[float] = []
    for place in begun:
        try:
            record = read_run(place)
            pace = _pace(record)
            runs.append(_of_run(record, max(record.budget, budgets.get(place.resolve(), 0)), pace))
            paces += [] if pace is None else [pace]
        except InputError as error:
            damaged.append(str(error))
    known = {place.resolve() for place in begun}
    runs += [_waiting(one) for one in planned if one.folder.resolve() not in known]
    pace = float(np.median(paces)) if paces else None
    runs = [_with_time(run, pace) for run in runs]
    return Status(out, tuple(runs), workers, _all_left(runs, workers), tuple(damaged))


def _of_run(record: RunRecord, budget: int, pace: float | None) -> RunStatus:
    columns = columns_of(record.trials)
    counting = np.flatnonzero(columns.counted)
    lowest, symbol = None, None
    if len(counting):
        per_atom = columns.energies[counting] / columns.rows["atoms"][counting]
        lowest = float(per_atom.min())
        best = int(np.flatnonzero(per_atom < lowest + SAME)[0])  # the first of its copies, as the run's progress has it
        symbol = space_group(int(columns.rows["space_group"][counting[best]])).symbol
    left = 0 if record.ended else budget - len(columns)
    state = "done" if left <= 0 else _HELD[is_locked(record.path / LOCK)]
    seconds = 0.0 if left <= 0 else None if pace is None else left * pace
    about = str(record.path), record.system, record.method, record.seed, state
    return RunStatus(*about, len(columns), budget, len(counting), lowest, symbol, seconds)


def _waiting(one: Planned) -> RunStatus:
    return RunStatus(str(one.folder), one.system, one.method, one.seed, "waiting", 0, one.budget)


def _pace(record: RunRecord) -> float | None:
    """Seconds of a trial, the strategy's included: the mean of the last ones."""
    seconds = columns_of(record.trials).all_seconds[-RECENT:]
    return float(seconds.mean()) if len(seconds) else None


def _with_time(run: RunStatus, pace: float | None) -> RunStatus:
    if run.seconds_left is not None or pace is None:
        return run
    return RunStatus(**{**asdict(run), "seconds_left": pace * (run.budget - run.trials)})


def _all_left(runs: Sequence[RunStatus], workers: int) -> float | None:
    """Seconds until all have ended; those that wait or were stopped begin as workers become free."""
    if any(run.seconds_left is None for run in runs):
        return None
    ends = [run.seconds_left or 0.0 for run in runs if run.state == "running"]
    ends += [0.0] * (workers - len(ends))
    heapq.heapify(ends)
    for run in runs:
        if run.state in ("waiting", "stopped", "open"):
            heapq.heapreplace(ends, ends[0] + (run.seconds_left or 0.0))
    return max(ends)


def _lowest(run: RunStatus) -> float:
    return float("inf") if run.lowest is None else run.lowest


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
