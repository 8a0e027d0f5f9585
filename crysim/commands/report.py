"""`crysim report`: one HTML file of a bench's results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What crysim bench, search or reproduce wrote.")],
    out: Annotated[Path | None, typer.Option(help="The file. Default: DIR/report.html.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the page. Default: the folder's name.")] = None,
    hull: Annotated[
        Path | None,
        typer.Option(help="CSV of competing phases (columns formula, energy in eV): shows energies above their hull."),
    ] = None,
) -> None:
    """Write a report that opens in any browser without a network: tables, charts, crystals in 3D."""
    from crysim.analysis.hull import Hull
    from crysim.analysis.references import compare_records, load_references
    from crysim.analysis.report.page import make_report
    from crysim.bench.journal import read_bench
    from crysim.errors import InputError

    records = read_bench(folder)
    phases = Hull(hull) if hull is not None else None
    comparison = compare_records(records, load_references(folder, records))
    text = make_report(comparison, records, title=title or folder.resolve().name, hull=phases)
    path = out or folder / "report.html"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the report {path}: {error.strerror}") from error
    typer.echo(f"report: {path} ({len(text) / 1e6:.1f} MB)")
