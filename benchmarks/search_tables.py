"""Tables and pictures of the searches that `search.py` wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from crysim.analysis.figures import COLOURS, LINES, handles_of, legend_below, new_figure, save_figure
from crysim.analysis.forty import forty_crystals
from crysim.analysis.metrics import wilson_interval
from crysim.analysis.tables import Column, Table

Row = dict[str, Any]

CURRENCIES = ("cpu_seconds", "evaluations", "relaxations")
_MISSES = "medians over all seeds, a miss counted with what it spent (at least as much was needed): > before the number"
COLUMNS = (
    Column("system", "system", formula=True),
    Column("method", "method"),
    Column("hits", "hits of seeds"),
    Column("interval", "interval", note="interval: Wilson's, 95 %, of the share of hits"),
    Column("cpu_seconds", "CPU s", note=_MISSES),
    Column("evaluations", "evaluations", note=_MISSES),
    Column("relaxations", "relaxations", note=_MISSES),
    Column("own", "strategy's share", ".2f", note="strategy's share: of the CPU seconds, initial crystals left out"),
    Column("above", "above (meV/atom)", ".1f", note="above: the lowest of all seeds, over the reference's energy"),
)
FORTY_COLUMNS = (
    Column("system", "formula", formula=True),
    Column("method", "method"),
    Column("kept", "kept"),
    Column("reachable", "reachable"),
    Column("visited", "visited of seeds"),
    Column("cpu_seconds", "CPU s", note=_MISSES),
    Column("evaluations", "evaluations", note=_MISSES),
    Column("relaxations", "first", note=_MISSES),
    Column("lower", "something lower"),
    Column("above", "lowest − truth (meV/atom)", ".1f"),
)


def write_tables(rows: Sequence[Row], stem: Path) -> None:
    """Print the table of some searches, and write it (``STEM.md``) with its picture (``STEM.png``)."""
    table = forty_table(rows) if "reachable" in rows[0] else search_table(rows)
    stem.with_suffix(".md").write_text(table.to_markdown(), encoding="utf-8")
    _picture(rows, stem.with_suffix(".png"))
    print(table.to_markdown())


def search_table(rows: Sequence[Row]) -> Table:
    """One row for each system and method, and one for each method over all systems."""
    found: list[Row] = []
    for label, some in _groups(rows):
        hits = sum(row["found"] for row in some)
        low, high = wilson_interval(hits, len(some))
        found.append(
            {
                **label,
                "hits": f"{hits} of {len(some)}",
                "interval": f"{low:.2f}–{high:.2f}",
                **_medians(some),
                "own": sum(r["strategy_seconds"] for r in some) / max(1e-9, sum(r["cpu_seconds"] for r in some)),
                "above": min((r["above_reference"] for r in some if r["above_reference"] is not None), default=None),
            }
        )
    return Table("Searches to the strict match", COLUMNS, tuple(found), _settings(rows))


def forty_table(rows: Sequence[Row]) -> Table:
    """One row for each formula and method, and the totals among the notes."""
    found: list[Row] = []
    notes = []
    faults = {row["system"]: forty_crystals()[row["system"]].fault for row in rows}
    for label, some in _groups(rows):
        if label["system"] == "all":
            kept = [row for row in some if row["reachable"] and row["kept"] and not faults[row["system"]]]
            notes.append(
                f"{label['method']}: visited {sum(r['found'] for r in some)} of {len(some)} searches, "
                f"{sum(r['found'] for r in kept)} of the {len(kept)} whose truth is reachable, kept by the potential "
                f"and held together by it; something lower in {sum(r['lower'] for r in some)}"
            )
            continue
        found.append(
            {
                **label,
                **{key: "yes" if some[0][key] else "no" for key in ("kept", "reachable")},
                "visited": f"{sum(row['found'] for row in some)} of {len(some)}",
                **_medians(some),
                "lower": f"{sum(row['lower'] for row in some)} of {len(some)}",
                "above": min((r["above_reference"] for r in some if r["above_reference"] is not None), default=None),
            }
        )
    unbound = [f"{name}: the truth is itself {fault}: no search counts it" for name, fault in faults.items() if fault]
    return Table("The forty by formula alone", FORTY_COLUMNS, tuple(found), (*notes, *unbound, *_settings(rows)))


def _groups(rows: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """The searches of each system and method, then of each method."""
    systems = list(dict.fromkeys(row["system"] for row in rows))
    methods = list(dict.fromkeys(_label(row) for row in rows))
    groups = []
    for system in [*systems, "all"]:
        for method in methods:
            some = [row for row in rows if system in ("all", row["system"]) and _label(row) == method]
            if some:
                groups.append(({"system": system, "method": method}, some))
    return groups


def _label(row: Row) -> str:
    return row["method"] + (" + prototypes" if row.get("prototypes") else "")


def _medians(rows: Sequence[Row]) -> Row:
    """Medians, a miss counted with what it spent; marked where the median is that of a miss."""
    texts: Row = {}
    for currency in CURRENCIES:
        values = sorted((row[currency] if row["found"] else np.inf, row[currency]) for row in rows)
        middle = median(value for value, _ in values)
        if np.isfinite(middle):
            texts[currency] = f"{middle:.3g}" if currency == "cpu_seconds" else f"{middle:g}"
        else:
            texts[currency] = f"> {median(row[currency] for row in rows):.0f}"
    return texts


def _settings(rows: Sequence[Row]) -> tuple[str, ...]:
    keys = ("seconds", "batch", "energy", "symmetry")
    texts = (", ".join(f"{key} {row[key]}" for key in keys) for row in rows)
    return tuple(f"each search: {text}" for text in dict.fromkeys(texts))


def _picture(rows: Sequence[Row], path: Path) -> None:
    """The share of searches that have found theirs, against CPU seconds, a panel for each system of few."""
    systems = list(dict.fromkeys(row["system"] for row in rows))
    panels = ["all", *systems] if len(systems) <= 11 else ["all"]
    methods = list(dict.fromkeys(_label(row) for row in rows))
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = new_figure((4.6 * columns, 3.4 * lines + 0.4))
    axes = list(figure.subplots(lines, columns, squeeze=False).ravel())
    for axis, panel in zip(axes, panels, strict=False):
        for index, method in enumerate(methods):
            some = [row for row in rows if panel in ("all", row["system"]) and _label(row) == method]
            if some:
                ends = sorted(row["cpu_seconds"] for row in some if row["found"])
                x = [1e-2, *ends, max(row["seconds"] for row in some)]
                y = [0.0, *np.arange(1, len(ends) + 1) / len(some), len(ends) / len(some)]
                colour, line = COLOURS[index % len(COLOURS)], LINES[index // len(COLOURS) % len(LINES)]
                axis.step(x, y, where="post", color=colour, linestyle=line, label=method)
        axis.set_xscale("log")
        axis.set_xlim(left=0.05)
        axis.set_ylim(-0.03, 1.03)
        axis.set_title(panel)
        axis.set_xlabel("CPU seconds")
        axis.set_ylabel("share found")
        axis.grid(alpha=0.25, linewidth=0.5)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    legend_below(figure, handles_of(axes), columns=4)
    save_figure(figure, path)
