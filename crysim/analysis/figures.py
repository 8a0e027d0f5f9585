"""Figures: the accumulated lowest energy with its bands (figure 4 of the paper), and where the time goes.

Drawn without a display and without matplotlib's global state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crysim.analysis.currencies import LABELS, Currency, lowest_curves, spent_after
from crysim.arrays import Floats
from crysim.harness.columns import columns_of
from crysim.process_state import warnings_ignored
from crysim.written_files import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crysim.analysis.comparison import Comparison
    from crysim.harness.journal import RunRecord


COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31", "#7F3C8D", "#999999")
"""Okabe and Ito's colours, told apart by the colour-blind, then some more."""
LINES = ("-", "-.", ":", (0, (5, 1)))
LEAST_SPAN = 0.02
"""Of the lowest energy: a panel shows at least so much above it, so that noise of relaxations does not fill it."""


def formula_text(formula: str) -> str:
    """A formula with lowered numbers, as matplotlib's mathtext."""
    return re.sub(r"(\d+)", r"$_{\1}$", formula)


def plain_text(text: str) -> str:
    """A name from data (a label, a phase, a file) as it is: matplotlib reads what stands between dollars as mathtext.

    A name that begins with a line below is left out of legends, unless something that is not seen stands before it.
    """
    shown = text.replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown


def accumulated_figure(comparison: Comparison, *, columns: int = 3, currency: Currency = "relaxations") -> Figure:
    """Accumulated lowest energy against what was spent, one panel per system (figure 4 with relaxations).

    A curve is the mean over seeds, its band covers the lowest and the highest; the reference's energy is dashed.
    """
    systems = comparison.systems
    columns = max(1, min(columns, len(systems)))
    rows = max(1, -(-len(systems) // columns))
    figure = new_figure((5.0 * columns, 3.8 * rows + 0.4))
    axes: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axis, system in zip(axes, systems, strict=False):
        _accumulated_panel(axis, comparison, system, currency)
    for axis in axes[len(systems) :]:
        axis.set_visible(False)
    legend_below(figure, handles_of(axes[: len(systems)]))
    return figure


def search_figure(records: Sequence[RunRecord], *, currency: Currency = "relaxations") -> Figure:
    """The lowest energy per atom so far of each run of a search, against what the run spent, in one panel.

    Cells of different contents can be compared by nothing but energies per atom.
    """
    figure = new_figure((7.0, 4.2))
    axis: Axes = figure.subplots()
    systems = list(dict.fromkeys(record.system for record in records))
    methods = list(dict.fromkeys(record.method for record in records))
    means: list[float] = []
    for record in records:
        columns = columns_of(record.trials)
        per_atom = columns.energies / np.maximum(1, columns.rows["atoms"])
        curve = np.fmin.accumulate(np.where(columns.counted, per_atom, np.nan))
        axis.plot(
            spent_after(record, currency),
            curve,
            color=COLOURS[systems.index(record.system) % len(COLOURS)],
            linestyle=LINES[methods.index(record.method) % len(LINES)],
            marker="o" if len(curve) == 1 else None,  # a line through one point is not seen
            linewidth=1.6,
            label=f"{formula_text(record.system.removesuffix('-primitive'))}, {plain_text(record.method)}",
        )
        means += curve[np.isfinite(curve)].tolist()
    if means:
        bottom = min(means)
        top = max(sorted(means)[-(-9 * len(means) // 10) - 1], bottom + LEAST_SPAN * abs(bottom))
        axis.set_ylim(bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom))
    axis.set_xlim(left=0)
    axis.set_xlabel(f"{LABELS[currency]} of the run")
    axis.set_ylabel("lowest energy so far (eV per atom)")
    axis.ticklabel_format(axis="y", useOffset=False)
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize="small")
    return figure


def _accumulated_panel(axis: Axes, comparison: Comparison, system: str, currency: Currency) -> None:
    tails: list[float] = []
    means: list[float] = []
    for index, method in enumerate(comparison.methods):
        pairs = comparison.of(system, method)
        if not pairs:
            continue
        x, curves = lowest_curves([run for run, _ in pairs], currency)
        mean, low, high = band(curves)
        colour = COLOURS[index % len(COLOURS)]
        line = LINES[index // len(COLOURS) % len(LINES)]
        marker = "o" if np.isfinite(mean).sum() == 1 else None  # a line through one point is not seen
        axis.plot(x, mean, color=colour, linestyle=line, linewidth=1.6, marker=marker, label=plain_text(method))
        axis.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        means += mean[np.isfinite(mean)].tolist()
        tails += low[np.isfinite(low)][-1:].tolist()
    # first energies tower over what matters: a tenth of the values may lie above the picture
    tails += sorted(means)[: -(-9 * len(means) // 10)]
    reference = comparison.references.get(system)
    if reference is not None and reference.energy is not None:
        axis.axhline(reference.energy, color="0.25", linestyle="--", linewidth=1.0, label="reference")
        tails.append(reference.energy)
    if tails:
        bottom = min(tails)
        top = max(*tails, bottom + LEAST_SPAN * abs(bottom))
        margin = 0.05 * (top - bottom) or 0.05
        axis.set_ylim(bottom - margin, top + margin)
    axis.set_xlim(left=0)
    axis.set_title(formula_text(system))
    axis.set_xlabel(LABELS[currency])
    axis.set_ylabel("accumulated lowest energy (eV per cell)")
    axis.ticklabel_format(axis="y", useOffset=False)
    axis.grid(alpha=0.25, linewidth=0.5)


def band(curves: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, lowest and highest over seeds of ``[seeds, n]`` curves, each ``[n]``; NaN until every seed has a value."""
    with warnings_ignored(RuntimeWarning):
        return curves.mean(axis=0), curves.min(axis=0), curves.max(axis=0)


def time_figure(comparison: Comparison) -> Figure:
    """Mean seconds per relaxation, split by phase, one bar for each system and method."""
    labels: list[str] = []
    splits: list[dict[str, float]] = []
    for system, method, pairs in comparison.cells():
        labels.append(f"{formula_text(system)}  {plain_text(method)}")
        splits.append(mean_seconds([run.trials for run, _ in pairs]))
    phases = list(dict.fromkeys(phase for split in splits for phase in split))
    figure = new_figure((7.5, 1.6 + 0.34 * max(1, len(labels))))
    axis = figure.subplots()
    left = np.zeros(len(labels))
    for index, phase in enumerate(phases):
        widths = np.array([split.get(phase, 0.0) for split in splits])
        axis.barh(labels, widths, left=left, color=COLOURS[index % len(COLOURS)], label=plain_text(phase))
        left += widths
    axis.invert_yaxis()
    axis.set_xlabel("seconds per relaxation")
    axis.grid(axis="x", alpha=0.25, linewidth=0.5)
    legend_below(figure, handles_of([axis]))
    return figure


def mean_seconds(runs: Sequence[Sequence[Any]]) -> dict[str, float]:
    """Seconds per trial by phase over the trials of several runs: the strategy's phases, then ``relax``."""
    every = [columns_of(run) for run in runs]
    trials = sum(map(len, every))
    if not trials:
        return {}
    totals: dict[str, float] = {}
    for columns in every:
        for phase, seconds in zip(columns.phases, columns.phase_seconds.T, strict=True):
            totals[phase] = totals.get(phase, 0.0) + float(np.nansum(seconds))
    relax = sum(float(columns.rows["seconds"].sum()) for columns in every)
    return {phase: seconds / trials for phase, seconds in {**totals, "relax": relax}.items()}


def seconds_by_relaxation(runs: Sequence[Sequence[Any]]) -> dict[str, Floats]:
    """Seconds of each relaxation by phase (those of `mean_seconds`), ``[n]``: mean over the runs that came so far."""
    every = [columns_of(run) for run in runs]
    length = max(map(len, every), default=0)
    sums = {phase: np.zeros(length) for phase in mean_seconds(runs)}
    counts = np.zeros(length)
    for columns in every:
        counts[: len(columns)] += 1
        if len(columns):
            sums["relax"][: len(columns)] += columns.rows["seconds"]
        for phase, seconds in zip(columns.phases, columns.phase_seconds.T, strict=True):
            sums[phase][: len(columns)] += np.nan_to_num(seconds)
    return {phase: values / counts for phase, values in sums.items()}


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the ending (``.png``, ``.svg``, ``.pdf``) names the format. A PNG has 160 dots per inch."""
    metadata: Mapping[str, Any] = {"Date": None} if path.suffix in (".svg", ".pdf") else {"Software": None}
    metadata = metadata if path.suffix != ".pdf" else {"CreationDate": None}
    buffer = BytesIO()
    figure.savefig(buffer, format=path.suffix[1:], dpi=160, metadata=dict(metadata))
    replace_file(path, buffer.getvalue())


def new_figure(size: tuple[float, float]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def handles_of(axes: Iterable[Axes]) -> dict[str, Any]:
    """What the panels show of each label: the first of those that share one."""
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    return handles


def legend_below(figure: Figure, handles: Mapping[str, Any], *, columns: int = 5) -> None:
    """A legend under the panels, in as many columns, at most, as are not wider than the figure.

    Args:
        figure: with a canvas and a constrained layout.
        handles: what is shown of each label.
        columns: at most.
    """
    for number in range(min(columns, len(handles)), 0, -1):
        legend = figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=number)
        if number == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()
