"""What searches are compared by: relaxations begun, evaluations of the energy model, or CPU seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from crysim.analysis.metrics import accumulated_lowest
from crysim.arrays import Floats
from crysim.errors import UnknownNameError
from crysim.harness.columns import columns_of
from crysim.harness.journal import RunRecord

Currency = Literal["relaxations", "evaluations", "cpu_seconds"]
CURRENCIES: tuple[Currency, ...] = get_args(Currency)
LABELS: Mapping[str, str] = {
    "relaxations": "relaxations",
    "evaluations": "evaluations of the energy model",
    "cpu_seconds": "CPU seconds",
}
POINTS = 400
"""Points of a curve over evaluations or seconds, at most."""


def lowest_curves(runs: Sequence[RunRecord], currency: Currency) -> tuple[Floats, Floats]:
    """The lowest energy so far against what was spent, the same places for all runs.

    Args:
        runs: of one system and method.
        currency: what is spent.

    Returns:
        Places ``[n]``, and energies ``[runs, n]`` in eV per cell of the contents: NaN before the first that counts; a
        run that ended keeps its last value.

    Raises:
        UnknownNameError: no such currency.
    """
    if currency not in CURRENCIES:
        raise UnknownNameError("currency", currency, CURRENCIES)
    if currency == "relaxations":
        length = max((_length(run) for run in runs), default=0)
        curves = [_padded(accumulated_lowest(run.trials, contents=run.contents), length) for run in runs]
        return np.arange(1.0, length + 1), np.array(curves).reshape(len(runs), length)
    spent = [spent_after(run, currency) for run in runs]
    most = max((float(one[-1]) for one in spent if len(one)), default=0.0)
    places = np.unique(np.concatenate([*spent, [most]]))
    if len(places) > POINTS:
        places = np.linspace(places[0], most, POINTS)
    curves = []
    for run, ends in zip(runs, spent, strict=True):
        lowest = np.concatenate([[np.nan], accumulated_lowest(run.trials, contents=run.contents)])
        curves.append(lowest[np.searchsorted(ends, places, side="right")])
    return places, np.array(curves).reshape(len(runs), len(places))


def spent_after(run: RunRecord, currency: Currency) -> Floats:
    """What a run had spent at the end of each of its trials, ``[n]``, its initial crystals among it."""
    rows = columns_of(run.trials).rows
    if currency == "relaxations":
        return np.arange(1.0, len(rows) + 1)
    before: float = getattr(run.initial_spent, currency)
    return np.asarray(before + np.cumsum(rows[currency]), dtype=np.float64)


def _length(run: RunRecord) -> int:
    """Relaxations that a run was granted; where another budget ended it, those that it had."""
    limited = run.config.get("budget_evaluations") or run.config.get("budget_seconds")
    return len(run.trials) if limited and run.complete else run.budget


def _padded(curve: Floats, length: int) -> Floats:
    if not len(curve):
        return np.full(length, np.nan)
    return np.concatenate([curve[:length], np.full(max(0, length - len(curve)), curve[-1])])
