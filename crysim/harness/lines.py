"""Files of checksummed JSON lines: what makes a journal durable, and a torn, altered or moved line visible.

A line is a JSON object whose first member is the checksum of the rest of the line, and whose second, ``after``, is the
checksum of the line before: so a line that is missing, doubled, moved or of another file shows. The first line's
``after`` is the file's own beginning (a run's identity). Files of the first releases have no ``after``: what is
appended to them is chained to all that was there.

Lines are appended in one write, flushed and fsynced. A process killed while it writes can leave only the last line
torn; that one is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from crysim.errors import InputError
from crysim.harness.blocks import is_stored, open_lines
from crysim.written_files import refuse_link

_HEAD = '{"checksum":"'
_HEAD_BYTES = _HEAD.encode()
_DIGITS = 16
_BODY = len(_HEAD) + _DIGITS + 2  # past '",'
AFTER = "after"
"""The key of the checksum of the line before, a line's second."""
_NEXT = f'"{AFTER}":"'.encode()


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
    return f'{_HEAD}{_checksum(rest.encode())}",{rest}'


def unseal(line: str | bytes) -> dict[str, Any] | None:
    """The record of a line; None if it is torn or was altered."""
    data = line.encode() if isinstance(line, str) else line
    if not _sealed(data):
        return None
    record: dict[str, Any] = json.loads(b"{" + data[_BODY:])
    return record


def _sealed(line: bytes) -> bool:
    return _is_sealed_with(line, _checksum(line[_BODY:]))


def _is_sealed_with(line: bytes, checksum: str) -> bool:
    return line.startswith(_HEAD_BYTES) and line[len(_HEAD) : _BODY - 2] == checksum.encode()


def _after(line: bytes) -> str | None:
    """What a sealed line names as the one before; None if it names none."""
    if not line.startswith(_NEXT, _BODY):
        return None
    begin = _BODY + len(_NEXT)
    return line[begin : line.find(b'"', begin)].decode()


def _checksum(text: bytes | memoryview) -> str:
    return hashlib.sha256(text).hexdigest()[:_DIGITS]


@dataclass
class Lines:
    """The whole lines of a file.

    Attributes:
        records: what they hold.
        ends: the file's size up to and including each of them.
        checksums: of each.
        chained: of each, whether it names the one before.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    checksums: list[str] = field(default_factory=list)
    chained: list[bool] = field(default_factory=list)

    def link(self, count: int, beginning: str) -> str:
        """What the line after the first ``count`` names as the one before."""
        if not count:
            return beginning
        if self.chained[count - 1]:
            return self.checksums[count - 1]
        return _checksum("".join(self.checksums[:count]).encode())


def read_chain(path: Path, beginning: str | None = None) -> Lines:
    """Read the lines of a file; a torn last one is left out.

    Args:
        path: of the file.
        beginning: what its first line must name as the one before, if it names any; None: anything.

    Raises:
        InputError: a line that is not the last is damaged, or one does not belong where it stands.
    """
    chain = ChainReader(path, beginning)
    records = []
    for line, _ in chain:
        record = chain.record(line)
        record.pop(AFTER, None)
        records.append(record)
    chain.lines.records = records
    return chain.lines


class ChainReader:
    """Goes through the sealed lines of a file, and looks whether each belongs where it stands.

    Attributes:
        lines: those so far, without their records.
    """

    def __init__(self, path: Path, beginning: str | None = None) -> None:
        """See `read_chain`."""
        self.lines = Lines()
        self._path, self._beginning = path, beginning

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Each line, without its break, and the file's size up to and including it.

        Raises:
            InputError: see `read_chain`.
        """
        checksums, chained, ends = self.lines.checksums, self.lines.chained, self.lines.ends
        end = 0
        follows: bytes | None = None  # what the next line begins with after its checksum, if this one is chained
        with open_lines(self._path) as file:
            lines = iter(file)
            for line in lines:
                end += len(line)
                whole = line.endswith(b"\n")
                line = line[:-1]
                checksum = _checksum(memoryview(line)[_BODY:])
                if not whole or not _is_sealed_with(line, checksum):
                    if whole and next(lines, b""):
                        raise self._damaged("is damaged (its checksum does not match)")
                    return
                if follows is not None and line.startswith(follows, _BODY):
                    checksums.append(checksum)
                    chained.append(True)
                else:
                    self._follow(line)
                follows = b'%b%b"' % (_NEXT, checksum.encode()) if chained[-1] else None
                ends.append(end)
                yield line, end

    def record(self, line: bytes) -> dict[str, Any]:
        """What the last line holds.

        Raises:
            InputError: no JSON object.
        """
        try:
            found: dict[str, Any] = json.loads(b"{" + line[_BODY:])
        except (ValueError, RecursionError) as error:
            raise self._damaged("fits its checksum, but is no JSON object", len(self.lines.ends)) from error
        return found

    def _follow(self, line: bytes) -> None:
        checksums, chained = self.lines.checksums, self.lines.chained
        after = _after(line)
        if not checksums:
            belongs = after is None or self._beginning is None or after == self._beginning
        elif after is None:
            belongs = not chained[-1]
        else:
            belongs = after == (checksums[-1] if chained[-1] else self.lines.link(len(checksums), ""))
        if not belongs:
            where = "does not follow the one before" if checksums else "is not of this run"
            raise self._damaged(f"{where}: a line is missing, doubled, moved or from another file")
        checksums.append(line[len(_HEAD) : _BODY - 2].decode())
        chained.append(after is not None)

    def _damaged(self, what: str, number: int | None = None) -> InputError:
        number = len(self.lines.ends) + 1 if number is None else number
        return InputError(
            f"{self._path}, line {number}: the line {what}; restore the file, or delete its folder to run it anew"
        )


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """The records of a file, and its size up to and including each of them; see `read_chain`."""
    lines = read_chain(path)
    return lines.records, lines.ends


def num_lines(path: Path) -> int:
    """How many whole lines a file has, which are not looked at; 0 if there is no such file."""
    if not is_stored(path):
        return 0
    with open_lines(path) as lines:
        return sum(line.endswith(b"\n") for line in lines)


class LineFile:
    """A file of lines that is appended to: when `append` returns, the records survive a kill and a power cut."""

    def __init__(self, path: Path, size: int, after: str) -> None:
        """Open it; what follows its first bytes is cut off.

        Args:
            path: of the file; made if missing.
            size: bytes that are kept.
            after: what the next line names as the one before (`Lines.link`).

        Raises:
            InputError: a link stands in its place.
        """
        refuse_link(path)
        self._after = after
        self._file: BinaryIO = path.open("ab")
        self._file.truncate(size)
        os.fsync(self._file.fileno())
        sync_folder(path.parent)

    def append(self, records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Append records durably, and return them as a reader of the file would see them."""
        lines: list[bytes] = []
        for record in records:
            line = seal({AFTER: self._after, **record}).encode()
            self._after = line[len(_HEAD) : _BODY - 2].decode()
            lines.append(line)
        self._file.write(b"".join(line + b"\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())
        found = [read for line in lines if (read := unseal(line)) is not None]
        for read in found:
            read.pop(AFTER)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> LineFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees its old or its new content, whatever happens in between."""
    write_blocks(path, (data,))


def write_blocks(path: Path, blocks: Iterable[bytes]) -> None:
    """`write_atomically` for what is too large to be held at once."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # of a process that died; or a link, which is not followed
    with temporary.open("xb") as file:
        file.writelines(blocks)
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
