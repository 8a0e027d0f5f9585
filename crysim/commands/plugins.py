"""`crysim plugins`: what is installed, and what is broken and why."""

from __future__ import annotations

from typing import Annotated

import typer

PLAIN_WIDTH = 160
"""Characters of a line where no terminal limits it."""


def plugins(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    kind: Annotated[str, typer.Option(help="Only encoder, surrogate, solver, energy or strategy.")] = "",
) -> None:
    """List the plug-ins that are installed: kind, name, distribution, version, options with defaults, state."""
    from dataclasses import asdict

    from crysim.commands.output import print_json
    from crysim.errors import UnknownNameError
    from crysim.plugins import KINDS, plugin_manager

    if kind and kind not in KINDS:
        raise UnknownNameError("kind of plug-in", kind, KINDS)
    infos = [info for info in plugin_manager().infos() if not kind or info.kind in (kind, None)]
    if as_json:
        print_json([asdict(info) for info in infos])
        return

    import sys

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("kind", "name", "from", "API"):
        table.add_column(column, no_wrap=True)
    table.add_column("state", overflow="fold")
    table.add_column("options", overflow="fold", ratio=1)
    for info in infos:
        options = escape(", ".join(f"{name}={value}" for name, value in info.options.items()))
        state = info.state if info.state == "ok" else f"{info.state}: {info.reason}"
        version = "" if info.api_version is None else str(info.api_version)
        source = escape(f"{info.distribution} {info.version}")
        table.add_row(info.kind or "?", escape(info.name), source, version, escape(state), options)
    console = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
    console.print(table)
