"""A comparison: methods × systems × seeds, to runs on disk, tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.analysis.comparison import Comparison
from crysim.analysis.currencies import Currency
from crysim.analysis.figures import accumulated_figure, mean_seconds
from crysim.analysis.outcome import terminal_table, write_outcome
from crysim.analysis.references import compare_records, load_references, settle_references
from crysim.analysis.report.notebook import figure_html, notebook_page
from crysim.analysis.tables import Column, Table, Value
from crysim.harness.config_file import read_settings
from crysim.harness.executors import Job
from crysim.harness.initial import SHARED
from crysim.harness.journal import MANIFEST, RunRecord, find_runs, read_run
from crysim.harness.run_folder import run_folder
from crysim.harness.settings import BenchSettings
from crysim.harness.systems import System
from crysim.interfaces import EnergyModel, RelaxSettings
from crysim.workflows.running import Ended, begin_workers, check_runs, progress_console, run_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from rich.console import Console


@dataclass(frozen=True)
class BenchResult:
    """What a comparison came to.

    Attributes:
        folder: of the results.
        records: the runs as they lie there, other programs' included.
        comparison: of them.
        ended: how the runs ended, interrupts and failures included.
        files: tables and figures that were written.
        notes: what else a reader should know, one line each.
    """

    folder: Path
    records: tuple[RunRecord, ...]
    comparison: Comparison
    ended: Ended
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def summary(self) -> Table:
        """One row for each system and method."""
        return self.comparison.summary()

    @cached_property
    def seconds(self) -> Table:
        """Mean seconds per relaxation, by phase, for each system and method."""
        rows: list[dict[str, Value]] = []
        for system, method, pairs in self.comparison.cells():
            split = mean_seconds([run.trials for run, _ in pairs])
            rows.append({"system": system, "method": method, **split, "total": sum(split.values())})
        phases = list(dict.fromkeys(key for row in rows for key in row if key not in ("system", "method", "total")))
        phases.sort(key=lambda phase: phase == "relax")
        columns = [Column("system", "system", formula=True), Column("method", "method")]
        columns += [Column(phase, phase, ".3f") for phase in [*phases, "total"]]
        return Table("Seconds per relaxation", tuple(columns), tuple(rows))

    def dataframe(self) -> DataFrame:
        """The summary as a pandas DataFrame, unrounded."""
        return self.summary.to_dataframe()

    def figure(self, currency: Currency = "relaxations") -> Figure:
        """The accumulated lowest energies (figure 4 of the paper), as a matplotlib figure.

        Args:
            currency: against which: ``relaxations`` begun, ``evaluations`` of the energy model, or ``cpu_seconds``.

        Raises:
            UnknownNameError: no such currency.
        """
        return accumulated_figure(self.comparison, currency=currency)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one HTML file that needs no network; by default ``report.html`` in the folder."""
        from crysim.workflows.report import write_report

        return write_report(self.folder, path)

    def __repr__(self) -> str:
        return f"<BenchResult in {self.folder}: {len(self.records)} runs>"

    def _repr_html_(self) -> str:
        """Table and curve, for a notebook."""
        parts = [terminal_table(self.comparison).to_html()] if self.records else []
        if self.records:
            parts.append(figure_html(self.figure()))
        return notebook_page(parts, [*self.notes, *self.ended.failures])


def bench(
    systems: str | Sequence[str] = ("Ca4S4",),
    methods: str | Sequence[str] = ("crysim", "random"),
    *,
    seeds: int | Iterable[int] | str = (0,),
    config: str | Path | None = None,
    progress: bool | Console = False,
    **settings: Any,
) -> BenchResult:
    """Compare strategies: methods × systems × seeds, within a budget of relaxations.

    The same as ``crysim bench``: same settings, checks, files and resume. An interrupt (Ctrl-C) returns what there is;
    the same call goes on where it was.

    Args:
        systems: formulas per cell, structure files, or ``mp:mp-1234``.
        methods: strategies, or labels of variants in ``config``.
        seeds: one run each.
        config: a TOML file with further settings.
        progress: show it (on standard error, or in the notebook), or a rich console to show it on.
        settings: ``budget``, ``energy``, ``solver``, ``out``, ``workers``, ``fmax``, ...: see
            `crysim.harness.config_file.read_settings` and the settings page.

    Raises:
        InputError: a name, a value or an option is wrong, or the folder holds runs of other settings.

    Example:
        >>> import crysim
        >>> result = crysim.bench(["Ca4S4"], ["random"], budget=20, seeds=range(3), out="demo")  # doctest: +SKIP
        >>> result.dataframe()  # doctest: +SKIP
    """
    chosen = seeds if isinstance(seeds, int | str) else tuple(seeds)
    given = {"system": systems, "method": methods, "seeds": chosen, **settings}
    result = run_bench(read_settings(None if config is None else Path(config), given), progress_console(progress))
    result.ended.raise_bad_input()
    return result


def run_bench(settings: BenchSettings, console: Console | None = None) -> BenchResult:
    """Run, or go on with, a comparison and write its tables and figures."""
    out = Path(settings.out)
    records, ended = run_protocol(settings, console)
    imported, notes = _imported_records(out, records)
    records += imported
    comparison = compare_records(records, load_references(out, records))
    files = write_outcome(comparison, out) if records else []
    return BenchResult(out, tuple(records), comparison, ended, tuple(files), tuple(notes))


def run_protocol(settings: BenchSettings, console: Console | None = None) -> tuple[list[RunRecord], Ended]:
    """Run, or go on with, all runs of some settings; the records of those that have begun, and how they ended.

    Of a run that once had a larger budget, the record holds what the budget asked for now had bought.
    """
    begin_workers(settings)
    runs, systems = settings.runs(), settings.systems()
    check_runs(runs)
    out = Path(settings.out)
    jobs = [Job(s, run_folder(out, s.system.name, s.method, s.seed)) for s in runs]
    task = partial(settle, out, systems, settings.relax)
    ended = run_all(jobs, settings.placement, shared=out / SHARED, beside=task, console=console, out=out)
    begun = [job for job in jobs if (job.folder / MANIFEST).exists()]
    return [read_run(job.folder).within(job.spec.budget) for job in begun], ended


def _imported_records(out: Path, records: Sequence[RunRecord]) -> tuple[list[RunRecord], list[str]]:
    """Other programs' runs in the folder that belong to the comparison, and a note on each that does not."""
    systems = {record.system for record in records}
    found, notes = [], []
    for record in map(read_run, find_runs(out)):
        if not record.imported or record.system not in systems:
            continue
        if all(record.fingerprint == other.fingerprint and record.pressure == other.pressure for other in records[:1]):
            found.append(record)
        else:
            notes.append(f"{record.path} is left out, its energies come from elsewhere: import it with --relax")
    return found, notes


def settle(out: Path, systems: Sequence[System], relax: RelaxSettings, model: EnergyModel) -> None:
    """Put the references' energies beside the results; called in a worker."""
    settle_references(out, systems, model.fingerprint(), relax, lambda: model)
