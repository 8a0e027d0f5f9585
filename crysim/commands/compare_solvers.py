"""`crysim compare-solvers`: several solvers on the same models, to a table and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crysim.commands import options as o

if TYPE_CHECKING:
    from crysim.interfaces import IsingSolver
    from crysim.quadratic import QuadraticModel
    from crysim.workflows.solver_comparison import Entry

RESULTS = "solvers.json"
FIGURE = "solvers.png"


def compare_solvers(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="npz, dimod's BQM file, or COO text.")],
    solver: Annotated[list[str], typer.Option(help="Ising solver; repeat it for each.")],
    solver_option: Annotated[
        list[str] | None,
        typer.Option("--solver-option", metavar="[SOLVER.]KEY=VALUE", help="Of all solvers that have it, or of one."),
    ] = None,
    groups: Annotated[Path | None, typer.Option(help="JSON file of the groups, for all models.")] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds of the longest run.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("crysim-solvers"),
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch and of matrix products.")] = 1,
    as_json: o.Json = False,
) -> None:
    """Compare Ising solvers on quadratic models: a table, and a picture of best energy against time.

    A solver that cannot tell when it found what is run anew at time limits from 0.03 s on, each √10 times the last.
    """
    import os

    os.environ["OMP_NUM_THREADS"] = str(threads)  # before numpy and torch are imported

    import json

    from crysim.commands.output import json_text, print_json
    from crysim.commands.showing import table_console
    from crysim.errors import EXIT_ALL_FAILED, EXIT_PARTLY_FAILED, check_seconds
    from crysim.harness.run_folder import check_writable, make_folder
    from crysim.quadratic.io import load_model
    from crysim.workflows.solver_comparison import compare, comparison_figure, comparison_table
    from crysim.written_files import replace_file

    check_seconds("the time limit", time_limit)
    built = _solvers(solver, solver_option or ())
    for _, one in built:
        one.check()
    loaded: list[tuple[str, QuadraticModel]] = [
        (name, load_model(path, groups)) for name, path in zip(_names(models), models, strict=True)
    ]
    make_folder(out)
    check_writable(out)

    def done(entries: list[Entry]) -> None:
        last = entries[-1]
        found = last.reason if last.best is None else f"{last.best:.5f} after {last.seconds_to_best:.3g} s"
        typer.echo(f"{len(entries)}/{len(loaded) * len(built)}  {last.model}  {last.solver}: {found}", err=True)
        document = {"time_limit": time_limit, "seed": seed, "entries": [entry.to_dict() for entry in entries]}
        replace_file(out / RESULTS, json_text(document, indent=1) + "\n")

    entries = compare(loaded, built, time_limit, seed, done)
    comparison_figure(entries, out / FIGURE)
    if as_json:
        print_json(json.loads((out / RESULTS).read_text("utf-8")), indent=1)
    else:
        console = table_console()
        console.print(comparison_table(entries, time_limit).to_rich())
        console.print(f"figure: {out / FIGURE}; all points: {out / RESULTS}", style="dim")
    failed = sum(entry.best is None for entry in entries)
    if failed:
        raise typer.Exit(EXIT_ALL_FAILED if failed == len(entries) else EXIT_PARTLY_FAILED)


def _names(models: Sequence[Path]) -> list[str]:
    """File names without their endings; with them, or whole paths, where two would be the same."""
    for names in ([path.stem for path in models], [path.name for path in models]):
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in models]


def _solvers(names: Sequence[str], texts: Sequence[str]) -> list[tuple[str, IsingSolver]]:
    """The solvers, each with the options that are its own.

    Raises:
        InputError: a name given twice, an unknown one, an option that no solver has or with an ill value.
    """
    from crysim.declared import assignments
    from crysim.errors import InputError
    from crysim.plugins import default_options, plugin_manager

    if len(set(names)) < len(names):
        raise InputError("a solver is named twice: name each once")
    manager = plugin_manager()
    known = {name: set(default_options(manager.get("solver", name))) for name in names}
    chosen: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in assignments(texts).items():
        owner, dot, option = key.rpartition(".")
        if dot and owner not in chosen:
            raise InputError(f"option '{key}': no solver '{owner}' is compared")
        takers = [owner] if dot else [name for name in names if option in known[name]]
        if not takers:
            raise InputError(f"option '{key}': none of the solvers has it")
        for name in takers:
            chosen[name][option] = value
    return [(name, manager.build("solver", name, options)) for name, options in chosen.items()]
