"""Tables that `crysim reproduce` once wrote, against what the journals of their runs give now. Nothing is run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from crysim.analysis.comparison import Comparison, Reference
from crysim.analysis.paper.tables import Target, find_target, targets
from crysim.analysis.tables import Column, Table
from crysim.errors import InputError
from crysim.harness.journal import MANIFEST, RunRecord, read_run
from crysim.harness.run_folder import run_folder
from crysim.harness.settings import BenchSettings
from crysim.harness.systems import find_system
from crysim.regular_files import read_json
from crysim.workflows.reproduce import comparison_of, stems, tables_of_target, target_parts
from crysim.workflows.reproduction_cuts import Cuts, KeptCuts, kept_cuts

State = Literal["same", "differs", "no journals", "runs are missing", "no table", "no reference", "not checked"]

_SHOWN = 5
"""Differences of a table that are told one by one."""


@dataclass(frozen=True)
class Checked:
    """What the check of one target came to.

    Attributes:
        target: its name.
        state: ``same`` and ``differs`` are of tables that were compared, the others say why none could be.
        detail: one line.
    """

    target: str
    state: State
    detail: str

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"target": self.target, "state": self.state, "detail": self.detail}


def exit_code(checked: Sequence[Checked]) -> int:
    """0 if all are the same, 1 if any differs, 3 if some could not be compared."""
    states = {one.state for one in checked}
    return 1 if "differs" in states else 3 if states - {"same"} else 0


def checked_table(checked: Sequence[Checked]) -> Table:
    """The targets and what came of each."""
    columns = (Column("target", "target"), Column("state", "tables and journals"), Column("detail", "detail"))
    return Table("Committed tables against their journals", columns, tuple(one.to_dict() for one in checked))


def check_reproduced(
    names: Sequence[str], out: str, cuts: Cuts, told: Callable[[str], object] = lambda _: None
) -> list[Checked]:
    """Compare the tables in a folder with what its runs give.

    Args:
        names: of targets; none: all that were made in the folder.
        out: the folder that `crysim.workflows.reproduce.reproduce` wrote.
        cuts: those with which it did; without any, those that it wrote down.
        told: told what is compared next, in a line.

    Raises:
        InputError: an unknown target, no such folder, none that was made there, or a damaged run.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} to check: name with --out the one that was written")
    kept = kept_cuts(folder)
    unsaid = KeptCuts(cuts, {})
    chosen = names or [name for name, target in targets().items() if name in kept or _written(target, folder)]
    if not chosen:
        raise InputError(f"there is no table of crysim reproduce in {folder}: name with --out the folder that it wrote")
    checked = []
    for name in dict.fromkeys(chosen):
        told(f"checking {name}")
        made = unsaid if cuts.kept else kept.get(name, unsaid)
        checked.append(_check(find_target(name), folder, cuts.references, made))
    return checked


def _check(target: Target, folder: Path, references: Mapping[str, str], made: KeptCuts) -> Checked:
    cuts = made.cuts
    if target.kind == "searches":
        return Checked(target.name, "not checked", "not made of a comparison's journals: make it again in a new folder")
    if not _written(target, folder):
        return Checked(target.name, "no table", f"there is no {folder / target.name}.json")
    if target.kind == "bits":
        (table,) = tables_of_target(target, (), cuts, ())
        return _compared(target, folder, [table], "made again from random crystals")
    parts = target_parts(target, folder, cuts)
    wanted = sum(len(part.settings.runs()) for part in parts)
    found = [_whole_runs(part.settings) for part in parts]
    whole = sum(map(len, found))
    if not whole:
        where = ", ".join(part.settings.out for part in parts)
        return Checked(target.name, "no journals", f"none of its {wanted} runs is in {where or folder}")
    if whole < wanted:
        return Checked(target.name, "runs are missing", f"{whole} of {wanted} are there to their end")
    if missing := [system for system in made.energies if system not in references]:
        return Checked(
            target.name, "no reference", "give " + " ".join(f"--reference {system}=FILE" for system in missing)
        )
    compared = [comparison_of(part.settings, records) for part, records in zip(parts, found, strict=True)]
    compared = [_with_references(one, references, made.energies) for one in compared]
    runs = "1 run" if whole == 1 else f"{whole} runs"
    return _compared(target, folder, tables_of_target(target, compared, cuts, ()), runs)


def _written(target: Target, folder: Path) -> bool:
    """Whether a table of the target was written there: one, or one for each of its systems."""
    return any((folder / f"{name}.json").is_file() for name in (target.name, f"{target.name}-1"))


def _with_references(
    comparison: Comparison, files: Mapping[str, str], energies: Mapping[str, float | None]
) -> Comparison:
    """With the references that a user gave, which no folder has to hold, at the energies that were written down."""
    found = dict(comparison.references)
    for system in comparison.systems:
        if system in energies:
            crystal = find_system(system, reference=files[system]).reference
            assert crystal is not None
            found[system] = Reference(crystal, energies[system])
    return replace(comparison, references=found)


def _compared(target: Target, folder: Path, tables: Sequence[Table], told: str) -> Checked:
    """The tables against the files of the target."""
    differences: list[str] = []
    for stem, table in zip(stems(target, tables, folder), tables, strict=True):
        path = stem.with_name(f"{stem.name}.json")
        if not path.is_file():
            return Checked(target.name, "no table", f"{path} is not there")
        differences += [
            f"{path.name}, {line}" for line in _differences(_rows(path), json.loads(table.to_json())["rows"])
        ]
    if not differences:
        return Checked(target.name, "same", told)
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return Checked(target.name, "differs", "; ".join(differences[:_SHOWN]) + more)


def _whole_runs(settings: BenchSettings) -> list[RunRecord]:
    """The runs that are there to their end."""
    folders = [(s, run_folder(Path(settings.out), s.system.name, s.method, s.seed)) for s in settings.runs()]
    records = [read_run(folder).within(spec.budget) for spec, folder in folders if (folder / MANIFEST).exists()]
    return [record for record in records if record.complete]


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        rows = read_json(path, "the table")["rows"]
    except (InputError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no table of crysim: {type(error).__name__}") from error
    return list(rows)


def _differences(written: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for every cell that is not what the journals give."""
    if len(written) != len(made):
        return [f"{len(written)} rows in the table, {len(made)} from the journals"]
    return [
        f"row {number}, {key}: {ours.get(key)} in the table, {theirs.get(key)} from the journals"
        for number, (ours, theirs) in enumerate(zip(written, made, strict=True), 1)
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    ]
