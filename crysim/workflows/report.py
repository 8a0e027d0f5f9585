"""A comparison's folder to one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crysim.analysis.hull import Hull
from crysim.analysis.references import compare_records, load_references
from crysim.analysis.report.page import make_report
from crysim.analysis.tables import Table
from crysim.errors import InputError
from crysim.harness.journal import RunRecord, read_bench
from crysim.workflows.answers import Answers, answer_table, find_answers
from crysim.workflows.rerank import COLUMNS, Opinions, Reranked, opinions_on, reranked_table, stored_opinions
from crysim.written_files import replace_file


def read_runs(folder: str | Path) -> list[RunRecord]:
    """Every run in and under a folder that crysim wrote, with its trials.

    Raises:
        InputError: there is none, or one is damaged.
    """
    return read_bench(folder)


def write_report(
    folder: str | Path, path: str | Path | None = None, *, title: str | None = None, hull: str | Path | None = None
) -> Path:
    """Write the report of a folder, one HTML file that opens in any browser without a network.

    Args:
        folder: what a bench, a search or a reproduction wrote.
        path: the file; None: ``report.html`` in the folder.
        title: of the page; None: the folder's name.
        hull: CSV of competing phases (columns formula, energy in eV), for energies above their hull.

    Raises:
        InputError: nothing to report on, or the file cannot be written.
    """
    folder = Path(folder)
    records = read_bench(folder)
    phases = None if hull is None else Hull(Path(hull))
    comparison = compare_records(records, load_references(folder, records))
    again = second_tables(records, stored_opinions(folder))
    text = make_report(comparison, records, title=title or folder.resolve().name, hull=phases, again=again)
    target = folder / "report.html" if path is None else Path(path)
    try:
        replace_file(target, text)
    except OSError as error:
        raise InputError(f"cannot write the report {target}: {error.strerror}") from error
    return target


def second_tables(records: Sequence[RunRecord], opinions: Opinions) -> list[Table]:
    """The crystals of some runs that second potentials relaxed again: one table for each formula and potential."""
    if not opinions:
        return []
    tables = []
    for formula in dict.fromkeys(record.contents.composition.reduced_formula for record in records):
        own = [record for record in records if record.contents.composition.reduced_formula == formula]
        answers = find_answers(own, len(opinions))
        given = [opinions_on(answer.crystal, opinions) for answer in answers.best]
        for name in dict.fromkeys(name for one in given for name in one):
            rows = [(answer, one[name]) for answer, one in zip(answers.best, given, strict=True) if name in one]
            kept = replace(answers, best=tuple(answer for answer, _ in rows))
            tables.append(_second_table(kept, [one for _, one in rows], f"{formula}: {name}", name, own[0].pressure))
    return tables


def _second_table(answers: Answers, again: Sequence[Reranked], title: str, name: str, pressure: float) -> Table:
    files = [Path()] * len(answers.best)
    table = answer_table(answers, files, title=title, matcher=None, pressure=pressure)
    keys = ("rank", "formula", "z", "atoms", "group", "prototype", "energy_per_atom", "above_best")
    return reranked_table(table, again, name).select((*keys, *(column.key for column in COLUMNS)))
