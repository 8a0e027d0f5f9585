"""Files of lines that were compacted: gzip, in blocks of whole lines, so that one line is read without those before it.

Any gzip program reads such a file. Each block is a gzip member whose header says how long it is, packed and unpacked,
and whether another one follows: so a file that was cut at a block's end is no shorter run. Files of the first releases
do not say that.
"""

from __future__ import annotations

import io
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

from crysim.errors import InputError
from crysim.regular_files import open_regular

READ_AHEAD = 1 << 20
"""Bytes read at once by who goes through all lines: by the usual few thousand it takes four times as long."""
ENDING = ".gz"
BLOCK = 1 << 18
"""Bytes of lines in a block, about: a line is read by unpacking so much."""
MAX_BLOCK = 1 << 28
"""Bytes of lines in a block at most: one line may be longer than all others."""
_HEADER = struct.Struct("<4sIBBHccHII")
"""Of a gzip member with one extra field: magic and flags, time, hint, system, length of the field, its name, length of
its content, and the lengths of the member and of what it holds."""
_START = b"\x1f\x8b\x08\x04"
_FORMER, _FOLLOWED, _LAST = (b"C", b"S"), (b"C", b"F"), (b"C", b"L")
"""Names of the field: in the first releases; of a block that another follows; of the last one."""

_AFTER = {_FORMER: (_FORMER,), _FOLLOWED: (_FORMER, _FOLLOWED, _LAST), _LAST: ()}
"""What may follow a block; at a file's beginning, what may follow one that is followed."""


class Lines(Protocol):
    """A file of lines that is open for reading."""

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from one place to another, of the file as it is when it is not packed."""

    def __iter__(self) -> Iterator[bytes]:
        """Each line with its break; the last one may have none."""

    def __enter__(self) -> Lines:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


def stored_path(path: Path) -> Path:
    """Where the lines of a file are: in itself, or where there is none in its packed form."""
    packed = path.with_name(path.name + ENDING)
    return packed if not path.exists() and packed.exists() else path


def is_stored(path: Path) -> bool:
    """Whether there is a file of lines, packed or not."""
    return stored_path(path).exists()


def open_lines(path: Path) -> Lines:
    """Open a file of lines, packed or not.

    Raises:
        InputError: the packed file is damaged.
    """
    stored = stored_path(path)
    return PackedLines(stored) if stored != path else _PlainLines(path)


class _PlainLines:
    def __init__(self, path: Path) -> None:
        self._file = cast("io.BufferedReader", open_regular(path, "the lines of"))

    def read(self, begin: int, end: int) -> bytes:
        self._file.seek(begin)
        return self._file.read(end - begin)

    def __iter__(self) -> Iterator[bytes]:
        self._file = io.BufferedReader(self._file.detach(), READ_AHEAD)
        self._file.seek(0)
        return iter(self._file)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class PackedLines(_PlainLines):
    """The lines of a packed file."""

    def __init__(self, path: Path) -> None:
        """Read where each block is.

        Raises:
            InputError: a block's header is damaged, or a block is missing at the end, if not all are.
        """
        super().__init__(path)
        self._path = path
        self._starts, self._places, self.size = [0], list[tuple[int, int]](), 0
        place, name = 0, _FOLLOWED
        while header := self._file.read(_HEADER.size):
            if len(header) < _HEADER.size:
                raise self._damaged()
            start, _, _, _, _, first, second, _, packed, size = _HEADER.unpack(header)
            before, name = name, (first, second)
            if start != _START or name not in _AFTER[before] or packed < _HEADER.size or size > MAX_BLOCK:
                raise self._damaged()
            self._places.append((place, packed))
            self.size += size
            self._starts.append(self.size)
            place += packed
            self._file.seek(place)
        if name == _FOLLOWED:
            raise self._damaged()
        self._last: tuple[int, bytes] = (-1, b"")

    def read(self, begin: int, end: int) -> bytes:
        """See `Lines`."""
        found = b""
        block = bisect_right(self._starts, begin) - 1
        while begin + len(found) < end and block < len(self._places):
            offset = begin + len(found) - self._starts[block]
            found += self._block(block)[offset : offset + end - begin - len(found)]
            block += 1
        return found

    def __iter__(self) -> Iterator[bytes]:
        for block in range(len(self._places)):
            yield from self._block(block).splitlines(keepends=True)

    def _block(self, number: int) -> bytes:
        if self._last[0] != number:
            place, packed = self._places[number]
            self._file.seek(place)
            try:
                content = self._unpack(self._file.read(packed), self._starts[number + 1] - self._starts[number])
            except zlib.error as error:
                raise self._damaged() from error
            self._last = number, content
        return self._last[1]

    def _unpack(self, packed: bytes, size: int) -> bytes:
        """What a member holds; of one that holds more than its header says, no more is unpacked."""
        unpacker = zlib.decompressobj(wbits=31)
        content = unpacker.decompress(packed, size + 1)
        if len(content) != size or not unpacker.eof:
            raise self._damaged()
        return content

    def _damaged(self) -> InputError:
        return InputError(f"{self._path} is damaged: restore it, or delete its folder to run it anew")


def pack(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks of a packed file.

    Args:
        lines: each with its break.
    """
    waiting: list[bytes] = []
    size = 0
    for line in lines:
        if size >= BLOCK:
            yield _member(b"".join(waiting), _FOLLOWED)
            waiting, size = [], 0
        waiting.append(line)
        size += len(line)
    yield _member(b"".join(waiting), _LAST)


def _member(content: bytes, name: tuple[bytes, bytes]) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(content) + packer.flush()
    packed = _HEADER.size + len(body) + 8
    header = _HEADER.pack(_START, 0, 0, 255, 12, *name, 8, packed, len(content))
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))
