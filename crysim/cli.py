"""The command line: thin, it parses, calls and prints."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the `crysim` command."""
    app()
