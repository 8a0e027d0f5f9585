"""Whether learning pays: what a strategy's proposals brought, by where they came from."""

from __future__ import annotations

import numpy as np

from crysim.analysis.comparison import Comparison
from crysim.analysis.metrics import wilson_interval
from crysim.analysis.tables import Column, Table, Value
from crysim.harness.columns import columns_of
from crysim.interfaces import Trial

GOOD = 0.05
"""eV per atom above the reference, or above the lowest that any run found, up to which a relaxation is a hit."""
COLUMNS = (
    Column("system", "system", formula=True),
    Column("method", "method"),
    Column("origin", "proposals"),
    Column("relaxations", "relaxations"),
    Column("evaluations", "evaluations"),
    Column("hits", "hits"),
    Column("share", "share", ".3f"),
    Column("interval", "interval", note="interval: Wilson's, 95 %, of the share of hits"),
)
_NOTE = (
    f"a hit ends within {1000 * GOOD:g} meV/atom of the reference, or of the lowest found where there is none; "
    "a virtual crystal is none; of crysim: answers of the solver, initial crystals of lowest energy, fresh draws of "
    "its prior"
)


def origin_table(comparison: Comparison) -> Table | None:
    """Relaxations and hits by origin, of the runs whose strategy says it (``origin`` in a candidate's info).

    Returns:
        None if none says it.
    """
    rows: list[dict[str, Value]] = []
    for system, method, pairs in comparison.cells():
        runs = [run for run, _ in pairs if run.trials and "origin" in run.trials[0].candidate.info]
        trials: dict[str, list[Trial]] = {}
        for trial in (trial for run in runs for trial in run.trials):
            if "origin" in trial.candidate.info:
                trials.setdefault(str(trial.candidate.info["origin"]), []).append(trial)
        target = _target(comparison, system) if trials else None
        for origin, some in trials.items():
            hits = sum(_is_hit(trial, target) for trial in some)
            low, high = wilson_interval(hits, len(some))
            rows.append(
                {
                    "system": system,
                    "method": method,
                    "origin": origin,
                    "relaxations": len(some),
                    "evaluations": sum(trial.evaluations for trial in some),
                    "hits": hits,
                    "share": hits / len(some),
                    "interval": f"{low:.2f}–{high:.2f}",
                }
            )
    return Table("What proposals brought, by their origin", COLUMNS, tuple(rows), (_NOTE,)) if rows else None


def _target(comparison: Comparison, system: str) -> float | None:
    """eV per atom that hits are measured from."""
    runs = [run for run in comparison.runs if run.system == system]
    reference = comparison.references.get(system)
    if reference is not None and reference.energy is not None:
        return reference.energy / runs[0].num_atoms
    lowest: list[float] = []
    for run in runs:
        columns = columns_of(run.trials)
        if columns.counted.any():
            lowest.append(float((columns.energies / np.maximum(1, columns.rows["atoms"]))[columns.counted].min()))
    return min(lowest, default=None)


def _is_hit(trial: Trial, target: float | None) -> bool:
    energy = _per_atom(trial)
    return energy is not None and target is not None and energy <= target + GOOD


def _per_atom(trial: Trial) -> float | None:
    if not trial.counted or trial.energy is None or trial.crystal is None:
        return None
    return trial.energy / trial.crystal.num_atoms
