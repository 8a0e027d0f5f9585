"""`crysim import`: results of other programs as runs, for the same tables and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crysim.commands import options as o


def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the program ran, or its structures lie.")],
    kind: Annotated[str, typer.Option("--from", help="calypso, cryspy or poscars.")],
    out: Annotated[str, typer.Option(help="Folder of the results that they are added to. Default: crysim-bench.")] = (
        "crysim-bench"
    ),
    system: Annotated[
        str | None, typer.Option(metavar="FORMULA", help="Formula per cell. Default: that of the first structure.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Label in the tables. Default: that of --from.")] = None,
    seed: Annotated[int, typer.Option(help="Seed in the tables. Default: 0.")] = 0,
    relax: Annotated[
        bool, typer.Option("--relax", help="Relax the structures with --energy; else the program's own energies count.")
    ] = False,
    energy: o.Energy = None,
    energy_option: o.EnergyOption = None,
    fmax: o.Fmax = None,
    max_steps: o.MaxSteps = None,
    pressure: o.Pressure = None,
    symmetry: o.Symmetry = None,
    timeout: o.Timeout = None,
    as_json: o.Json = False,
) -> None:
    """Add structures that CALYPSO, CrySPY or another program found to a bench's results, as one run.

    Without --relax their energies are the program's own, and can be compared only with others of it. With it they are
    relaxed as the runs in --out were, unless --energy says otherwise.
    """
    from crysim.commands.importing import Import, import_results

    given = dict(locals())
    raise typer.Exit(
        import_results(Import(folder, kind, Path(out), system, method or kind, seed, relax), given, as_json)
    )
