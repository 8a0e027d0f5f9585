"""Files of lines that are packed and unpacked, durably (`crysim.harness.blocks`)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from crysim.harness.blocks import ENDING, open_lines
from crysim.harness.lines import sync_folder


def unpack(path: Path) -> None:
    """Put a file of lines in the place of its packed form, durably; nothing if it is not packed."""
    packed = path.with_name(path.name + ENDING)
    if packed.exists() and not path.exists():
        with open_lines(path) as lines:
            write_parts(path, lines)
    if packed.exists():
        packed.unlink()


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file of parts so that a reader sees its old or its new content."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with temporary.open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
