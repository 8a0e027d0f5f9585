"""`crysim reproduce`: the paper's tables and figures, made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from crysim.commands import options as o
from crysim.commands.output import print_json
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings

if TYPE_CHECKING:
    from crysim.workflows.reproduction_cuts import Cuts


@o.with_settings(
    BenchSettings, RelaxSettings, only=("reference", "workers", "solver", "symmetry"), parts=("solver_option",)
)
def reproduce(
    given: dict[str, Any],
    target: Annotated[
        list[str] | None,
        typer.Argument(metavar="TARGET...", help="table-1, table-s2, fig-4, crystals40, ...; see --list."),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the targets.")] = False,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the runs and results. Default: crysim-reproduce.", rich_help_panel=o.RECORDS),
    ] = Path("crysim-reproduce"),
    budget: Annotated[
        int | None,
        typer.Option(help="Relaxations of each run. Default: the paper's 300; crystals40: 200.", rich_help_panel=o.RUN),
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
    energy: Annotated[
        str | None, typer.Option(help="Energy model. Default: the paper's, m3gnet.", rich_help_panel=o.PARTS)
    ] = None,
    ours: Annotated[
        bool,
        typer.Option(
            "--ours/--paper-alone",
            help="The project's own searches beside the paper's: portfolio, and crysim as it is now (crysim-own).",
            rich_help_panel=o.RUN,
        ),
    ] = False,
    prototypes: Annotated[
        bool,
        typer.Option(
            "--prototypes/--no-prototypes", help="crystals40: with known structure types.", rich_help_panel=o.RUN
        ),
    ] = False,
    race: Annotated[
        bool,
        typer.Option(
            "--race/--to-the-end",
            help="Stop relaxations that cannot win, or that fall into a known minimum; printed on the table.",
            rich_help_panel=o.RELAX,
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="Run nothing: compare the tables in --out with what the journals there give. With --all: every table "
            "that was made there.",
            rich_help_panel=o.RECORDS,
        ),
    ] = False,
    every: Annotated[bool, typer.Option("--all/--named", help="All targets.", rich_help_panel=o.RUN)] = False,
    as_json: o.Json = False,
) -> None:
    """Make tables and figures of the paper again, with the paper's values beside ours; or crystals40, forty searches.

    Stopped at any moment, the same command goes on where it was; what is cut is printed on the table.
    """
    from rich.console import Console

    from crysim.commands.showing import end, table_console
    from crysim.declared import read_setting
    from crysim.errors import InputError
    from crysim.harness.config_file import command_line
    from crysim.workflows.reproduce import list_targets
    from crysim.workflows.reproduce import reproduce as make_again
    from crysim.workflows.reproduction_cuts import Cuts

    if show_list:
        table = list_targets()
        if as_json:
            print_json(list(table.rows))
        else:
            table_console().print(table.to_rich())
        return
    if every and target:
        raise InputError("--all takes every target: name none, or leave out --all")
    if every and not check:
        target = [str(row["target"]) for row in list_targets().rows]
    if not target and not every:
        raise InputError("name at least one table or figure, as in table-s2; crysim reproduce --list shows all")
    settings = command_line(given)
    cuts = Cuts(
        budget=budget,
        seeds=seeds,
        systems=tuple(systems or ()),
        methods=tuple(methods or ()),
        references=read_setting(BenchSettings, "reference", settings.pop("reference", ())),
        symmetry=settings.pop("symmetry", None),
        settings={"energy": energy, **settings},
        prototypes=prototypes,
        race=race,
        ours=ours,
    )
    if check:
        _check(target or [], str(out), cuts, as_json=as_json)
    assert target
    done, ended = make_again(target, str(out), cuts, progress=Console(stderr=True))
    if as_json:
        print_json([one.to_dict() for one in done])
    else:
        for one in done:
            for shown in one.terminal_tables():
                table_console().print(shown.to_rich())
    end(ended)


def _check(names: list[str], out: str, cuts: Cuts, *, as_json: bool) -> NoReturn:
    """Print what the check found, and leave with its exit code."""
    from rich.console import Console

    from crysim.commands.showing import table_console
    from crysim.workflows.reproduction_check import check_reproduced, checked_table, exit_code

    checked = check_reproduced(names, out, cuts, Console(stderr=True).print)
    if as_json:
        print_json([one.to_dict() for one in checked])
    else:
        table_console().print(checked_table(checked).to_rich())
    raise typer.Exit(exit_code(checked))
