"""Finished runs take less room: their journals are packed, seals and all, and unpacked when they go on."""

from __future__ import annotations

from pathlib import Path

from crysim.harness.blocks import ENDING, open_lines, pack
from crysim.harness.journal import JOURNAL, beginning_of, read_run
from crysim.harness.lines import ChainReader, sync_folder, write_blocks
from crysim.harness.run_folder import LOCK, locked


def compact_run(folder: Path) -> tuple[int, int] | None:
    """Pack the journal of a finished run; its bytes before and after, or None if there is nothing to pack.

    The packed file is read back, line by line, before the other one is deleted.

    Raises:
        InputError: the journal is damaged.
        CrysimError: another process is at the run.
    """
    path = folder / JOURNAL
    with locked(folder / LOCK, wait=0.0):
        record = read_run(folder)
        away = path.with_name(path.name + ".packed")
        if not path.exists():
            away.unlink(missing_ok=True)  # of a process that died after it had packed
        if not path.exists() or not record.complete:
            return None
        beginning = beginning_of(record.manifest)
        with open_lines(path) as lines:
            write_blocks(path.with_name(path.name + ENDING), pack(iter(lines)))
        before = path.stat().st_size
        checksums = _checksums(path, beginning)
        path.replace(away)  # so that what is read back is the packed file
        if _checksums(path, beginning) != checksums:
            away.replace(path)
            raise OSError(f"the packed journal of {folder} is not what was written")
        away.unlink()
        sync_folder(folder)
        return before, path.with_name(path.name + ENDING).stat().st_size


def _checksums(path: Path, beginning: str) -> list[str]:
    chain = ChainReader(path, beginning)
    for _ in chain:
        pass
    return chain.lines.checksums
