"""`crysim doctor`: what is found on this machine, and how quick it is."""

from __future__ import annotations

from typing import Annotated

import typer

from crysim.commands import options as o


def doctor(
    speed: Annotated[bool, typer.Option("--speed/--no-speed", help="Measure each energy model: seconds each.")] = True,
    energy: Annotated[list[str] | None, typer.Option(help="Only this energy model; may be repeated.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads while measuring.")] = 1,
    as_json: o.Json = False,
) -> None:
    """Look at this machine: versions, plug-ins, weights and their hashes, device, threads, speed of each energy.

    Exit code 1 if a plug-in is broken or no energy model works.
    """
    from crysim.commands.output import print_json
    from crysim.errors import EXIT_ALL_FAILED
    from crysim.workflows.doctor import doctor as diagnose

    found = diagnose(speed=speed, threads=threads, energies=energy)
    print_json(found.to_dict()) if as_json else typer.echo(str(found))
    raise typer.Exit(0 if found.good else EXIT_ALL_FAILED)
