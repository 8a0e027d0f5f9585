"""What a bench leaves beside its runs: the summary as tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crysim.analysis.comparison import Comparison
from crysim.analysis.currencies import CURRENCIES
from crysim.analysis.figures import accumulated_figure, save_figure, time_figure
from crysim.analysis.origins import origin_table
from crysim.analysis.tables import Table
from crysim.written_files import forget_written, note_written, path_part, replace_file

TERMINAL_KEYS = ("system", "method", "runs", "lowest", "mean", "std", "reference", "found", "found_strict",
                 "mean_to_strict", "to_lowest", "evaluations_to_lowest", "cpu_seconds_to_lowest",
                 "failed")  # fmt: skip
"""The columns of the summary that fit a terminal; the files hold all."""
_UNTIL_LOWEST = (
    "to lowest, evaluations, CPU s: relaxations, evaluations of the energy model and CPU seconds until the lowest "
    "energy; median of the seeds that got there"
)
_SHORT = {"to_lowest": "to lowest", "evaluations_to_lowest": "evaluations", "cpu_seconds_to_lowest": "CPU s"}
"""Headings that fit a terminal."""
TABLES = (".md", ".csv", ".tex", ".json")
"""Endings of the files of a table."""


def write_outcome(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the summary (``summary.md``, ``.csv``, ``.tex``, ``.json``), each system's table of seeds and the figures.

    Returns:
        The paths written: ``summary.*``, ``seeds-SYSTEM.*``, ``origins.*`` where a strategy tells origins,
        ``energy.png``, ``energy.svg``, the same against
        evaluations and CPU seconds (``energy-evaluations.png``, ``energy-cpu-seconds.png``), ``time.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    forget_written(folder)
    paths = [path for name, table in tables_of(comparison).items() for path in write_table(table, folder / name)]
    energy = accumulated_figure(comparison)
    for path in (folder / "energy.png", folder / "energy.svg"):
        save_figure(energy, path)
        paths.append(path)
    for currency in CURRENCIES[1:]:
        paths.append(folder / f"energy-{currency.replace('_', '-')}.png")
        save_figure(accumulated_figure(comparison, currency=currency), paths[-1])
    save_figure(time_figure(comparison), folder / "time.png")
    paths.append(folder / "time.png")
    # `crysim verify` computes the other tables again
    note_written(folder, (path for path in paths if path.suffix not in TABLES or path.stem == "origins"))
    return paths


def tables_of(comparison: Comparison) -> dict[str, Table]:
    """The tables that are written, by the names of their files."""
    seeds = {f"seeds-{path_part(system, 'the system')}": comparison.per_seed(system) for system in comparison.systems}
    origins = origin_table(comparison)
    return {"summary": comparison.summary(), **seeds, **({} if origins is None else {"origins": origins})}


def write_table(table: Table, stem: Path) -> list[Path]:
    """Write a table as Markdown, CSV, LaTeX and JSON; returns the paths."""
    texts = {stem.with_name(stem.name + ending): text for ending, text in table_texts(table).items()}
    for path, text in texts.items():
        replace_file(path, text)
    return list(texts)


def table_texts(table: Table) -> dict[str, str]:
    """What the files of a table hold, by their endings."""
    texts = (table.to_markdown(), table.to_csv(), table.to_latex(), table.to_json())
    return dict(zip(TABLES, texts, strict=True))


def terminal_table(comparison: Comparison, keys: Sequence[str] = TERMINAL_KEYS) -> Table:
    """The summary with the columns that fit a terminal, the effort in each currency."""
    table = comparison.summary().select(keys)
    columns = (
        replace(one, heading=_SHORT[one.key], note=_UNTIL_LOWEST) if one.key in _SHORT else one for one in table.columns
    )
    return replace(table, columns=tuple(columns))
