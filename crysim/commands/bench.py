"""`crysim bench`: methods × systems × seeds, to a table and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crysim.commands import options as o


def bench(
    system: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMULA",
            help="Formula per cell, or per unit with --z; a structure file, or mp:mp-1234; repeatable. Default: Ca4S4.",
            rich_help_panel=o.RUN,
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Strategy, or a variant's label; may be repeated. Default: crysim and random.", rich_help_panel=o.RUN
        ),
    ] = None,
    budget: o.Budget = None,
    seeds: Annotated[
        str | None, typer.Option(help="One run each, as in 0-4 or 0,3,7. Default: 0.", rich_help_panel=o.RUN)
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder of the results. Default: crysim-bench.", rich_help_panel=o.RUN)
    ] = None,
    workers: o.Workers = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with these settings; the command line goes before it.", rich_help_panel=o.RUN),
    ] = None,
    reference: o.Reference = None,
    z: o.Units = None,
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
    """Compare strategies: methods × systems × seeds, within a budget of relaxations.

    Stopped at any moment, the same command goes on where it was.
    """
    from crysim.bench.config_file import given_settings, read_settings
    from crysim.commands.comparing import compare

    given = given_settings(locals())
    raise typer.Exit(compare(read_settings(config, given), as_json=as_json))
