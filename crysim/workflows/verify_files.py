"""Whether the files that were written beside the runs are as they were written, where their hashes are there."""

from __future__ import annotations

from pathlib import Path

from crysim.errors import CrysimError
from crysim.workflows.report import was_changed
from crysim.written_files import LIST, OUTCOME, changed_files

_CHANGED = "it was changed since it was written"


def other_files(folder: Path) -> tuple[int, list[tuple[str, str]], list[str]]:
    """How many files were compared, those that differ with what is to be said of them, and what could not be compared.

    Args:
        folder: of results; crystals, pictures, reports, inputs of other programs and the like in and under it.
    """
    compared, differences, notes = 0, list[tuple[str, str]](), list[str]()
    for path in sorted([*folder.rglob(LIST), *folder.rglob(OUTCOME)]):
        try:
            there, changed = changed_files(path)
        except (CrysimError, OSError) as error:
            notes.append(f"files of {path.parent} are not compared: {error}")
            continue
        compared += there
        differences += [(str(one), _CHANGED) for one in changed]
    report = folder / "report.html"
    if was_changed(report):
        differences.append((str(report), _CHANGED))
    return compared, differences, notes
