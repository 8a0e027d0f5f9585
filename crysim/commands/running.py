"""What `crysim bench` and `crysim search` share: checks before the work, the work, and what its end means."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from crysim.bench.display import display
from crysim.bench.executors import Job, ModelTask, Outcome, run_jobs
from crysim.bench.spec import RunSpec
from crysim.crystal.generation import RandomGenerator
from crysim.errors import EXIT_ALL_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_PARTLY_FAILED

PLAIN_WIDTH = 160
"""Characters of a table's line where no terminal limits it."""


def check_runs(runs: Sequence[RunSpec]) -> None:
    """Refuse, before any long work, what cannot run.

    Raises:
        InputError: a name or an option is wrong, an extra is missing, a composition fits into no allowed group.
    """
    checked: set[str] = set()
    for spec in runs:
        if spec.method not in checked:
            spec.check()
        if spec.system.formula not in checked:
            RandomGenerator(spec.system, spec.space_groups)
        checked |= {spec.method, spec.system.formula}


def run_all(
    jobs: Sequence[Job], workers: int, *, pool: Path | None = None, beside: ModelTask | None = None
) -> list[Outcome]:
    """Run them in worker processes with a display on stderr."""
    try:
        with display(jobs, Console(stderr=True), workers) as shown:
            return run_jobs(
                jobs,
                workers,
                pool=pool,
                beside=beside,
                beside_failed=lambda reason: typer.echo(f"warning: the references have no energy: {reason}", err=True),
                report=shown.report,
                ended=shown.ended,
            )
    except KeyboardInterrupt as error:
        typer.echo("interrupted; nothing is lost: the same command goes on where it was", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from error


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 if every run is good, 3 if some are, 2 if none is and the input is at fault, 1 if none is."""
    good = sum(outcome.good for outcome in outcomes)
    if good == len(outcomes):
        return 0
    if good:
        return EXIT_PARTLY_FAILED
    return EXIT_BAD_INPUT if all(outcome.bad_input for outcome in outcomes) else EXIT_ALL_FAILED


def report_failures(outcomes: Sequence[Outcome]) -> None:
    """One line on stderr for every run that failed."""
    for outcome in outcomes:
        if not outcome.good:
            typer.echo(f"error: {outcome.job.spec.label}: {outcome.failure}", err=True)


def table_console() -> Console:
    """Where tables go: as wide as the terminal, or wide where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
