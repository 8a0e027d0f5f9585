"""What a bench leaves beside its runs: the summary as tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crysim.analysis.comparison import Comparison
from crysim.analysis.currencies import CURRENCIES
from crysim.analysis.figures import accumulated_figure, save_figure, time_figure
from crysim.analysis.origins import origin_table
from crysim.analysis.tables import Table
from crysim.written_files import path_part, replace_file

TERMINAL_KEYS = ("system", "method", "runs", "lowest", "mean", "std", "reference", "found", "found_strict",
                 "mean_to_strict", "to_lowest",
                 "to_energy", "filtered", "failed")  # fmt: skip
"""The columns of the summary that fit a terminal; the files hold all."""


def write_outcome(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the summary (``summary.md``, ``.csv``, ``.tex``, ``.json``), each system's table of seeds and the figures.

    Returns:
        The paths written: ``summary.*``, ``seeds-SYSTEM.*``, ``origins.*`` where a strategy tells origins,
        ``energy.png``, ``energy.svg``, the same against
        evaluations and CPU seconds (``energy-evaluations.png``, ``energy-cpu-seconds.png``), ``time.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = write_table(comparison.summary(), folder / "summary")
    for system in comparison.systems:
        paths += write_table(comparison.per_seed(system), folder / f"seeds-{path_part(system, 'the system')}")
    origins = origin_table(comparison)
    if origins is not None:
        paths += write_table(origins, folder / "origins")
    energy = accumulated_figure(comparison)
    for path in (folder / "energy.png", folder / "energy.svg"):
        save_figure(energy, path)
        paths.append(path)
    for currency in CURRENCIES[1:]:
        paths.append(folder / f"energy-{currency.replace('_', '-')}.png")
        save_figure(accumulated_figure(comparison, currency=currency), paths[-1])
    save_figure(time_figure(comparison), folder / "time.png")
    return [*paths, folder / "time.png"]


def write_table(table: Table, stem: Path) -> list[Path]:
    """Write a table as Markdown, CSV, LaTeX and JSON; returns the paths."""
    texts = {".md": table.to_markdown(), ".csv": table.to_csv(), ".tex": table.to_latex(), ".json": table.to_json()}
    paths = [stem.with_name(stem.name + ending) for ending in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        replace_file(path, text)
    return paths


def terminal_table(comparison: Comparison, keys: Sequence[str] = TERMINAL_KEYS) -> Table:
    """The summary with the columns that fit a terminal."""
    return comparison.summary().select(keys)
