"""Finished runs take less room: journals and initial crystals are packed, seals and all, and unpacked if written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from crysim.harness.blocks import ENDING
from crysim.harness.initial import SHARED, lock_of, read_complete, shared_files
from crysim.harness.journal import INITIAL, JOURNAL, beginning_of, read_run
from crysim.harness.packed import Packer, is_packed_form
from crysim.harness.run_folder import LOCK, locked


def compact_run(folder: Path, packer: Packer | None = None) -> tuple[int, int] | None:
    """Pack the journal and the initial crystals of a finished run, those of them that are not packed.

    Returns:
        Bytes of these files before and after (see `Packer`), or None if there is nothing to pack.

    Raises:
        InputError: one of the files is damaged.
        CrysimError: another process is at the run.
    """
    packer = packer or Packer()
    before, after = packer.before, packer.after
    journal = folder / JOURNAL
    with locked(folder / LOCK, wait=0.0):
        record = read_run(folder)
        _clear(journal)
        if not record.complete:
            return None
        packed = [packer.pack(folder / INITIAL), packer.pack(journal, beginning_of(record.manifest))]
    return (packer.before - before, packer.after - after) if any(packed) else None


def _clear(journal: Path) -> None:
    """Delete what a process of an earlier release left that died when it had packed a journal."""
    away = journal.with_name(journal.name + ".packed")
    packed = journal.with_name(journal.name + ENDING)
    if away.exists() and (journal.exists() or (packed.exists() and is_packed_form(away, packed))):
        away.unlink()


def shared_by(folder: Path, runs: Iterable[Path]) -> list[Path]:
    """The files of initial crystals that runs in and under a folder share, by their names when they are not packed."""
    beside = {parent for run in runs for parent in run.parents if parent.is_relative_to(folder)}
    return [path for place in sorted(beside) for path in shared_files(place / SHARED)]


def compact_shared(path: Path, packer: Packer) -> None:
    """Pack a file of initial crystals that runs share, if they all have their energies.

    Raises:
        InputError: the file is damaged.
        CrysimError: another process writes it.
    """
    if path.exists():
        with locked(lock_of(path), wait=0.0):
            if read_complete(path) is not None:
                packer.pack(path, path.stem)
