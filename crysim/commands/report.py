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
    from crysim.workflows.report import write_report

    path = write_report(folder, out, title=title, hull=hull)
    typer.echo(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")
