"""A search: one formula, in cells of several contents, to a ranked table and files of its best distinct crystals."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.analysis.figures import search_figure
from crysim.analysis.report.notebook import crystal_html, figure_html, notebook_page
from crysim.analysis.tables import Table
from crysim.composition import CellKind, cell_kind
from crysim.crystal.matching import ReferenceMatcher
from crysim.declared import read_setting
from crysim.errors import InputError
from crysim.harness.config_file import check_from_file, read_settings
from crysim.harness.contents import read_units
from crysim.harness.journal import MANIFEST, RunRecord, read_run
from crysim.harness.materials_project import template_folder
from crysim.harness.settings import BenchSettings
from crysim.harness.spec import PartSpec
from crysim.harness.systems import names_structure, read_reference, spelled_out
from crysim.workflows.answers import Answer, answer_table, find_answers, write_answers
from crysim.workflows.begun import ahead_in, batch_in, frames_in
from crysim.workflows.rerank import Reranker, check_distinct, make_reranker, reranked_table
from crysim.workflows.running import Ended, begin_workers, check_runs, progress_console, run_all
from crysim.workflows.search_plan import DEFAULT, Plan, plan_search, searched_contents
from crysim.written_files import check_written

if TYPE_CHECKING:
    from ase import Atoms
    from pandas import DataFrame
    from pymatgen.core import Structure
    from rich.console import Console

BUDGET = 400
"""Relaxations of a search, where none are given: most of them are given up after a few steps."""
BATCH = 16
"""Crystals relaxed together, where nothing is said: of 64 an evaluation takes a sixth less time, and more of them were
taken to the crystal (results/search)."""
AHEAD = 3
"""Batches of one run under way at a time, where nothing is said: each of two cores has a next one while the other is
at a longer one (results/executors), and the search loses little."""
FRAMES = 2
"""Of a trajectory, the first and the last: what the strategy of a search learns from."""


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        folder: of the results.
        answers: the best distinct crystals, lowest energy per atom first.
        table: of them, with the files that they were written to.
        records: the runs as they lie on disk, those that have begun.
        ended: how the runs ended, interrupts and failures included.
    """

    folder: Path
    answers: tuple[Answer, ...]
    table: Table
    records: tuple[RunRecord, ...]
    ended: Ended

    @property
    def structures(self) -> list[Structure]:
        """The crystals in their standard conventional cells, as pymatgen structures."""
        return [answer.identity.conventional for answer in self.answers]

    @property
    def atoms(self) -> list[Atoms]:
        """The crystals in their standard primitive cells as ASE atoms, each with its row of the table as ``info``."""
        from pymatgen.io.ase import AseAtomsAdaptor

        found = []
        for answer, row in zip(self.answers, self.table.rows, strict=True):
            one = AseAtomsAdaptor.get_atoms(answer.identity.primitive)
            one.info.update(row)
            found.append(one)
        return found

    def dataframe(self) -> DataFrame:
        """The table's rows as a pandas DataFrame, unrounded: what ``crysim search --json`` prints."""
        from pandas import DataFrame

        return DataFrame(list(self.table.rows))

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, one HTML file that needs no network; by default ``report.html`` in the folder."""
        from crysim.workflows.report import write_report

        return write_report(self.folder, path)

    def __repr__(self) -> str:
        energies = [one.energy_per_atom for one in self.answers]
        lowest = f", lowest {min(energies):.4f} eV/atom" if energies else ""
        return f"<SearchResult in {self.folder}: {len(self.answers)} crystals{lowest}>"

    def _repr_html_(self) -> str:
        """Table, curve and the best crystal, for a notebook."""
        parts = [self.table.to_html()] if self.answers else []
        begun = [record for record in self.records if record.trials]
        if begun:
            parts.append(figure_html(search_figure(begun)))
        if self.answers:
            parts.append(crystal_html(self.answers[0].crystal))
        return notebook_page(parts, self.ended.failures)


def search(
    formula: str,
    *,
    z: int | str | Iterable[int] | None = None,
    max_atoms: int | None = None,
    method: str | None = None,
    prototypes: bool = True,
    prototype_folder: str | Path | None = None,
    seed: int = 0,
    top: int = 10,
    out: str | Path | None = None,
    cell: str | None = None,
    config: str | Path | None = None,
    rerank: str | None = None,
    rerank_options: Mapping[str, Any] | None = None,
    progress: bool | Console = False,
    **settings: Any,
) -> SearchResult:
    """Search the stable crystals of a formula, in cells of several numbers of formula units.

    The same as ``crysim search``: same settings, checks, files and resume. An interrupt (Ctrl-C) returns what there is;
    the same call goes on where it was.

    Args:
        formula: one formula unit, as in NaCl or Ca3Al2(SiO4)3; or the structure whose contents are searched: a file, or
            ``mp:mp-1234``, which then is the reference too.
        z: formula units per cell: a number, several, or a text such as ``1-4``. None: see
            `crysim.harness.contents.default_units`.
        max_atoms: per cell, at most.
        method: strategy; None: ``portfolio``, which shares the budget among the contents by what they bring. Of
            another each of the contents has a run of its own, and an even share.
        prototypes: whether known structure types take part where no strategy is named.
        prototype_folder: structure files to take as types too; or ``mp:QUERY``,
            the Materials Project's (`crysim.harness.materials_project`).
        seed: of everything random.
        top: how many distinct crystals are wanted.
        out: folder of the results; None: crysim-FORMULA.
        cell: which cell the formula units fill, primitive (default) or conventional.
        config: a TOML file with further settings.
        rerank: a second energy model, with which the answers are relaxed again: see `crysim.workflows.rerank`.
        rerank_options: of that model.
        progress: show it (on standard error, or in the notebook), or a rich console to show it on.
        settings: ``budget``, ``energy``, ``fmax``, ``workers``, ...: see `crysim.harness.config_file.read_settings`.
            Every core is used unless ``workers`` says otherwise.

    Raises:
        InputError: a name, a value or an option is wrong, or the folder holds runs of other settings.

    Example:
        >>> import crysim
        >>> found = crysim.search("NaCl", energy="chgnet", budget=50)  # doctest: +SKIP
        >>> found.structures[0], found.dataframe()  # doctest: +SKIP
    """
    if top < 1:
        raise InputError(f"top is {top}: it must be at least 1")
    for what, path in (("out", out), ("prototype_folder", prototype_folder)):
        if path == "":
            raise InputError(f"{what} is empty: name a folder")
    console = progress_console(progress)
    file = None if config is None else Path(config)
    kind: CellKind = "primitive" if cell is None else cell_kind(cell)
    names, reference = _systems(formula, z, kind, max_atoms, settings.pop("reference", None))
    folder = Path(out or f"crysim-{names[0] if names_structure(formula) else formula}")
    defaults = {"budget": BUDGET, "ahead": ahead_in(folder, AHEAD), "require_bound": True, "workers": _cores()}
    if method is None:
        defaults["batch"] = batch_in(folder, DEFAULT, BATCH)
    given = {**_given(settings), "system": names, "cell": kind, "seeds": (seed,)}
    read = replace(read_settings(file, given, defaults), out=str(folder))
    begin_workers(read)
    if method is None:
        read = replace(read, relax=replace(read.relax, num_frames=frames_in(folder, DEFAULT, FRAMES)))
    wanted = prototypes and method is None and prototype_folder is not None
    types = str(template_folder(prototype_folder, folder)) if wanted and prototype_folder is not None else None
    plan = plan_search(
        read,
        folder,
        method=method or DEFAULT,
        prototypes=prototypes and method is None,
        prototype_folder=types,
        larger_types=z is None and max_atoms is None and not names_structure(formula),
    )
    reranker = None if rerank is None else _reranker(read, plan, rerank, rerank_options or {})
    result = run_search(read, plan, reference=reference, top=top, reranker=reranker, console=console)
    result.ended.raise_bad_input()
    return result


def run_search(
    settings: BenchSettings,
    plan: Plan,
    *,
    reference: str | None = None,
    top: int = 10,
    reranker: Reranker | None = None,
    console: Console | None = None,
) -> SearchResult:
    """Run, or go on with, the runs of a plan, and write the best distinct crystals.

    Args:
        settings: of the runs.
        plan: see `crysim.workflows.search_plan.plan_search`.
        reference: known ground truth, a structure file or ``mp:mp-1234``.
        top: how many distinct crystals are wanted.
        reranker: relaxes them again with a second potential; None: nobody does.
        console: where the progress is shown; None: nowhere.
    """
    out = Path(settings.out)
    known = None if reference is None else read_reference(reference, plan.contents[0].composition)
    check_runs([job.spec for job in plan.jobs])
    check_written(out / "crystals")
    ended = run_all(plan.jobs, settings.placement, console=console, headline=plan.text(), out=out)
    records = [read_run(job.folder) for job in plan.jobs if (job.folder / MANIFEST).exists()]
    answers = find_answers(records, top)
    files = write_answers(answers.best, out / "crystals")
    if answers.best:  # a run of a few relaxations may well give nothing that counts
        ended = replace(ended, outcomes=tuple(one for one in ended.outcomes if one.good or one.error))
    matcher = None if known is None else ReferenceMatcher(known)
    title = f"Crystals of {plan.formula}, lowest energy first"
    table = answer_table(answers, files, title=title, matcher=matcher, pressure=settings.relax.pressure)
    if reranker is not None and answers.best and not ended.interrupted:
        table, ended = _rerank(table, answers.best, reranker, ended, console)
    return SearchResult(out, answers.best, table, tuple(records), ended)


def _reranker(settings: BenchSettings, plan: Plan, name: str, options: Mapping[str, Any]) -> Reranker:
    """The second potential, with the options that a configuration gives it and those given here."""
    tables = settings.options.get("energy", {})
    there = tables.get(name) or tables.get(name.partition(":")[0]) or {}
    check_from_file("energy", name, there, named_there=False)
    energy = PartSpec(name, {**there, **options})
    check_distinct(plan.jobs[0].spec.energy, energy)
    return make_reranker(
        energy,
        plan.contents[0],
        settings.relax,
        Path(settings.out),
        threads=settings.threads,
        placement=settings.placement,
    )


def _rerank(
    table: Table, answers: Sequence[Answer], reranker: Reranker, ended: Ended, console: Console | None
) -> tuple[Table, Ended]:
    """The table with the second potential's energies; as it is, after an interrupt."""
    if console is not None:
        console.print(f"relaxing the best {len(answers)} again with {reranker.energy.name}", highlight=False)
    try:
        again = reranker.relax_again([answer.crystal for answer in answers])
    except KeyboardInterrupt:
        return table, replace(ended, interrupted=True)
    return reranked_table(table, again, reranker.energy.name), ended


def _systems(
    formula: str, z: int | str | Iterable[int] | None, cell: CellKind, max_atoms: int | None, reference: Any
) -> tuple[tuple[str, ...], str | None]:
    """The formulas per cell that are searched, and the known ground truth."""
    known = {} if reference is None else read_setting(BenchSettings, "reference", reference)
    if len(known) > 1:
        raise InputError("a search has one reference: give --reference once")
    if names_structure(formula):
        names, sources = spelled_out([formula], known, cell)
        return names, sources[names[0]]
    units = None if z is None else read_units(z if isinstance(z, int | str) else tuple(z))
    contents = searched_contents(formula, units, cell, max_atoms)
    return tuple(one.formula for one in contents), next(iter(known.values()), None)


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
