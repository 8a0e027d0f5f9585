"""A search: one formula to a ranked table and files of its best distinct crystals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.analysis.comparison import Comparison
from crysim.analysis.figures import accumulated_figure
from crysim.analysis.references import compare_records
from crysim.analysis.report.notebook import crystal_html, figure_html, notebook_page
from crysim.analysis.tables import Column, Table, Value
from crysim.composition import CELLS, CellKind, Contents
from crysim.crystal import Crystal
from crysim.crystal.distinct import distinct
from crysim.crystal.files import cif_text
from crysim.crystal.matching import ReferenceMatcher
from crysim.errors import InputError, UnknownNameError
from crysim.harness.config_file import read_settings
from crysim.harness.contents import read_units
from crysim.harness.executors import Job
from crysim.harness.journal import MANIFEST, RunRecord, read_run
from crysim.harness.settings import BenchSettings
from crysim.harness.systems import names_structure, spelled_out
from crysim.interfaces import Trial
from crysim.workflows.running import Ended, check_runs, progress_console, run_all
from crysim.written_files import WrittenFiles, refuse_link

if TYPE_CHECKING:
    from ase import Atoms
    from pandas import DataFrame
    from pymatgen.core import Structure
    from rich.console import Console

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


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        folder: of the results.
        crystals: the best distinct ones, lowest energy first.
        table: of them, with the files that they were written to.
        record: the run as it lies on disk; None if it never began.
        ended: how the run ended, interrupts and failures included.
    """

    folder: Path
    crystals: tuple[Crystal, ...]
    table: Table
    record: RunRecord | None
    ended: Ended

    @property
    def structures(self) -> list[Structure]:
        """The crystals as pymatgen structures."""
        return [crystal.to_structure() for crystal in self.crystals]

    @property
    def atoms(self) -> list[Atoms]:
        """The crystals as ASE atoms; a row of the table is in each one's ``info``."""
        from pymatgen.io.ase import AseAtomsAdaptor

        found = []
        for structure, row in zip(self.structures, self.table.rows, strict=True):
            one = AseAtomsAdaptor.get_atoms(structure)
            one.info.update(row)
            found.append(one)
        return found

    def dataframe(self) -> DataFrame:
        """The table as a pandas DataFrame, unrounded."""
        return self.table.to_dataframe()

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one HTML file that needs no network; by default ``report.html`` in the folder."""
        from crysim.workflows.report import write_report

        return write_report(self.folder, path)

    def __repr__(self) -> str:
        rows = self.table.rows
        lowest = f", lowest {rows[0]['energy_per_atom']:.4f} eV/atom" if rows else ""
        return f"<SearchResult in {self.folder}: {len(self.crystals)} crystals{lowest}>"

    def _repr_html_(self) -> str:
        """Table, curve and the best crystal, for a notebook."""
        parts = [self.table.to_html()] if self.crystals else []
        if self.record is not None and self.record.trials:
            comparison: Comparison = compare_records([self.record], {})
            parts.append(figure_html(accumulated_figure(comparison)))
        if self.crystals:
            parts.append(crystal_html(self.crystals[0]))
        return notebook_page(parts, self.ended.failures)


def search(
    formula: str,
    *,
    z: int | str = 1,
    method: str | None = None,
    seed: int = 0,
    top: int = 10,
    out: str | Path | None = None,
    cell: str = "conventional",
    config: str | Path | None = None,
    progress: bool | Console = False,
    **settings: Any,
) -> SearchResult:
    """Search the stable crystals of one formula; the best distinct ones, lowest energy first.

    The same as ``crysim search``: same settings, checks, files and resume. An interrupt (Ctrl-C) returns what there is;
    the same call goes on where it was.

    Args:
        formula: as in Ca4S4, or the structure that is to be found: a file, or ``mp:mp-1234``.
        z: formula units per cell.
        method: strategy; None: crysim.
        seed: of everything random.
        top: how many distinct crystals are wanted.
        out: folder of the results; None: crysim-FORMULA.
        cell: conventional or primitive: the cell that the formula units fill.
        config: a TOML file with further settings.
        progress: show it (on standard error, or in the notebook), or a rich console to show it on.
        settings: ``budget``, ``energy``, ``fmax``, ...: see `crysim.harness.config_file.read_settings`.

    Raises:
        InputError: a name, a value or an option is wrong, or the folder holds a run of other settings.

    Example:
        >>> import crysim
        >>> found = crysim.search("NaCl", z=4, energy="chgnet", budget=50)  # doctest: +SKIP
        >>> found.structures[0], found.dataframe()  # doctest: +SKIP
    """
    if top < 1:
        raise InputError(f"top is {top}: it must be at least 1")
    if cell not in CELLS:
        raise UnknownNameError("cell", cell, CELLS)
    kind: CellKind = "primitive" if cell == "primitive" else "conventional"
    references = settings.pop("reference", None) or ()
    references = (references,) if isinstance(references, str) else tuple(references)
    (name,), references = spelled_out([formula], references, kind, None if names_structure(formula) else read_units(z))
    given = {"system": name, "cell": kind, "reference": references, "method": method or "crysim", "seeds": (seed,)}
    given["out"] = str(out or f"crysim-{Contents.from_formula(name, cell=kind).name}")
    read = read_settings(None if config is None else Path(config), {**settings, **given})
    result = run_search(read, top=top, console=progress_console(progress))
    result.ended.raise_bad_input()
    return result


def run_search(settings: BenchSettings, *, top: int, console: Console | None = None) -> SearchResult:
    """Run, or go on with, a search, and write its best distinct crystals."""
    runs, systems = settings.runs(), settings.systems()
    check_runs(runs)
    out = Path(settings.out)
    refuse_link(out / "crystals")
    job = Job(runs[0], out / "run")
    ended = run_all([job], 1, console=console)
    record = read_run(job.folder) if (job.folder / MANIFEST).exists() else None
    best = best_distinct(record.trials if record is not None else ())[:top]
    matcher = ReferenceMatcher(systems[0].reference) if systems[0].reference else None
    rows = _write_crystals(best, out / "crystals", matcher)
    title = f"Crystals of {runs[0].system}, lowest energy first"
    table = Table(title, COLUMNS, tuple(rows)).select([column.key for column in COLUMNS])
    return SearchResult(out, tuple(t.crystal for t in best if t.crystal is not None), table, record, ended)


def best_distinct(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that count, each crystal once, lowest energy first."""
    counting = [(t, t.crystal, t.energy) for t in trials if t.counts and t.crystal is not None and t.energy is not None]
    order = distinct([crystal for _, crystal, _ in counting], [energy for _, _, energy in counting])
    return [counting[index][0] for index in order]


def _write_crystals(trials: Sequence[Trial], folder: Path, matcher: ReferenceMatcher | None) -> list[dict[str, Value]]:
    """Write crystals as CIF in the order given, in place of those of an earlier call; returns the table's rows.

    Files that a person put there, or changed, stay as they are (`crysim.written_files`). ``iteration`` counts
    relaxations from 1; ``reference`` says whether a crystal matches the known ground truth.
    """
    files = WrittenFiles(folder)
    files.clear()
    rows: list[dict[str, Value]] = []
    for rank, trial in enumerate(trials, start=1):
        crystal, energy = trial.crystal, trial.energy
        assert crystal is not None
        assert energy is not None
        file = files.write(f"{rank:03d}-{crystal.composition.formula}-{crystal.space_group}", ".cif", cif_text(crystal))
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
