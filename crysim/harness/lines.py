"""Files of checksummed JSON lines: what makes a journal durable, and a torn or altered line visible.

A line is a JSON object whose first member is the checksum of the rest of the line. Lines are appended in one write,
flushed and fsynced. A process killed while it writes can leave only the last line torn; that one is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from crysim.errors import InputError

_HEAD = '{"checksum":"'
_DIGITS = 16
_BODY = len(_HEAD) + _DIGITS + 2  # past '",'


def to_json(value: Any) -> str:
    """Compact JSON with exact floats; numpy's scalars and arrays become numbers and lists.

    Raises:
        TypeError: a value that JSON does not know.
        ValueError: NaN or an infinity, which JSON does not know either.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def seal(record: Mapping[str, Any]) -> str:
    """The line of a non-empty record, without its line break."""
    rest = to_json(record)[1:]
    return f'{_HEAD}{_checksum(rest)}",{rest}'


def unseal(line: str) -> dict[str, Any] | None:
    """The record of a line; None if it is torn or was altered."""
    if not line.startswith(_HEAD) or line[len(_HEAD) : _BODY - 2] != _checksum(line[_BODY:]):
        return None
    record: dict[str, Any] = json.loads("{" + line[_BODY:])
    return record


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """Read the records of a file, and where each line ends.

    Returns:
        The records, and the file's size up to and including each of them. A torn last line is in neither.

    Raises:
        InputError: a line that is not the last is damaged.
    """
    data = path.read_bytes()
    records: list[dict[str, Any]] = []
    ends: list[int] = []
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start)
        record = None if stop < 0 else unseal(data[start:stop].decode(errors="replace"))
        if record is None:
            if 0 <= stop < len(data) - 1:
                raise InputError(
                    f"{path}, line {len(records) + 1}: the line is damaged (its checksum does not match); "
                    f"restore the file, or delete its folder to run it anew"
                )
            break
        records.append(record)
        start = stop + 1
        ends.append(start)
    return records, ends


def append_lines(file: BinaryIO, records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Append records durably: when this returns, they survive a kill and a power cut. Returns the lines."""
    lines = [seal(record) for record in records]
    file.write("".join(line + "\n" for line in lines).encode())
    file.flush()
    os.fsync(file.fileno())
    return lines


def open_for_append(path: Path, size: int) -> BinaryIO:
    """Open a file to append to its first ``size`` bytes; what follows them is cut off."""
    file = path.open("ab")
    file.truncate(size)
    os.fsync(file.fileno())
    sync_folder(path.parent)
    return file


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees its old or its new content, whatever happens in between."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # of a process that died; or a link, which is not followed
    with temporary.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable, where the system can."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
