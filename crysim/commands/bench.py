"""`crysim bench`: methods × systems × seeds, to a table and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crysim.commands import options as o
from crysim.commands.output import print_json
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings

if TYPE_CHECKING:
    from crysim.workflows.bench import BenchResult


@o.with_settings(BenchSettings, RelaxSettings, parts=("all",))
def bench(
    given: dict[str, Any],
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with these settings; the command line goes before it.", rich_help_panel=o.RECORDS),
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Compare strategies: methods × systems × seeds, within a budget of relaxations.

    Stopped at any moment, the same command goes on where it was.
    """
    from rich.console import Console

    from crysim.commands.showing import end
    from crysim.harness.config_file import command_line, read_settings
    from crysim.workflows.bench import run_bench

    settings = read_settings(config, command_line(given))
    result = run_bench(settings, Console(stderr=True))
    if as_json:
        print_json(_document(result))
    elif result.records:
        _show(result)
    for note in result.notes:
        typer.echo(f"warning: {note}", err=True)
    end(result.ended)


def _document(result: BenchResult) -> dict[str, Any]:
    return {
        "summary": result.summary.to_dict(),
        "seconds": result.seconds.to_dict(),
        "failures": [
            {"run": outcome.job.spec.label, "reason": outcome.failure}
            for outcome in result.ended.outcomes
            if not outcome.good
        ],
        "files": [str(file) for file in result.files],
    }


def _show(result: BenchResult) -> None:
    from crysim.analysis.outcome import terminal_table
    from crysim.commands.showing import table_console

    console, out = table_console(), result.folder
    console.print(terminal_table(result.comparison).to_rich())
    console.print(result.seconds.to_rich())
    console.print(f"figure: {out / 'energy.png'}; all tables: {out / 'summary'}.*, {out / 'seeds'}-*", style="dim")
