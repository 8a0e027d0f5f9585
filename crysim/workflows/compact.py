"""A folder's finished runs in less room."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crysim.errors import CrysimError, InputError
from crysim.harness.compact import compact_run
from crysim.harness.journal import find_runs


@dataclass(frozen=True)
class Compacted:
    """What packing came to.

    Attributes:
        folder: of the results.
        runs: that were packed.
        before, after: bytes of their journals.
        left: runs that were left as they are for an error, and why, one line each.
    """

    folder: Path
    runs: int
    before: int
    after: int
    left: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "folder": str(self.folder)}

    def __str__(self) -> str:
        if not self.runs:
            return f"{self.folder}: no finished run that is not packed"
        return f"{self.folder}: {self.runs} runs packed, {self.before / 1e6:.1f} MB to {self.after / 1e6:.1f} MB"


def compact(folder: str | Path) -> Compacted:
    """Pack the journals of the finished runs in a folder; they are read as before, and unpacked if they go on.

    Raises:
        InputError: the folder holds no run.
    """
    folders = find_runs(folder)
    if not folders:
        raise InputError(f"{folder} holds no run: give the folder that crysim bench or crysim search wrote")
    runs, before, after, left = 0, 0, 0, list[str]()
    for one in folders:
        try:
            sizes = compact_run(one)
        except CrysimError as error:
            left.append(str(error))
            continue
        if sizes is not None:
            runs, before, after = runs + 1, before + sizes[0], after + sizes[1]
    return Compacted(Path(folder), runs, before, after, tuple(left))
