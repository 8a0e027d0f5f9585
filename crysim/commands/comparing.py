"""The work of `crysim bench`: settings to runs, runs to tables and figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import typer

from crysim.analysis.comparison import Comparison
from crysim.analysis.figures import mean_seconds
from crysim.analysis.outcome import terminal_table, write_outcome
from crysim.analysis.references import compare_records, load_references, settle_references
from crysim.analysis.tables import Column, Table, Value
from crysim.bench.executors import Job
from crysim.bench.journal import MANIFEST, RunRecord, find_runs, read_run
from crysim.bench.settings import BenchSettings
from crysim.bench.systems import System
from crysim.commands.running import check_runs, exit_code, report_failures, run_all, table_console
from crysim.interfaces import EnergyModel, RelaxSettings


def compare(settings: BenchSettings, *, as_json: bool) -> int:
    """Run a bench, show its table, write its files; returns the exit code."""
    runs, systems = settings.runs(), settings.systems()
    check_runs(runs)
    out = Path(settings.out)
    jobs = [Job(s, out / s.system.name / s.method.replace(":", "-") / f"seed-{s.seed}") for s in runs]
    task = partial(_settle, out, systems, settings.relax)
    outcomes = run_all(jobs, settings.workers, pool=out / "initial", beside=task)
    records = [read_run(job.folder) for job in jobs if (job.folder / MANIFEST).exists()]
    records += imported_records(out, records)
    comparison = compare_records(records, load_references(out, records))
    files = write_outcome(comparison, out)
    if as_json:
        document = {
            "summary": comparison.summary().to_dict(),
            "seconds": seconds_table(comparison).to_dict(),
            "failures": [{"run": o.job.spec.label, "reason": o.failure} for o in outcomes if not o.good],
            "files": [str(file) for file in files],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console = table_console()
        console.print(terminal_table(comparison).to_rich())
        console.print(seconds_table(comparison).to_rich())
        console.print(f"figure: {out / 'energy.png'}; all tables: {out / 'summary'}.*, {out / 'seeds'}-*", style="dim")
    report_failures(outcomes)
    return exit_code(outcomes)


def imported_records(out: Path, records: Sequence[RunRecord]) -> list[RunRecord]:
    """Other programs' runs in the folder that belong to the comparison; those of other energies are named on stderr."""
    systems = {record.system for record in records}
    found = []
    for record in map(read_run, find_runs(out)):
        if not record.imported or record.system not in systems:
            continue
        same = all(
            record.fingerprint == other.fingerprint and record.pressure == other.pressure for other in records[:1]
        )
        if same:
            found.append(record)
        else:
            typer.echo(
                f"warning: {record.path} is left out, its energies come from elsewhere: import it with --relax",
                err=True,
            )
    return found


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
