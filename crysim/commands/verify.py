"""`crysim verify`: whether a folder of results holds what it claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crysim.commands import options as o


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What crysim search, bench or import wrote.")],
    energies: Annotated[
        str, typer.Option(help="Crystals of each run, lowest first, whose energies are computed again: a number, all.")
    ] = "10",
    energy_option: o.EnergyOption = None,
    as_json: o.Json = False,
) -> None:
    """Compute again what a folder claims: journals, crystals, energies and forces, tables; says what differs.

    Exit code 0 if nothing differs, 1 if something does.
    """
    from crysim.commands.output import print_json
    from crysim.declared import assignments
    from crysim.errors import EXIT_ALL_FAILED, InputError
    from crysim.workflows.verify import verify as verify_results

    if energies != "all" and not energies.isdecimal():
        raise InputError(f"--energies is '{energies}': it must be a whole number from 0 on, or all")
    number = None if energies == "all" else int(energies)
    done = verify_results(folder, energies=number, energy_options=assignments(energy_option or ()))
    if as_json:
        print_json(done.to_dict())
    else:
        typer.echo("\n".join([*map(str, done.differences), str(done)]))
    for note in done.notes:
        typer.echo(f"warning: {note}", err=True)
    raise typer.Exit(0 if done.good else EXIT_ALL_FAILED)
