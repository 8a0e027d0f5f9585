"""`crysim export`: crystals found, in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What crysim search, bench or reproduce wrote.")],
    to: Annotated[
        str, typer.Option(help="cif, poscar, extxyz, ase-db, optimade, or inputs for vasp, qe or gpaw.")
    ] = "cif",
    top: Annotated[int, typer.Option(help="How many distinct crystals of each formula.")] = 10,
    cell: Annotated[str, typer.Option(help="Standard cell: conventional or primitive.")] = "conventional",
    out: Annotated[Path | None, typer.Option(help="Folder of the files. Default: DIR/export-FORMAT.")] = None,
) -> None:
    """Write the best distinct crystals in standard cells, with energy, model and origin in each file."""
    from crysim.workflows.export import export as write

    done = write(folder, to, top=top, cell=cell, out=out)
    typer.echo(f"{len(done.entries)} crystals, {len(done.files)} files: {done.folder}")
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
