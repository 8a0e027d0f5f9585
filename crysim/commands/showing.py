"""What commands print of the results of workflows."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from crysim.errors import EXIT_INTERRUPTED
from crysim.workflows.running import Ended

PLAIN_WIDTH = 160
"""Characters of a table's line where no terminal limits it."""


def table_console() -> Console:
    """Where tables go: as wide as the terminal, or wide where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)


def end(ended: Ended) -> None:
    """Say on stderr what went wrong, one line each, and leave with the exit code that it means."""
    for warning in ended.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for failure in ended.failures:
        typer.echo(f"error: {failure}", err=True)
    if ended.interrupted:
        typer.echo("interrupted; nothing is lost: the same command goes on where it was", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    raise typer.Exit(ended.exit_code)
