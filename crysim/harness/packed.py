"""Files of lines that are packed and unpacked, durably (`crysim.harness.blocks`)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from crysim.harness.blocks import ENDING, Lines, PackedLines, open_lines, pack
from crysim.harness.lines import ChainReader, sync_folder, write_atomically, write_blocks


class Packer:
    """Packs files of lines; those that are one file under several names are one file again.

    A packed file is read back before the other one is deleted. As long as both are there, the one that is not packed is
    read: so a process may die at any moment.

    Attributes:
        before: bytes of the files that are gone now.
        after: bytes of those that are there instead.
    """

    def __init__(self) -> None:
        self.before = self.after = 0
        self._packed: dict[tuple[int, int], Path] = {}

    def pack(self, path: Path, beginning: str | None = None) -> bool:
        """Put the packed form of a file in its place; False if there is no file that is not packed.

        Args:
            path: of the file.
            beginning: see `crysim.harness.lines.read_chain`.

        Raises:
            InputError: a line is damaged, or does not belong where it stands.
            OSError: the packed file is not what was written.
        """
        if not path.exists():
            return False
        for _ in ChainReader(path, beginning):
            pass
        about, packed = path.stat(), path.with_name(path.name + ENDING)
        name = about.st_dev, about.st_ino
        if not (name in self._packed and same_file(self._packed[name], packed) and is_packed_form(path, packed)):
            with open_lines(path) as lines:
                write_blocks(packed, pack(iter(lines)))
            if not is_packed_form(path, packed):
                packed.unlink()
                raise OSError(f"the packed form of {path} is not what was written")
            self._packed[name] = packed
            self.after += packed.stat().st_size
        path.unlink()
        sync_folder(path.parent)
        self.before += about.st_size if about.st_nlink == 1 else 0  # of a file with other names nothing is gone yet
        return True


def is_packed_form(path: Path, packed: Path) -> bool:
    """Whether a packed file holds, to the last byte, what a file that is not packed holds.

    Raises:
        InputError: the packed file is damaged.
    """
    with open_lines(path) as lines, PackedLines(packed) as found:
        return _hash(lines) == _hash(found)


def _hash(lines: Lines) -> bytes:
    whole = hashlib.sha256()
    for line in lines:
        whole.update(line)
    return whole.digest()


def same_file(source: Path, target: Path) -> bool:
    """Give a file a second name, replacing what had it; where the system has no such names, copy it. True if it had."""
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        write_atomically(target, source.read_bytes())
        return False
    temporary.replace(target)
    temporary.unlink(missing_ok=True)  # nothing is moved where both were one file before
    sync_folder(target.parent)
    return True


def unpack(path: Path) -> None:
    """Put a file of lines in the place of its packed form, durably; nothing if it is not packed."""
    packed = path.with_name(path.name + ENDING)
    if packed.exists() and not path.exists():
        with open_lines(path) as lines:
            write_blocks(path, lines)
    if packed.exists():
        packed.unlink()
