"""The work of `crysim search`: one run to a ranked table and files of its best distinct crystals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from crysim.analysis.tables import Column, Table, Value
from crysim.bench.executors import Job
from crysim.bench.journal import MANIFEST, read_run
from crysim.bench.settings import BenchSettings
from crysim.commands.running import check_runs, exit_code, report_failures, run_all, table_console
from crysim.crystal import Crystal
from crysim.crystal.distinct import distinct
from crysim.crystal.files import write_cif
from crysim.crystal.matching import ReferenceMatcher
from crysim.interfaces import Trial

COLUMNS = (
    Column("rank", "rank"),
    Column("energy_per_atom", "eV/atom", ".4f"),
    Column("energy", "eV/cell", ".4f"),
    Column("symbol", "space group"),
    Column("space_group", "number"),
    Column("iteration", "iteration"),
    Column("converged", "converged"),
    Column("reference", "reference"),
    Column("file", "file"),
)


def search_one(settings: BenchSettings, *, top: int, as_json: bool) -> int:
    """Run a search, show and write its best distinct crystals; returns the exit code."""
    runs, systems = settings.runs(), settings.systems()
    check_runs(runs)
    out = Path(settings.out)
    job = Job(runs[0], out / "run")
    outcomes = run_all([job], 1)
    trials = read_run(job.folder).trials if (job.folder / MANIFEST).exists() else ()
    matcher = ReferenceMatcher(systems[0].reference) if systems[0].reference else None
    rows = write_crystals(best_distinct(trials)[:top], out / "crystals", matcher)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        title = f"Crystals of {runs[0].system}, lowest energy first"
        table_console().print(Table(title, COLUMNS, tuple(rows)).select([column.key for column in COLUMNS]).to_rich())
    report_failures(outcomes)
    return exit_code(outcomes)


def best_distinct(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that count, each crystal once, lowest energy first."""
    counting = [(t, t.crystal, t.energy) for t in trials if t.counts and t.crystal is not None and t.energy is not None]
    order = distinct([crystal for _, crystal, _ in counting], [energy for _, _, energy in counting])
    return [counting[index][0] for index in order]


def write_crystals(trials: Sequence[Trial], folder: Path, matcher: ReferenceMatcher | None) -> list[dict[str, Value]]:
    """Write crystals as CIF in the order given, in place of those of an earlier call; returns the table's rows.

    ``iteration`` counts relaxations from 1; ``reference`` says whether a crystal matches the known ground truth.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.cif"):
        old.unlink()
    rows: list[dict[str, Value]] = []
    for rank, trial in enumerate(trials, start=1):
        crystal, energy = trial.crystal, trial.energy
        assert crystal is not None
        assert energy is not None
        file = folder / f"{rank:03d}-{crystal.composition.formula}-{crystal.space_group}.cif"
        write_cif(crystal, file)
        row: dict[str, Value] = {
            "rank": rank,
            "energy_per_atom": energy / crystal.num_atoms,
            "energy": energy,
            "symbol": crystal.group.symbol,
            "space_group": crystal.space_group,
            "iteration": trial.number + 1,
            "converged": trial.status == "relaxed",
            "file": str(file),
        }
        if matcher is not None:
            row["reference"] = _match_text(matcher, crystal)
        rows.append(row)
    return rows


def _match_text(matcher: ReferenceMatcher, crystal: Crystal) -> str:
    match = matcher.match(crystal)
    if match.strict:
        return "matches strictly"
    return "matches" if match.found else "no match"
