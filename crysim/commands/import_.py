"""`crysim import`: results of other programs as runs, for the same tables and reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from crysim.commands import options as o
from crysim.commands.output import print_json
from crysim.errors import EXIT_ALL_FAILED, EXIT_PARTLY_FAILED
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings

_TOLD = 10
"""Lines about pieces that are left out."""


@o.with_settings(
    BenchSettings,
    RelaxSettings,
    only=("energy", "fmax", "max_steps", "pressure", "symmetry", "timeout"),
    parts=("energy_option",),
)
def import_(
    given: dict[str, Any],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the program ran, or its structures lie.")],
    kind: Annotated[str, typer.Option("--from", help="calypso, cryspy or poscars.")],
    out: Annotated[Path, typer.Option(help="Folder of the results that they are added to. Default: crysim-bench.")] = (
        Path("crysim-bench")
    ),
    system: Annotated[
        str | None,
        typer.Option(metavar="FORMULA", help="Formula per cell, or per unit with --z. Default: the first structure's."),
    ] = None,
    z: Annotated[int, typer.Option(min=1, help="Units of --system per cell. Default: 1.")] = 1,
    cell: Annotated[
        str, typer.Option(help="Cell that they fill: conventional or primitive. Default: conventional.")
    ] = "conventional",
    method: Annotated[str | None, typer.Option(help="Label in the tables. Default: that of --from.")] = None,
    seed: Annotated[int, typer.Option(help="Seed in the tables. Default: 0.")] = 0,
    relax: Annotated[
        bool, typer.Option("--relax", help="Relax the structures with --energy; else the program's own energies count.")
    ] = False,
    as_json: o.Json = False,
) -> None:
    """Add structures that CALYPSO, CrySPY or another program found to a bench's results, as one run.

    Without --relax their energies are the program's own, and can be compared only with others of it. With it they are
    relaxed as the runs in --out were, unless --energy says otherwise.
    """
    from crysim.composition import cell_kind
    from crysim.harness.config_file import command_line
    from crysim.workflows.imports import Import, import_results

    wanted = Import(folder, kind, out, system, method or kind, seed, relax, z, cell_kind(cell))
    done = import_results(wanted, command_line(given))
    print_json(done.to_dict()) if as_json else typer.echo(str(done))
    if not relax and not done.counting:
        typer.echo("their energies are not known: import them with --relax", err=True)
    _tell("note", done.notes)
    _tell("failed", done.failed)
    _tell("skipped", done.skipped)
    partly = EXIT_PARTLY_FAILED if done.skipped else 0
    raise typer.Exit(partly if done.counting else EXIT_ALL_FAILED)


def _tell(word: str, lines: Sequence[str]) -> None:
    for line in lines[:_TOLD]:
        typer.echo(f"{word}: {line}", err=True)
    if len(lines) > _TOLD:
        typer.echo(f"{word}: and {len(lines) - _TOLD} more like these", err=True)
