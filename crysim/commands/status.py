"""`crysim status`: how far the runs of a folder are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crysim.commands import options as o


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What crysim search or bench writes to.")],
    as_json: o.Json = False,
) -> None:
    """Show what runs, what waits, the best so far and the time left; reads only, from any terminal."""
    from crysim.commands.output import print_json
    from crysim.commands.showing import table_console
    from crysim.workflows.status import status as find_status

    found = find_status(folder)
    if as_json:
        print_json(found.to_dict())
    else:
        table_console().print(found.table.to_rich())
    for line in found.damaged:
        typer.echo(f"warning: {line}", err=True)
