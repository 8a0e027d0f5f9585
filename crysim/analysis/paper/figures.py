"""Figures of the paper that are no accumulated curves: first matches (2), and how well the surrogate predicts (S3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crysim.analysis.comparison import Comparison
from crysim.analysis.figures import COLOURS, formula_text, legend_below, new_figure, plain_text
from crysim.analysis.paper import values as paper
from crysim.arrays import Floats
from crysim.errors import CrysimError
from crysim.harness.columns import FIT, columns_of
from crysim.harness.journal import RunRecord
from crysim.interfaces import derive_rng
from crysim.plugins import plugin_manager
from crysim.strategies.training_set import trains

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def matches_figure(comparison: Comparison) -> Figure:
    """Figure 2: I_M,0 and N_M of every seed and method, ours (filled) beside the paper's (outlined); one row a system.

    A run that did not find the ground truth has a hatched bar as high as its budget.
    """
    systems = comparison.systems
    figure = new_figure((9.0, 3.2 * len(systems)))
    axes = figure.subplots(len(systems), 2, squeeze=False)
    for row, system in zip(axes, systems, strict=True):
        for axis, key, label in zip(
            row, ("first_match", "num_matched"), ("first match, $I_{M,0}$", "matches, $N_M$"), strict=True
        ):
            _bars(axis, comparison, system, key)
            axis.set_title(f"{formula_text(system)}: {label}")
            axis.set_xlabel("seed")
            axis.set_ylabel("iteration" if key == "first_match" else "crystals of the lowest energy")
    from matplotlib.patches import Patch

    handles = [
        patch
        for index, method in enumerate(comparison.methods)
        for patch in (
            Patch(facecolor=COLOURS[index % len(COLOURS)], label=plain_text(method)),
            Patch(fill=False, edgecolor=COLOURS[index % len(COLOURS)], label=f"{plain_text(method)}, paper"),
        )
    ]
    handles.append(Patch(facecolor="0.9", edgecolor="0.3", hatch="//", label="not found within the budget"))
    legend_below(figure, {str(one.get_label()): one for one in handles}, columns=4)
    return figure


def _bars(axis: Axes, comparison: Comparison, system: str, key: str) -> None:
    printed = {(r.seed, r.method): r for r in paper.seed_results() if r.system == system}
    seeds = sorted({run.seed for run in comparison.runs if run.system == system})
    methods = [method for method in comparison.methods if comparison.of(system, method)]
    width = 0.8 / (2 * max(1, len(methods)))
    for index, method in enumerate(methods):
        colour = COLOURS[comparison.methods.index(method) % len(COLOURS)]
        for run, metrics in comparison.of(system, method):
            place = seeds.index(run.seed) - 0.4 + 2 * index * width
            ours = getattr(metrics, key)
            hatch = "//" if ours is None else None
            height = run.budget if ours is None else ours
            alpha = 0.25 if ours is None else 1.0
            axis.bar(place, height, width, align="edge", color=colour, alpha=alpha, hatch=hatch)
            theirs = printed.get((run.seed, method))
            if theirs is not None:
                value = getattr(theirs, key)
                style: dict[str, Any] = {"fill": False, "edgecolor": colour, "hatch": "//" if value is None else None}
                axis.bar(place + width, 300 if value is None else value, width, align="edge", **style)
    axis.set_xticks(range(len(seeds)), [str(seed) for seed in seeds])


@dataclass(frozen=True)
class Predictions:
    """A surrogate fitted to a run's initial crystals.

    Attributes:
        computed, predicted: standardised energies ``[n]``.
        pcc: Pearson's correlation coefficient.
        rmse: of the standardised energies.
    """

    computed: Floats
    predicted: Floats
    pcc: float
    rmse: float


def initial_predictions(record: RunRecord) -> Predictions:
    """Fit a run's surrogate to its initial crystals as the run did first, and predict them (figure S3, a to e).

    Raises:
        CrysimError: the run has no initial crystals or no surrogate.
    """
    parts = record.config["parts"]
    if "surrogate" not in parts or not record.initial:
        raise CrysimError(f"{record.path} has no initial crystals that a surrogate was fitted to")
    encoder, surrogate = (
        plugin_manager().build(kind, parts[kind]["name"], parts[kind]["options"]) for kind in ("encoder", "surrogate")
    )
    frames = record.initial
    encoder.fit([frame.crystal for frame in frames])
    energies = np.array([frame.energy for frame in frames])
    kept = trains(energies)
    bits = encoder.encode([frame.crystal for frame, keep in zip(frames, kept, strict=True) if keep])
    surrogate.fit(bits, energies[kept], derive_rng(record.seed, "fit", 0, 0))
    scale = energies[kept].std() or 1.0
    computed = (energies[kept] - energies[kept].mean()) / scale
    predicted = (np.asarray(surrogate.predict(bits)) - energies[kept].mean()) / scale
    pcc = float(np.corrcoef(computed, predicted)[0, 1]) if len(computed) > 1 else float("nan")
    return Predictions(computed, predicted, pcc, float(np.sqrt(((computed - predicted) ** 2).mean())))


def fit_history(record: RunRecord) -> tuple[list[int], dict[str, list[float]]]:
    """Iterations and, for each, the surrogate's correlations and validation error that the run journalled."""
    rows = columns_of(record.trials).rows
    fitted = np.flatnonzero(rows["fitted"])
    return (fitted + 1).tolist(), {name: rows[name][fitted].tolist() for name in FIT}


def surrogate_figure(records: Sequence[RunRecord]) -> Figure:
    """Figure S3: predicted against computed energies for each run, and the fits' quality over the iterations."""
    figure = new_figure((4.0 * min(3, len(records) + 1), 3.8 * -(-(len(records) + 1) // 3)))
    rows = -(-(len(records) + 1) // 3)
    axes = figure.subplots(rows, min(3, len(records) + 1), squeeze=False).ravel()
    for axis, record in zip(axes, records, strict=False):
        found = initial_predictions(record)
        low, high = float(found.computed.min()), float(found.computed.max())
        axis.plot([low, high], [low, high], color="0.5", linewidth=0.8)
        axis.scatter(found.computed, found.predicted, s=6, alpha=0.5, color=COLOURS[0], linewidths=0)
        axis.set_title(f"{plain_text(record.method)}: PCC {found.pcc:.3f}, RMSE {found.rmse:.3f}")
        axis.set_xlabel("computed energy (standardised)")
        axis.set_ylabel("predicted energy (standardised)")
    last = axes[len(records)]
    errors = last.twinx()
    for index, record in enumerate(records):
        iterations, values = fit_history(record)
        colour = COLOURS[index % len(COLOURS)]
        last.plot(iterations, values["train_pcc"], color=colour, linewidth=1.0, label=plain_text(record.method))
        last.plot(iterations, values["validation_pcc"], color=colour, linewidth=0.8, linestyle=":")
        errors.plot(iterations, values["validation_rmse"], color=colour, linewidth=0.8, linestyle="--")
    last.set_title("during the search")
    last.set_xlabel("iteration")
    last.set_ylabel("PCC: training (line), validation (dotted)")
    errors.set_ylabel("RMSE of validation (eV per cell, dashed)")
    last.legend(fontsize="small")
    for axis in axes[len(records) + 1 :]:
        axis.set_visible(False)
    return figure
