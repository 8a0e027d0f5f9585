"""`crysim search`: one formula, to crystals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crysim.commands import options as o
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings

_OWN = ("system", "z", "cell", "method", "seeds", "out", "workers", "budget", "require_bound")


@o.with_settings(BenchSettings, RelaxSettings, without=_OWN, parts=("all",))
def search(
    given: dict[str, Any],
    formula: Annotated[
        str,
        typer.Argument(
            help="One unit, as in NaCl or Ca3Al2(SiO4)3; or the structure that is to be found: a file, mp:mp-1234."
        ),
    ],
    z: Annotated[
        str | None,
        typer.Option(
            "--z",
            help="Formula units per cell, as in 4, 1-4 or 1,2,4. Default: usual ones up to 24 atoms, 1-4 up to 100.",
            rich_help_panel=o.RUN,
        ),
    ] = None,
    max_atoms: Annotated[
        int | None, typer.Option("--max-atoms", help="Atoms per cell, at most.", rich_help_panel=o.RUN)
    ] = None,
    cell: Annotated[
        str, typer.Option(help="Cell that the formula units fill: primitive or conventional.", rich_help_panel=o.RUN)
    ] = "primitive",
    method: Annotated[
        str | None,
        typer.Option(help="Strategy. Default: portfolio.", rich_help_panel=o.RUN),
    ] = None,
    prototypes: Annotated[
        bool,
        typer.Option("--prototypes/--no-prototypes", help="Known structure types take part.", rich_help_panel=o.RUN),
    ] = True,
    prototype_folder: Annotated[
        str | None,
        typer.Option(
            "--prototype-folder",
            metavar="DIR",
            help="Structure files to take as types too, or mp:QUERY, as in mp:*TiO3 or mp:Ca-*-O.",
            rich_help_panel=o.RUN,
        ),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Relaxations of the whole search. Default: 400.", rich_help_panel=o.RUN)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", rich_help_panel=o.RUN)] = 0,
    top: Annotated[int, typer.Option(help="How many distinct crystals to write.", rich_help_panel=o.RUN)] = 10,
    out: Annotated[
        str | None, typer.Option(help="Folder of the results. Default: crysim-FORMULA.", rich_help_panel=o.RECORDS)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes. Default: one a core.", rich_help_panel=o.RECORDS)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with these settings, as for bench.", rich_help_panel=o.RECORDS)
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="ENERGY",
            help="Second energy model: the answers are relaxed again with it, and disagreements marked.",
            rich_help_panel=o.PARTS,
        ),
    ] = None,
    rerank_option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Of the second energy model; may be repeated.", rich_help_panel=o.PARTS),
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Search the stable crystals of a formula; writes the best distinct ones, with a ranked table.

    Stopped at any moment, the same command goes on where it was.
    """
    from rich.console import Console

    from crysim.commands.output import print_json
    from crysim.commands.showing import end, table_console
    from crysim.declared import assignments
    from crysim.harness.config_file import command_line
    from crysim.workflows.answers import TERMINAL
    from crysim.workflows.rerank import KEYS
    from crysim.workflows.search import search as search_crystals

    result = search_crystals(
        formula,
        z=z,
        max_atoms=max_atoms,
        cell=cell,
        method=method,
        prototypes=prototypes,
        prototype_folder=prototype_folder,
        seed=seed,
        top=top,
        out=out,
        config=config,
        rerank=rerank,
        rerank_options=assignments(rerank_option or ()),
        progress=Console(stderr=True),
        budget=budget,
        workers=workers,
        **command_line(given),
    )
    if as_json:
        print_json(list(result.table.rows))
    elif result.answers:
        console = table_console()
        console.print(result.table.select((*TERMINAL, *KEYS)).to_rich())
        console.print(f"CIF and POSCAR files: {result.folder / 'crystals'}", style="dim")
    end(result.ended)
