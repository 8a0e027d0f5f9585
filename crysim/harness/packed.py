"""Files of lines that are packed and unpacked, durably (`crysim.harness.blocks`)."""

from __future__ import annotations

from pathlib import Path

from crysim.harness.blocks import ENDING, open_lines
from crysim.harness.lines import write_blocks


def unpack(path: Path) -> None:
    """Put a file of lines in the place of its packed form, durably; nothing if it is not packed."""
    packed = path.with_name(path.name + ENDING)
    if packed.exists() and not path.exists():
        with open_lines(path) as lines:
            write_blocks(path, lines)
    if packed.exists():
        packed.unlink()
