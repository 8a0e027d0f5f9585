"""A folder's finished runs in less room."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crysim.errors import CrysimError, InputError
from crysim.harness.compact import compact_run, compact_shared, shared_by
from crysim.harness.journal import find_runs
from crysim.harness.packed import Packer


@dataclass(frozen=True)
class Compacted:
    """What packing came to.

    Attributes:
        folder: of the results.
        runs: that were packed.
        before, after: bytes of the files that are gone, and of those that are there instead: journals and initial
            crystals, those that runs share counted once.
        left: what was left as it is for an error, and why, one line each.
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
        if not (self.runs or self.after):
            return f"{self.folder}: no finished run that is not packed"
        return f"{self.folder}: {self.runs} runs packed, {self.before / 1e6:.1f} MB to {self.after / 1e6:.1f} MB"


def compact(folder: str | Path) -> Compacted:
    """Pack the journals and initial crystals of the finished runs in a folder, which are read and go on as before.

    What runs share of initial crystals is packed with the folder that they share it in.

    Raises:
        InputError: the folder holds no run.
    """
    folders = find_runs(folder)
    if not folders:
        raise InputError(f"{folder} holds no run: give the folder that crysim bench or crysim search wrote")
    packer, runs, left = Packer(), 0, list[str]()
    for shared in shared_by(Path(folder), folders):
        try:
            compact_shared(shared, packer)
        except CrysimError as error:
            left.append(str(error))
    for one in folders:
        try:
            runs += compact_run(one, packer) is not None
        except CrysimError as error:
            left.append(str(error))
    return Compacted(Path(folder), runs, packer.before, packer.after, tuple(left))
