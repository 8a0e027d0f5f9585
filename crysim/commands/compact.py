"""`crysim compact`: finished runs in less room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crysim.commands import options as o


def compact(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What crysim search, bench or import wrote.")],
    as_json: o.Json = False,
) -> None:
    """Pack the journals and initial crystals of finished runs, seals and all; they are read, and go on, as before.

    Any gzip program reads a packed file. Exit code 3 if a run was left for an error.
    """
    from crysim.commands.output import print_json
    from crysim.errors import EXIT_PARTLY_FAILED
    from crysim.workflows.compact import compact as compact_folder

    done = compact_folder(folder)
    print_json(done.to_dict()) if as_json else typer.echo(str(done))
    for line in done.left:
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(EXIT_PARTLY_FAILED if done.left else 0)
