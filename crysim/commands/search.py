"""`crysim search`: one formula, to crystals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from crysim.commands import options as o
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings


@o.with_settings(
    BenchSettings, RelaxSettings, without=("system", "z", "method", "seeds", "out", "workers"), parts=("all",)
)
def search(
    given: dict[str, Any],
    formula: Annotated[
        str, typer.Argument(help="Per cell, as in Ca4S4; or the structure that is to be found: a file, or mp:mp-1234.")
    ],
    z: Annotated[
        str | None,
        typer.Option("--z", help="Formula units per cell: CaS with --z 4 is Ca4S4. Default: 1.", rich_help_panel=o.RUN),
    ] = None,
    method: Annotated[str | None, typer.Option(help="Strategy. Default: crysim.", rich_help_panel=o.RUN)] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", rich_help_panel=o.RUN)] = 0,
    out: Annotated[
        str | None, typer.Option(help="Folder of the results. Default: crysim-FORMULA.", rich_help_panel=o.RECORDS)
    ] = None,
    top: Annotated[int, typer.Option(help="How many distinct crystals to write.", rich_help_panel=o.RUN)] = 10,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with these settings, as for bench.", rich_help_panel=o.RECORDS)
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Search the stable crystals of one formula; writes the best distinct ones as CIF, with a ranked table.

    Stopped at any moment, the same command goes on where it was.
    """
    from rich.console import Console

    from crysim.commands.showing import end, table_console
    from crysim.harness.config_file import command_line
    from crysim.workflows.search import search as search_crystals

    result = search_crystals(
        formula,
        z=1 if z is None else z,
        method=method,
        seed=seed,
        top=top,
        out=out,
        config=config,
        progress=Console(stderr=True),
        **command_line(given),
    )
    if as_json:
        typer.echo(json.dumps(list(result.table.rows), indent=2))
    elif result.crystals:
        table_console().print(result.table.to_rich())
    end(result.ended)
