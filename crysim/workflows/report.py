"""A comparison's folder to one HTML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from crysim import __version__
from crysim.analysis.hull import Hull
from crysim.analysis.references import REFERENCES, compare_records, load_references
from crysim.analysis.report.page import make_report
from crysim.analysis.tables import Table
from crysim.errors import InputError
from crysim.harness.journal import JOURNAL, MANIFEST, RunRecord, find_runs, read_bench
from crysim.harness.stored_trials import journal_key
from crysim.regular_files import read_text
from crysim.workflows.answers import Answers, answer_table, find_answers
from crysim.workflows.rerank import COLUMNS, FOLDER, Opinions, Reranked, opinions_on, reranked_table, stored_opinions
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
    target = folder / "report.html" if path is None else Path(path)
    key = _key(folder, title, hull)
    if _is_up_to_date(target, key):
        return target
    records = read_bench(folder)
    phases = None if hull is None else Hull(Path(hull))
    comparison = compare_records(records, load_references(folder, records))
    again = second_tables(records, stored_opinions(folder))
    text = make_report(comparison, records, title=title or folder.resolve().name, hull=phases, again=again)
    try:
        replace_file(target, _marked(text, key))
    except OSError as error:
        raise InputError(f"cannot write the report {target}: {error.strerror}") from error
    return target


def _key(folder: Path, title: str | None, hull: str | Path | None) -> str:
    """What a report is made of: the runs' files, references, competing phases, this code."""
    about: list[object] = [__version__, title, str(folder.resolve())]
    for run in find_runs(folder):
        about += [str(run), read_text(run / MANIFEST, "the manifest"), journal_key(run / JOURNAL)]
    for path in (folder / REFERENCES, *([Path(hull)] if hull is not None else [])):
        about.append(path.read_bytes().hex() if path.is_file() else None)
    about += [[path.name, path.stat().st_mtime_ns] for path in sorted((folder / FOLDER).glob("*.json"))]
    return sha256(json.dumps(about).encode()).hexdigest()


def _marked(text: str, key: str) -> str:
    """The page with its key and its own hash in its last line, by which it is known as it was written."""
    return f"{text}\n<!-- {key} {sha256(text.encode()).hexdigest()} -->\n"


def _mark(target: Path) -> tuple[str, bool] | None:
    """The key of a page that stands there, and whether the page is as it was written; None: it has no such mark."""
    if target.is_symlink() or not target.is_file():
        return None
    text, _, last = target.read_bytes().rstrip(b"\n").rpartition(b"\n")
    words = last.decode(errors="replace").split()
    if len(words) != 4 or words[0] != "<!--" or len(words[2]) != 64:
        return None
    return words[1], words[2] == sha256(text).hexdigest()


def was_changed(report: Path) -> bool:
    """Whether a report says itself that it is no longer as it was written."""
    mark = _mark(report)
    return mark is not None and not mark[1]


def _is_up_to_date(target: Path, key: str) -> bool:
    """Whether the file is the page of this key, as it was written."""
    return _mark(target) == (key, True)


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
