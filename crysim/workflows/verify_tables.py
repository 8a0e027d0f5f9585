"""Whether the tables in a folder are those that its journals make."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crysim.analysis.outcome import table_texts, tables_of
from crysim.analysis.references import compare_records, load_references
from crysim.analysis.tables import Table
from crysim.errors import InputError
from crysim.harness.journal import RunRecord
from crysim.regular_files import read_json
from crysim.written_files import path_part

_SPENT = ("seconds", "seconds_to_match")
"""What a clock says is added up in another order from one version to another."""
_LABELS = ("system", "method", "seed")
Rows = dict[tuple[Any, ...], Mapping[str, Any]]


def other_tables(folder: Path, records: Sequence[RunRecord]) -> tuple[int, list[tuple[Path, str]]]:
    """How many tables were compared with the journals, and what differs, with the file.

    A table may be of fewer runs than the folder holds by now, or of a smaller budget: it is compared with what the
    journals say of those.

    Args:
        folder: with ``summary.json`` and ``seeds-SYSTEM.json``; others are not looked at.
        records: of all runs in it.
    """
    documents: dict[Path, Mapping[str, Any]] = {}
    stored: dict[Path, Rows] = {}
    differences: list[tuple[Path, str]] = []
    systems = dict.fromkeys(record.system for record in records)
    for name in ("summary", *(f"seeds-{path_part(system, 'the system')}" for system in systems)):
        path = folder / f"{name}.json"
        if path.exists():
            try:
                documents[path] = read_json(path, "the table")
                stored[path] = _rows(documents[path]["rows"], name)
            except (InputError, KeyError, TypeError, AttributeError) as error:
                differences.append((path, f"it cannot be read: {type(error).__name__}: {error}"))
    summary = stored.get(folder / "summary.json")
    if summary is None:
        return len(differences), differences
    seeds = {key for path, rows in stored.items() if path.name != "summary.json" for key in rows}
    shown = [_as_shown(record, summary) for record in records if _key(record) in seeds]
    made = tables_of(compare_records(shown, load_references(folder, shown))) if shown else {}
    for path, rows in stored.items():
        table = made.get(path.stem)
        expected = {} if table is None else _rows(json.loads(table.to_json())["rows"], path.stem)
        other = [(path, what) for what in _differences(rows, expected)]
        differences += other or ([] if table is None else _other_texts(path, documents[path], table))
    return len(stored), differences


def _other_texts(path: Path, document: Mapping[str, Any], table: Table) -> Iterator[tuple[Path, str]]:
    """The files beside a table's JSON that hold another table than it: what a person reads is compared too."""
    rows, notes = tuple(document["rows"]), tuple(document.get("notes", ()))
    places = {key: place for place, key in enumerate(_rows(rows, path.stem))}  # in the order of whoever ran the methods
    keys = list(_rows(table.rows, path.stem))
    best = frozenset((places[keys[row]], column) for row, column in table.best if keys[row] in places)
    stored = replace(table, title=document.get("title", ""), rows=rows, notes=notes, best=best)
    for ending, text in table_texts(stored).items():
        file = path.with_suffix(ending)
        if file != path and file.is_file() and file.read_bytes() != text.encode():
            yield file, f"it is not the table of {path.name}"


def _key(record: RunRecord) -> tuple[Any, ...]:
    return record.system, record.method, record.seed


def _rows(rows: Sequence[Mapping[str, Any]], name: str) -> Rows:
    """Rows by what they are of; a table of seeds does not say the system in its rows."""
    system = {} if name == "summary" else {"system": name.removeprefix("seeds-")}
    return {tuple({**system, **row}[k] for k in _LABELS if k in row or k in system): row for row in rows}


def _as_shown(record: RunRecord, summary: Rows) -> RunRecord:
    """The run within the budget that the summary was made of, where that can be told."""
    row = summary.get((record.system, record.method), {})
    relaxations, runs = row.get("relaxations"), row.get("runs")
    if isinstance(relaxations, int) and isinstance(runs, int) and runs > 0 and relaxations % runs == 0:
        return record.within(max(1, relaxations // runs)) if relaxations else record
    return record


def _differences(rows: Rows, expected: Rows) -> Iterator[str]:
    for key in rows.keys() - expected.keys():
        yield f"{_label(key)}: the journals have no such run"
    for key in expected.keys() - rows.keys():
        yield f"{_label(key)}: it has no such row"
    for key, row in rows.items():
        other = expected.get(key)
        if other is None:
            continue
        for name in dict.fromkeys([*row, *other]):
            if name not in _SPENT and not _alike(row.get(name), other.get(name)):
                yield f"{_label(key)}: {name} is {row.get(name)}, and the journals give {other.get(name)}"


def _label(key: tuple[Any, ...]) -> str:
    return ", ".join(map(str, key))


def _alike(first: Any, second: Any) -> bool:
    numbers = all(isinstance(one, float | int) and not isinstance(one, bool) for one in (first, second))
    return abs(first - second) <= 1e-9 * max(1.0, abs(first)) if numbers else bool(first == second)
