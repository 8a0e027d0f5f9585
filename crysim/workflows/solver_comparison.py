"""Several solvers on the same models: best energy against time.

A solver that tells its history (``info["history"]``: seconds and best energy so far, and more if it likes) is run to
the end. Any other is run anew at increasing time limits, because what it would have returned at an earlier moment
cannot be known otherwise. Each answer is also brought to a minimum under exchanges within the groups: much of the
difference between solvers is whether they have that move.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crysim.analysis.figures import COLOURS, handles_of, legend_below, plain_text, save_figure
from crysim.analysis.tables import Column, Table, Value, lowest_cells
from crysim.errors import CrysimError, InputError
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import QuadraticModel
from crysim.quadratic.bounds import lower_bound
from crysim.quadratic.penalties import descend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 10**0.5
"""Ratio of one time limit to the one before."""
_LEAST = 0.03
"""Seconds of the shortest run."""
_WANTED = 10
_FLOOR = 1e-3
"""Per cent of the way at which the figure ends."""


@dataclass(frozen=True)
class Point:
    """The best energy that a solver had after so many seconds."""

    seconds: float
    energy: float


@dataclass
class Entry:
    """One solver on one model.

    Attributes:
        points: in the order of time.
        polished: the best energy after exchanges within the groups; None if there is no answer.
        optimal: proven so.
        info: of the longest run.
        reason: why there is no answer, or none at the last time limit; empty otherwise.
    """

    model: str
    num_bits: int
    solver: str
    lower_bound: float | None
    random_mean: float
    points: list[Point] = field(default_factory=list)
    polished: float | None = None
    optimal: bool = False
    info: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def best(self) -> float | None:
        """The lowest energy."""
        return min((point.energy for point in self.points), default=None)

    @property
    def seconds_to_best(self) -> float | None:
        """Seconds after which the best energy was there, to rounding."""
        best = self.best
        if best is None:
            return None
        return min(point.seconds for point in self.points if point.energy <= best + 1e-9 * (1.0 + abs(best)))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "best": self.best, "seconds_to_best": self.seconds_to_best}


def time_limits(longest: float) -> list[float]:
    """Time limits up to the longest, each √10 times the one before; the shortest is at least 0.03 s."""
    limits = [longest]
    while limits[-1] / _STEP >= _LEAST:
        limits.append(limits[-1] / _STEP)
    return limits[::-1]


def compare(
    models: Sequence[tuple[str, QuadraticModel]],
    solvers: Sequence[tuple[str, IsingSolver]],
    longest: float,
    seed: int = 0,
    done: Callable[[list[Entry]], None] | None = None,
) -> list[Entry]:
    """Run every solver on every model, one after the other in this process.

    Args:
        models, solvers: with the names that they are shown by.
        longest: the last time limit, seconds.
        seed: of every run.
        done: called with all entries so far after each solver's runs on a model.
    """
    entries: list[Entry] = []
    for model_name, model in models:
        bound = lower_bound(model)
        mean = float(model.energies(model.random_bits(1000, np.random.default_rng(0))).mean())
        for name, solver in solvers:
            entry = Entry(model_name, model.num_bits, name, None if bound is None else bound.value, mean)
            entries.append(entry)
            try:
                _run(solver, model, longest, seed, entry)
            except CrysimError as error:
                entry.reason = str(error)
            _share_bound([one for one in entries if one.model == model_name])
            if done is not None:
                done(entries)
    return entries


def _run(solver: IsingSolver, model: QuadraticModel, longest: float, seed: int, entry: Entry) -> None:
    reason = solver.refuses(model)
    if reason:
        raise InputError(reason)
    if not solver.remote:
        _warm_up(solver)
    seconds, tells = 0.0, False
    for limit in [longest] if solver.remote else time_limits(longest):
        if limit < longest and (tells or limit < seconds):  # nothing to learn, or the run before took longer
            continue
        begin = time.perf_counter()
        samples = solver.solve(model, num_samples=_WANTED, time_limit=limit, seed=seed)
        seconds = time.perf_counter() - begin
        if not len(samples.energies):
            entry.reason = f"nothing feasible within {limit:g} s"
            continue
        _note(entry, model, samples, seconds)
        tells = "history" in samples.info
        if samples.optimal or seconds < 0.5 * limit:  # it ended by itself: more time changes nothing
            return


def _note(entry: Entry, model: QuadraticModel, samples: SampleSet, seconds: float) -> None:
    entry.reason = ""
    history = samples.info.get("history")
    if history:
        entry.points = [Point(float(line[0]), float(line[1])) for line in history]
    entry.points.append(Point(seconds, float(samples.energies[0])))
    polished = model.energies(np.array([descend(model, x) for x in samples.bits])).min()
    entry.polished = min(float(polished), np.inf if entry.polished is None else entry.polished)
    entry.optimal = entry.optimal or bool(samples.optimal)
    entry.info = {key: value for key, value in samples.info.items() if key != "history"}
    if samples.lower_bound is not None:
        entry.lower_bound = max(float(samples.lower_bound), -np.inf if entry.lower_bound is None else entry.lower_bound)


def _share_bound(entries: Sequence[Entry]) -> None:
    """What one solver proves of a model holds for all."""
    bound = max((entry.lower_bound for entry in entries if entry.lower_bound is not None), default=None)
    for entry in entries:
        entry.lower_bound = bound


def _warm_up(solver: IsingSolver) -> None:
    """Solve a tiny model: imports and compilation are not the solver's work."""
    rng = np.random.default_rng(0)
    tiny = QuadraticModel(rng.normal(size=4), factors=rng.normal(size=(4, 2)))
    if solver.refuses(tiny) is None:
        solver.solve(tiny, time_limit=0.01)


def comparison_table(entries: Sequence[Entry], longest: float) -> Table:
    """The table that `crysim compare-solvers` prints."""
    rows: list[dict[str, Value]] = []
    notes = ["gap: above the lower bound, in per cent of the distance to the mean of random feasible vectors"]
    for entry in entries:
        row: dict[str, Value] = {"model": entry.model, "num_bits": entry.num_bits, "solver": entry.solver}
        best = entry.best
        if best is not None:
            row |= {"best": best, "polished": entry.polished, "seconds_to_best": entry.seconds_to_best}
            if entry.lower_bound is not None and entry.random_mean > best:
                row["gap_percent"] = max(0.0, 100 * (best - entry.lower_bound) / (entry.random_mean - best))
            row["repaired"] = entry.info.get("repaired")
        row["note"] = "no answer" if best is None else "proven optimal" if entry.optimal else None
        if entry.reason:
            notes.append(f"{entry.solver} on {entry.model}: {entry.reason}")
        rows.append(row)
    columns = (
        Column("model", "model"),
        Column("num_bits", "bits", ","),
        Column("solver", "solver"),
        Column("best", "best energy", ".5f"),
        Column("polished", "after exchanges", ".5f"),
        Column("gap_percent", "gap %", ".3f"),
        Column("seconds_to_best", "seconds to best", ".3g"),
        Column("repaired", "repaired"),
        Column("note", "note"),
    )
    best_cells = lowest_cells(rows, "best", "model", 5) | lowest_cells(rows, "polished", "model", 5)
    return Table(f"Solvers, {longest:g} s each", columns, tuple(rows), tuple(notes), frozenset(best_cells))


def comparison_figure(entries: Sequence[Entry], path: Path) -> None:
    """Draw the best energy so far against time, one panel per model."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(entry.model for entry in entries))
    names = list(dict.fromkeys(entry.solver for entry in entries))
    columns = max(1, min(3, len(models)))
    rows = max(1, -(-len(models) // columns))
    figure = Figure(figsize=(5.0 * columns, 3.8 * rows + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axis, model in zip(axes, models, strict=False):
        _panel(axis, [entry for entry in entries if entry.model == model], names)
    for axis in axes[len(models) :]:
        axis.set_visible(False)
    legend_below(figure, handles_of(axes), columns=4)
    save_figure(figure, path)


def _panel(axis: Axes, entries: Sequence[Entry], names: Sequence[str]) -> None:
    """One model's curves, logarithmic in both: what is left of the way from random vectors to the lower bound."""
    from matplotlib.ticker import NullFormatter

    bounds = [entry.lower_bound for entry in entries if entry.lower_bound is not None]
    lowest = [entry.best for entry in entries if entry.best is not None]
    target = max(bounds) if bounds else min(lowest, default=0.0)
    height = max(entries[0].random_mean - target, 1e-12)
    for entry in entries:
        points = sorted(entry.points, key=lambda point: point.seconds)
        if not points:
            continue
        best = np.minimum.accumulate([point.energy for point in points])
        left = np.maximum(100 * (best - target) / height, _FLOOR)
        colour = COLOURS[names.index(entry.solver) % len(COLOURS)]
        seconds = [point.seconds for point in points]
        axis.step(seconds, left, where="post", marker="o", markersize=3.5, color=colour, label=plain_text(entry.solver))
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("seconds")
    axis.set_ylabel("above the lower bound / %" if bounds else "above the lowest seen / %")
    axis.set_title(f"{plain_text(entries[0].model)}: {entries[0].num_bits:,} bits", fontsize="medium")
