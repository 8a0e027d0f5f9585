"""A comparison's folder to one HTML file."""

from __future__ import annotations

from pathlib import Path

from crysim.analysis.hull import Hull
from crysim.analysis.references import compare_records, load_references
from crysim.analysis.report.page import make_report
from crysim.errors import InputError
from crysim.harness.journal import RunRecord, read_bench
from crysim.written_files import replace_file


def read_runs(folder: str | Path) -> list[RunRecord]:
    """Every run in and under a folder that crysim wrote, with its trials.

    Raises:
        InputError: there is none, or one is damaged.
    """
    return read_bench(folder)


def write_report(
    folder: str | Path, path: str | Path | None = None, *, title: str | None = None, hull: str | Path | None = None
) -> Path:
    """Write the report of a folder, one HTML file that opens in any browser without a network.

    Args:
        folder: what a bench, a search or a reproduction wrote.
        path: the file; None: ``report.html`` in the folder.
        title: of the page; None: the folder's name.
        hull: CSV of competing phases (columns formula, energy in eV), for energies above their hull.

    Raises:
        InputError: nothing to report on, or the file cannot be written.
    """
    folder = Path(folder)
    records = read_bench(folder)
    phases = None if hull is None else Hull(Path(hull))
    comparison = compare_records(records, load_references(folder, records))
    text = make_report(comparison, records, title=title or folder.resolve().name, hull=phases)
    target = folder / "report.html" if path is None else Path(path)
    try:
        replace_file(target, text)
    except OSError as error:
        raise InputError(f"cannot write the report {target}: {error.strerror}") from error
    return target
