"""`crysim reproduce`: the paper's tables and figures, made again."""

from __future__ import annotations

from typing import Annotated

import typer

from crysim.commands import options as o


def reproduce(
    target: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET...", help="table-1, table-s2, fig-4, ...; see --list.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the targets.")] = False,
    out: Annotated[
        str, typer.Option(help="Folder of the runs and results. Default: crysim-reproduce.", rich_help_panel=o.RUN)
    ] = "crysim-reproduce",
    budget: Annotated[
        int | None, typer.Option(help="Relaxations of each run. Default: the paper's 300.", rich_help_panel=o.RUN)
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds, as in 0-2. Default: the paper's.", rich_help_panel=o.RUN)
    ] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--systems", "--system", help="Only these systems.", rich_help_panel=o.RUN)
    ] = None,
    methods: Annotated[
        list[str] | None, typer.Option("--methods", "--method", help="Only these methods.", rich_help_panel=o.RUN)
    ] = None,
    reference: o.Reference = None,
    workers: o.Workers = None,
    energy: Annotated[
        str | None, typer.Option(help="Energy model. Default: the paper's, m3gnet.", rich_help_panel=o.PARTS)
    ] = None,
    solver: o.Solver = None,
    solver_option: o.SolverOption = None,
    symmetry: o.Symmetry = None,
    as_json: o.Json = False,
) -> None:
    """Make tables and figures of the paper again, with the paper's values beside ours.

    Stopped at any moment, the same command goes on where it was; what is cut is printed on the table.
    """
    from crysim.commands.reproducing import Cuts, list_targets, reproduce_targets
    from crysim.errors import InputError

    if show_list:
        list_targets(as_json=as_json)
        return
    if not target:
        raise InputError("name at least one table or figure, as in table-s2; crysim reproduce --list shows all")
    cuts = Cuts(
        budget=budget,
        seeds=seeds,
        systems=tuple(systems or ()),
        methods=tuple(methods or ()),
        references=tuple(reference or ()),
        settings={"energy": energy, "solver": solver, "workers": workers, "solver_option": solver_option or []},
        symmetry=symmetry,
    )
    raise typer.Exit(reproduce_targets(target, out, cuts, as_json=as_json))
