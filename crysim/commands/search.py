"""`crysim search`: one run, to crystals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crysim.commands import options as o


def search(
    formula: Annotated[
        str, typer.Argument(help="Per cell, as in Ca4S4; or the structure that is to be found: a file, or mp:mp-1234.")
    ],
    z: Annotated[
        int, typer.Option("--z", help="Formula units per cell: CaS with --z 4 is Ca4S4.", rich_help_panel=o.RUN)
    ] = 1,
    method: Annotated[str | None, typer.Option(help="Strategy. Default: crysim.", rich_help_panel=o.RUN)] = None,
    budget: o.Budget = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", rich_help_panel=o.RUN)] = 0,
    out: Annotated[
        str | None, typer.Option(help="Folder of the results. Default: crysim-FORMULA.", rich_help_panel=o.RUN)
    ] = None,
    top: Annotated[int, typer.Option(help="How many distinct crystals to write.", rich_help_panel=o.RUN)] = 10,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with these settings, as for bench.", rich_help_panel=o.RUN)
    ] = None,
    reference: o.Reference = None,
    cell: o.Cell = None,
    batch: o.Batch = None,
    space_groups: o.SpaceGroups = None,
    min_distance: o.MinDistance = None,
    pair_distances: o.PairDistances = None,
    seed_structures: o.SeedStructures = None,
    threads: o.Threads = None,
    energy: o.Energy = None,
    solver: o.Solver = None,
    surrogate: o.Surrogate = None,
    encoder: o.Encoder = None,
    option: o.Option = None,
    energy_option: o.EnergyOption = None,
    solver_option: o.SolverOption = None,
    surrogate_option: o.SurrogateOption = None,
    surrogate_config: o.SurrogateConfig = None,
    encoder_option: o.EncoderOption = None,
    mid: o.Mid = None,
    fmax: o.Fmax = None,
    max_steps: o.MaxSteps = None,
    pressure: o.Pressure = None,
    symmetry: o.Symmetry = None,
    timeout: o.Timeout = None,
    as_json: o.Json = False,
) -> None:
    """Search the stable crystals of one formula; writes the best distinct ones as CIF, with a ranked table.

    Stopped at any moment, the same command goes on where it was.
    """
    from crysim.bench.config_file import given_settings, read_settings
    from crysim.bench.contents import read_units
    from crysim.bench.systems import names_structure, spelled_out
    from crysim.commands.ranking import search_one
    from crysim.composition import CELLS, CellKind, Contents
    from crysim.errors import InputError, UnknownNameError

    if top < 1:
        raise InputError(f"top is {top}: it must be at least 1")
    given = given_settings(locals())
    if cell not in (None, *CELLS):
        raise UnknownNameError("cell", cell or "", CELLS)
    kind: CellKind = "primitive" if cell == "primitive" else "conventional"
    units = read_units(z)
    (name,), references = spelled_out([formula], reference or (), kind, None if names_structure(formula) else units)
    given.pop("z", None)
    given |= {"system": name, "reference": list(references), "method": method or "crysim", "seeds": str(seed)}
    given["out"] = out or f"crysim-{Contents.from_formula(name, cell=kind).name}"
    raise typer.Exit(search_one(read_settings(config, given), top=top, as_json=as_json))
