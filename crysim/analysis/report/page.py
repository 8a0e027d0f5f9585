"""The report: one HTML file with tables, charts and crystals in 3D, which opens without a network."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crysim import __version__
from crysim.analysis.comparison import Comparison
from crysim.analysis.currencies import CURRENCIES, LABELS, lowest_curves
from crysim.analysis.figures import COLOURS, band, mean_seconds, seconds_by_relaxation
from crysim.analysis.hull import Hull
from crysim.analysis.metrics import DECIMALS, Effort, RunMetrics
from crysim.analysis.origins import origin_table
from crysim.analysis.paper.figures import fit_history
from crysim.analysis.report.drawing import drawn_atoms, drawn_axes, drawn_bonds, drawn_edges, element_styles
from crysim.analysis.tables import Column, Table, Value
from crysim.confidential import hidden
from crysim.crystal import Crystal
from crysim.crystal.files import cif_text
from crysim.harness.columns import STATUSES, TrialColumns, columns_of
from crysim.harness.journal import RunRecord
from crysim.interfaces import TrialStatus

SUMMARY_KEYS = ("system", "method", "runs", "lowest", "mean", "std", "reference", "found", "interval", "found_strict",
                "to_match", "evaluations_to_match", "cpu_seconds_to_match", "distinct", "filtered", "failed",
                "seconds")  # fmt: skip
"""The columns of the summary that the page shows at first."""
MOST_POINTS = 100_000
"""Relaxations in the chart of energies and volumes, over all runs; beyond, the lowest ones of each run."""
MOST_FAILURES = 500
"""Failures listed one by one; the rest is only counted."""


def make_report(
    comparison: Comparison,
    records: Sequence[RunRecord],
    *,
    title: str,
    hull: Hull | None = None,
    again: Sequence[Table] = (),
) -> str:
    """The report as HTML.

    Args:
        comparison: of the runs.
        records: the same runs, in the same order.
        title: of the page.
        hull: competing phases, if energies above their hull are wanted.
        again: the best crystals with a second potential's energies beside the first's.
    """
    fingerprint = comparison.runs[0].fingerprint if comparison.runs else {}
    parts = {
        "title": html.escape(title),
        "lead": html.escape(_lead(comparison, fingerprint)),
        "css": _asset("report.css"),
        "summary": comparison.summary().select(SUMMARY_KEYS).to_html(),
        "all": comparison.summary().to_html(),
        "seeds": "".join(comparison.per_seed(system).to_html() for system in comparison.systems),
        "origins": _origins(comparison),
        "again": _again(again),
        "failures": _failures(comparison),
        "configuration": _configuration(records),
        "version": html.escape(__version__),
        "licence": html.escape(_asset("3Dmol-LICENSE.txt")),
        "data": json.dumps(report_data(comparison, records, hull), allow_nan=False).replace("<", "\\u003c"),
        "viewer": _asset("3Dmol-min.js"),
        "charts": _asset("charts.js"),
        "script": _asset("report.js"),
    }
    # only these three scripts run, whatever a label or a reason of a run holds
    parts["hashes"] = " ".join(_hash(parts[name]) for name in ("viewer", "charts", "script"))
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("template.html"))


def _again(tables: Sequence[Table]) -> str:
    """The section of second potentials; nothing where none was asked."""
    if not tables:
        return ""
    shown = "".join(f"<h3>{html.escape(table.title)}</h3>{table.to_html()}" for table in tables)
    return f'<section id="again"><h2>Relaxed again with a second potential</h2>{shown}</section>'


def _hash(script: str) -> str:
    """A script's hash, as a page's policy names it."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def report_data(comparison: Comparison, records: Sequence[RunRecord], hull: Hull | None = None) -> dict[str, Any]:
    """What the charts and the viewer need, as JSON values."""
    elements = list(dict.fromkeys(e for run in comparison.runs for e in run.contents.elements))
    elements += [e for r in comparison.references.values() for e in r.crystal.composition.elements if e not in elements]
    time: list[dict[str, Any]] = []
    for system, method, pairs in comparison.cells():
        trials = [run.trials for run, _ in pairs]
        phases = mean_seconds(trials)
        series = {phase: _numbers(values) for phase, values in seconds_by_relaxation(trials).items()}
        time.append({"name": f"{system} {method}", "phases": phases, "total": sum(phases.values()), "series": series})
    phases_seen = list(dict.fromkeys(phase for row in time for phase in row["phases"]))
    return {
        "methods": comparison.methods,
        "colours": list(COLOURS),
        "currencies": dict(LABELS),
        "elements": element_styles(elements),
        "systems": [_system(comparison, system, elements) for system in comparison.systems],
        "runs": [
            _run(comparison, run, metrics, record, elements, hull)
            for run, metrics, record in zip(comparison.runs, comparison.metrics, records, strict=True)
        ],
        "time": time,
        "phases": sorted(phases_seen, key=lambda phase: phase == "relax"),
    }


def _system(comparison: Comparison, system: str, elements: list[str]) -> dict[str, Any]:
    curves: dict[str, list[dict[str, Any]]] = {currency: [] for currency in CURRENCIES}
    for method in comparison.methods:
        runs = [run for run, _ in comparison.of(system, method)]
        for currency in CURRENCIES if runs else ():
            places, energies = lowest_curves(runs, currency)
            mean, low, high = (_numbers(values) for values in band(energies))
            curves[currency].append({"method": method, "x": _numbers(places), "mean": mean, "low": low, "high": high})
    reference = comparison.references.get(system)
    atoms = max(run.num_atoms for run in comparison.runs if run.system == system)
    shown = None
    if reference is not None:
        scale = atoms / reference.crystal.num_atoms
        shown = _drawn(reference.crystal, elements)
        shown |= {"energy": reference.energy, "volume": scale * reference.crystal.volume}
    return {"name": system, "atoms": atoms, "curves": curves, "reference": shown}


def _run(
    comparison: Comparison,
    run: RunRecord,
    metrics: RunMetrics,
    record: RunRecord,
    elements: list[str],
    hull: Hull | None,
) -> dict[str, Any]:
    columns = columns_of(run.trials)
    iterations, fits = fit_history(record)
    keys = {"train": "train_pcc", "validation": "validation_pcc", "error": "validation_rmse"}
    fit = {key: [None if np.isnan(v) else round(v, 4) for v in fits[name]] for key, name in keys.items()}
    return {
        "system": run.system,
        "method": run.method,
        "seed": run.seed,
        "budget": run.budget,
        "success": {
            "paper": metrics.first_match,
            "strict": _relaxations(metrics.found_strict),
            "energy": _relaxations(metrics.energy_reached),
        },
        "effort": {
            "paper": _effort(metrics.matched),
            "strict": _effort(metrics.found_strict),
            "energy": _effort(metrics.energy_reached),
        },
        "spent": {
            "relaxations": metrics.num_trials,
            "evaluations": metrics.evaluations,
            "cpu_seconds": round(metrics.cpu_seconds, 3),
        },
        "minima": _minima(columns, MOST_POINTS // len(comparison.runs)),
        "fit": {"iterations": iterations, **fit} if iterations else None,
        "best": _best(comparison, run, columns, elements, hull),
    }


def _minima(columns: TrialColumns, most: int) -> list[list[float]]:
    """Iteration, energy and volume per atom, and space group of the trials that count; of many, the lowest ones."""
    counting = np.flatnonzero(columns.counted)
    rows = columns.rows
    per_atom = columns.energies / np.maximum(1, rows["atoms"])
    if len(counting) > most:
        counting = np.sort(counting[np.argsort(per_atom[counting], kind="stable")[:most]])
    volumes = rows["volume"] / np.maximum(1, rows["atoms"])
    parts = (counting, per_atom[counting], volumes[counting], rows["space_group"][counting])
    return [
        [i + 1, round(energy, 5), round(volume, 4), group]
        for i, energy, volume, group in zip(*(part.tolist() for part in parts), strict=True)
    ]


def _best(
    comparison: Comparison, run: RunRecord, columns: TrialColumns, elements: list[str], hull: Hull | None
) -> dict[str, Any] | None:
    counting = np.flatnonzero(columns.counted)
    if not len(counting):
        return None
    energies = columns.energies_per(run.contents.num_atoms if run.contents.sizes_vary else None)
    near = counting[energies[counting] < energies[counting].min() + 2 * 10.0**-DECIMALS]
    trial = run.trials[min(map(int, near), key=lambda i: (round(float(energies[i]), DECIMALS), i))]
    crystal = trial.crystal
    assert crystal is not None
    assert trial.energy is not None
    reference = comparison.references.get(run.system)
    match = "no reference"
    if reference is not None:
        found = comparison.matchers[run.system].match(crystal)
        match = (
            "strictly" if found.strict else f"D = {found.displacement:.3f}" if found.displacement is not None else "no"
        )
    return {
        **_drawn(crystal, elements),
        "energy": trial.energy,
        "energy_per_atom": trial.energy / crystal.num_atoms,
        "iteration": trial.number + 1,
        "match": match,
        "hull": None if hull is None else hull.above(crystal.composition, trial.energy),
    }


def _drawn(crystal: Crystal, elements: list[str]) -> dict[str, Any]:
    atoms = drawn_atoms(crystal, elements)
    return {
        "space_group": crystal.space_group,
        "symbol": crystal.group.symbol,
        "atoms": atoms,
        "bonds": drawn_bonds(atoms, elements),
        "axes": drawn_axes(crystal),
        "edges": drawn_edges(crystal),
        "cif": cif_text(crystal),
    }


def _origins(comparison: Comparison) -> str:
    """Whether learning pays, where a strategy says where its proposals come from."""
    table = origin_table(comparison)
    return "" if table is None else table.to_html()


def _failures(comparison: Comparison) -> str:
    """Trials that failed or were left out: by reason, and one by one."""
    rows: list[dict[str, Value]] = []
    kinds: dict[tuple[Value, ...], Counter[str]] = {}
    for run in comparison.runs:
        columns = columns_of(run.trials)
        about: dict[str, Value] = {"system": run.system, "method": run.method, "seed": run.seed}
        others = np.flatnonzero(columns.rows["status"] != STATUSES.index(TrialStatus.RELAXED))
        for status in STATUSES:
            numbers = columns.of_status(status).tolist() if status is not TrialStatus.RELAXED else []
            if numbers:
                known = kinds.setdefault((run.system, run.method, str(status)), Counter())
                known.update(map(columns.reasons.__getitem__, numbers))
        for i in others[: MOST_FAILURES - len(rows)].tolist():
            status = STATUSES[columns.rows["status"][i]]
            rows.append({**about, "relaxation": i + 1, "status": str(status), "reason": columns.reasons[i]})
    total = sum(reasons.total() for reasons in kinds.values())
    if not total:
        return "<p>None: every relaxation converged and counts.</p>"
    heads = (Column("system", "system", formula=True), Column("method", "method"), Column("status", "status"))
    overview = Table(
        "How many",
        (*heads, Column("count", "count"), Column("reason", "most often")),
        tuple(
            {
                "system": s,
                "method": m,
                "status": status,
                "count": reasons.total(),
                "reason": reasons.most_common(1)[0][0],
            }
            for (s, m, status), reasons in kinds.items()
        ),
        ("not-converged: not within the steps; it counts all the same. too-close and failed do not count.",),
    )
    shown = (
        *heads[:2],
        Column("seed", "seed"),
        Column("relaxation", "relaxation"),
        heads[2],
        Column("reason", "reason"),
    )
    notes = (f"the first {MOST_FAILURES} of {total}",) if total > MOST_FAILURES else ()
    each = Table("Each of them", shown, tuple(rows), notes)
    return f"{overview.to_html()}<details><summary>Each with its reason</summary>{each.to_html()}</details>"


def _configuration(records: Sequence[RunRecord]) -> str:
    """Each method's configuration once, with versions and the energy model."""
    shown: dict[str, str] = {}
    for record in records:
        config = hidden({key: value for key, value in record.config.items() if key not in ("system", "seed")})
        shown.setdefault(record.method, json.dumps(config, indent=2, ensure_ascii=False))
    blocks = [
        f"<details><summary>{html.escape(method)}</summary><pre>{html.escape(text)}</pre></details>"
        for method, text in shown.items()
    ]
    if records:
        about = {"energy model": dict(records[0].fingerprint), "versions": records[0].manifest.get("versions", {})}
        text = html.escape(json.dumps(about, indent=2, ensure_ascii=False))
        blocks.insert(0, f"<pre>{text}</pre>")
    return "".join(blocks)


def _lead(comparison: Comparison, fingerprint: Mapping[str, str]) -> str:
    runs = len(comparison.runs)
    relaxations = sum(len(run.trials) for run in comparison.runs)
    model = fingerprint.get("checkpoint") or fingerprint.get("model", "unknown")
    return (
        f"{len(comparison.methods)} methods on {len(comparison.systems)} systems: {runs} runs, "
        f"{relaxations} relaxations; energy model {model}"
    )


def _relaxations(effort: Effort | None) -> int | None:
    return None if effort is None else effort.relaxations


def _effort(effort: Effort | None) -> dict[str, float] | None:
    return None if effort is None else {currency: round(getattr(effort, currency), 3) for currency in CURRENCIES}


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    finite = np.isfinite(values)
    rounded: list[float | None] = [round(v, 5) for v in np.where(finite, values, 0.0).tolist()]
    for place in np.flatnonzero(~finite).tolist():
        rounded[place] = None
    return rounded


def _asset(name: str) -> str:
    return files("crysim").joinpath("data", "report", name).read_text(encoding="utf-8")
