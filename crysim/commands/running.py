"""What `crysim bench` and `crysim search` share: settings to runs, runs to a table and an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import typer
from rich.console import Console

from crysim.analysis.comparison import Comparison
from crysim.analysis.figures import mean_seconds
from crysim.analysis.outcome import terminal_table, write_outcome
from crysim.analysis.references import compare_records, load_references, settle_references
from crysim.analysis.tables import Column, Table, Value
from crysim.bench.display import display
from crysim.bench.executors import Job, ModelTask, Outcome, run_jobs
from crysim.bench.journal import MANIFEST, read_run
from crysim.bench.settings import BenchSettings
from crysim.bench.spec import RunSpec
from crysim.cli import EXIT_ALL_FAILED, EXIT_BAD_INPUT, EXIT_PARTLY_FAILED
from crysim.generation import RandomGenerator
from crysim.interfaces import EnergyModel, RelaxSettings
from crysim.systems import System

PLAIN_WIDTH = 160
"""Characters of a table's line where no terminal limits it."""


def check_runs(runs: Sequence[RunSpec]) -> None:
    """Refuse, before any long work, what cannot run.

    Raises:
        InputError: a name or an option is wrong, an extra is missing, a composition fits into no allowed group.
    """
    checked: set[str] = set()
    for spec in runs:
        if (spec.method) not in checked:
            checked.add(spec.method)
            spec.check()
        if spec.system.formula not in checked:
            checked.add(spec.system.formula)
            RandomGenerator(spec.system, spec.space_groups, spec.min_distance)


def run_all(
    settings: BenchSettings, runs: Sequence[RunSpec], folders: Sequence[Path], beside: ModelTask | None = None
) -> list[Outcome]:
    """Run them in worker processes with a display on stderr."""
    console = Console(stderr=True)
    jobs = [Job(spec, folder) for spec, folder in zip(runs, folders, strict=True)]
    with display(jobs, console) as shown:
        return run_jobs(
            jobs,
            settings.workers,
            pool=Path(settings.out) / "initial",
            beside=beside,
            beside_failed=lambda reason: typer.echo(f"warning: the references have no energy: {reason}", err=True),
            report=shown.report,
            ended=shown.ended,
        )


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
            typer.echo(f"error: {outcome.job.spec.label}: {failure(outcome)}", err=True)


def failure(outcome: Outcome) -> str:
    """Why a run that is not good failed."""
    return outcome.error or "no relaxation gave a crystal that counts"


def compare(settings: BenchSettings, *, as_json: bool) -> int:
    """Run a bench, show its table, write its files; returns the exit code."""
    runs, systems = settings.runs(), settings.systems()
    check_runs(runs)
    out = Path(settings.out)
    folders = [out / s.system.formula / s.method.replace(":", "-") / f"seed-{s.seed}" for s in runs]
    task = partial(_settle, out, systems, settings.relax)
    outcomes = run_all(settings, runs, folders, beside=task)
    records = [read_run(folder) for folder in folders if (folder / MANIFEST).exists()]
    comparison = compare_records(records, load_references(out, records))
    files = write_outcome(comparison, out)
    if as_json:
        document = {
            "summary": comparison.summary().to_dict(),
            "seconds": seconds_table(comparison).to_dict(),
            "failures": [{"run": o.job.spec.label, "reason": failure(o)} for o in outcomes if not o.good],
            "files": [str(file) for file in files],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console = Console(soft_wrap=False) if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
        console.print(terminal_table(comparison).to_rich())
        console.print(seconds_table(comparison).to_rich())
        console.print(f"figure: {out / 'energy.png'}; all tables: {out / 'summary'}.*, {out / 'seeds'}-*", style="dim")
    report_failures(outcomes)
    return exit_code(outcomes)


def seconds_table(comparison: Comparison) -> Table:
    """Where the time of an iteration goes: mean seconds per relaxation by phase, for each system and method."""
    rows: list[dict[str, Value]] = []
    for system, method, pairs in comparison.cells():
        split = mean_seconds([run.trials for run, _ in pairs])
        rows.append({"system": system, "method": method, **split, "total": sum(split.values())})
    phases = list(dict.fromkeys(key for row in rows for key in row if key not in ("system", "method", "total")))
    phases.sort(key=lambda phase: phase == "relax")
    columns = [Column("system", "system", formula=True), Column("method", "method")]
    columns += [Column(phase, phase, ".3f") for phase in [*phases, "total"]]
    return Table("Seconds per relaxation", tuple(columns), tuple(rows))


def _settle(out: Path, systems: Sequence[System], relax: RelaxSettings, model: EnergyModel) -> None:
    """Put the references' energies beside the results; called in a worker."""
    settle_references(out, systems, model.fingerprint(), relax, lambda: model)
