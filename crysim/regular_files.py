"""Files that a person names: opened only if they are ordinary files, read only up to a size, parsed without crashing.

A named pipe, a device or a folder in a file's place is refused at once: opening a pipe waits for a writer for ever, and
a device such as ``/dev/zero`` never ends.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from crysim.errors import InputError

if TYPE_CHECKING:
    import numpy as np

MAX_TEXT = 256 << 20
"""Bytes of a text that is read as a whole."""
MAX_ARRAYS = 2 << 30
"""Bytes of all arrays of an archive, unpacked."""
UNREADABLE_NPZ = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    SyntaxError,
    RecursionError,
    NotImplementedError,  # a compression that this Python does not know
    RuntimeError,  # an encrypted member
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile and numpy raise of archives that are none, or are damaged."""


def open_regular(path: str | Path, what: str) -> BinaryIO:
    """Open an ordinary file for reading bytes.

    Args:
        path: of the file; links are followed.
        what: what errors call it, as in ``the model``.

    Raises:
        InputError: no such file, one that may not be read, or no ordinary file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except ValueError as error:  # a name with a NUL
        raise InputError(f"cannot read {what} {str(path)!r}: {error}") from error
    file = None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise InputError(f"cannot read {what} {path}: it is {kind}, not an ordinary file")
        file = os.fdopen(descriptor, "rb")
    finally:
        if file is None:
            os.close(descriptor)
    return file


def read_text(path: str | Path, what: str, *, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The text of an ordinary file of at most `MAX_TEXT` bytes; a byte order mark at its beginning is dropped.

    Raises:
        InputError: it cannot be read, is too large, or is no text.
    """
    try:
        with open_regular(path, what) as file:
            content = file.read(MAX_TEXT + 1)
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error
    if len(content) > MAX_TEXT:
        raise InputError(f"cannot read {what} {path}: it is larger than {MAX_TEXT >> 20} MiB")
    try:
        return content.decode(encoding, errors).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {what} {path}: it is no text in {encoding.upper()}") from error


def read_json(path: str | Path, what: str) -> Any:
    """The value of a JSON file.

    Raises:
        InputError: it cannot be read, is no JSON, or nests too deeply.
    """
    text = read_text(path, what)
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    except RecursionError as error:
        raise InputError(f"cannot read {what} {path}: its brackets nest too deeply") from error


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        InputError: it cannot be read, is no TOML, or nests too deeply.
    """
    text = read_text(path, what)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML: {error}") from error
    except RecursionError as error:
        raise InputError(f"cannot read {what} {path}: its brackets nest too deeply") from error


def read_arrays(path: str | Path, what: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of numpy's archive, by their names; together they take `MAX_ARRAYS` bytes at most.

    Raises:
        InputError: it cannot be read, or is too large.
        ValueError: it is no such archive, is damaged, or holds pickled objects.
    """
    import numpy as np

    with open_regular(path, what) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > MAX_ARRAYS:
                raise InputError(f"cannot read {what} {path}: its arrays take {size >> 20:,} MiB")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (*UNREADABLE_NPZ, OSError, MemoryError, OverflowError) as error:  # a header may claim any size
            raise ValueError(str(error) or type(error).__name__) from error
