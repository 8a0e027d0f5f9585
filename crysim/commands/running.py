"""What `crysim bench` and `crysim search` share: settings to runs, runs to a table and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from crysim.bench.display import display
from crysim.bench.executors import Job, Outcome, run_jobs
from crysim.bench.journal import MANIFEST, read_run
from crysim.bench.settings import BenchSettings
from crysim.bench.spec import RunSpec
from crysim.cli import EXIT_ALL_FAILED, EXIT_BAD_INPUT, EXIT_PARTLY_FAILED
from crysim.errors import InputError
from crysim.symmetry import compatible_space_groups


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
            if not compatible_space_groups(spec.system, spec.space_groups):
                where = "any space group" if spec.space_groups is None else "any of the space groups asked for"
                raise InputError(f"{spec.system.formula} fits into no Wyckoff positions of {where}")


def run_all(settings: BenchSettings, runs: Sequence[RunSpec], folders: Sequence[Path]) -> list[Outcome]:
    """Run them in worker processes with a display on stderr."""
    console = Console(stderr=True)
    jobs = [Job(spec, folder) for spec, folder in zip(runs, folders, strict=True)]
    with display(jobs, console) as shown:
        return run_jobs(
            jobs, settings.workers, pool=Path(settings.out) / "initial", report=shown.report, ended=shown.ended
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
            reason = outcome.error or "no relaxation gave a crystal that counts"
            typer.echo(f"error: {outcome.job.spec.label}: {reason}", err=True)


def compare(settings: BenchSettings, *, as_json: bool) -> int:
    """Run a bench, show its table, draw its figure; returns the exit code."""
    from crysim.analysis.comparison import Comparison, Reference, Run
    from crysim.analysis.figures import accumulated_figure, save_figure

    runs, systems = settings.runs(), settings.systems()
    check_runs(runs)
    out = Path(settings.out)
    folders = [out / s.system.formula / s.method.replace(":", "-") / f"seed-{s.seed}" for s in runs]
    outcomes = run_all(settings, runs, folders)
    report_failures(outcomes)
    records = [read_run(folder) for folder in folders if (folder / MANIFEST).exists()]
    if records:
        fingerprint = records[0].fingerprint
        comparison = Comparison(
            tuple(Run(r.system, r.method, r.seed, r.budget, r.trials, r.fingerprint) for r in records),
            {s.name: Reference(s.reference, s.reference_energy(fingerprint)) for s in systems if s.reference},
        )
        table = comparison.summary()
        if as_json:
            typer.echo(table.to_json())
        else:
            Console().print(table.to_rich())
        save_figure(accumulated_figure(comparison), out / "accumulated.png")
    return exit_code(outcomes)
