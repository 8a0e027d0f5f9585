"""The text of a structure file, and the numbers in it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from math import isfinite, nan
from pathlib import Path

from crysim.errors import InputError

MAX_BYTES = 64 * 2**20
"""The largest file that is read: a CIF of 10,000 sites is about 1 MB."""

_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")


class UnreadableError(InputError):
    """What is wrong with a file, as the rest of a sentence that begins with the file's name."""


class WrongFormatError(UnreadableError):
    """Why a file is none of its format at all, as a sentence."""


def check_regular(path: Path) -> None:
    """Refuse what is no regular file, and say what it is.

    Raises:
        InputError: there is nothing of this name, or a folder, a pipe or a device.
        OSError: a name that is too long, a folder that may not be looked into.
    """
    if path.is_dir():
        raise InputError(f"there is no file '{path}': it is a folder")
    if not path.exists():
        raise InputError(f"there is no file '{path}'")
    if not path.is_file():
        raise InputError(f"cannot read '{path}': it is a pipe or a device, not an ordinary file")


def read_text(path: Path) -> str:
    """The text of a regular file, without a byte order mark.

    UTF-8, or UTF-16 with a mark; bytes that are neither (a comment in Latin-1) become replacement characters.

    Raises:
        UnreadableError: no regular file, one that may not be read, is empty, too large, compressed or binary.
    """
    try:
        check_regular(path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableError(f"is of {size / 2**20:,.0f} MB: no file of one crystal is larger than 64 MB")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
    if data.startswith(_PACKED):
        raise UnreadableError("is compressed: unpack it")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
    else:
        text = data.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        raise WrongFormatError("it is binary, and a structure file is text")
    if not text.strip():
        raise WrongFormatError("it is empty")
    return text


def number(token: str) -> float:
    """A plain decimal number, exponents with e or d; NaN for anything else, infinity and NaN themselves included."""
    if not _NUMBER.fullmatch(token):
        return nan
    value = float(token.lower().replace("d", "e"))
    return value if isfinite(value) else nan


def numbers(tokens: Sequence[str]) -> list[float]:
    """The numbers that a line begins with, up to the first token that is none (a comment)."""
    values: list[float] = []
    for token in tokens:
        value = number(token)
        if value != value:
            break
        values.append(value)
    return values


def misplaced(text: str, line: int, wanted: str) -> UnreadableError:
    """The error of a line that holds something else than what belongs there."""
    return UnreadableError(f"has '{shortened(text)}' in line {line}: {wanted} there")


def count(token: str, what: str) -> int:
    """A whole number that is not negative.

    Raises:
        UnreadableError: anything else.
    """
    if not (token.isascii() and token.isdigit()) or len(token) > 18:
        raise UnreadableError(f"gives '{shortened(token)}' as {what}: a whole number belongs there")
    return int(token)


def shortened(text: str) -> str:
    """A piece of a file as it is quoted in a message: one line of at most 40 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:37] + "..."
