"""The standard streams: one that holds a JSON document and nothing else, full disks, and terminals of few letters."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_reserved: list[TextIO] = []


@contextmanager
def reserved_stdout() -> Iterator[None]:
    """Within, what is printed goes to standard error, from other processes and C libraries too.

    Only `write_document` writes to the standard output.
    """
    before = sys.stdout
    before.flush()
    try:
        number = before.fileno()
    except (OSError, AttributeError, io.UnsupportedOperation):  # no file: a test, a notebook
        number = None
    own = None if number is None else os.dup(number)
    try:
        if own is None or number is None:
            _reserved.append(before)
        else:
            os.dup2(sys.stderr.fileno(), number)
            _reserved.append(os.fdopen(own, "w", encoding=before.encoding, errors=before.errors, closefd=False))
        sys.stdout = sys.stderr
        yield
    finally:
        stream = _reserved.pop()
        sys.stdout = before
        if own is not None and number is not None:
            try:
                stream.flush()
            finally:
                os.dup2(own, number)
                os.close(own)


def writes_everything() -> bool:
    """Whether the standard output can write every letter there is."""
    stream = _reserved[-1] if _reserved else sys.stdout
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-") in ("utf-8", "utf8")


def write_what_they_can() -> None:
    """Let the streams write a question mark for a letter that the terminal's encoding does not know."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush_at_the_end() -> str:
    """Flush the standard output as the last thing; what went wrong, in a few words, or nothing.

    What could not be written is given up, so that the interpreter does not try again.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        with suppress(OSError, ValueError, AttributeError):
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, sys.stdout.fileno())
            os.close(devnull)
        return getattr(error, "strerror", None) or str(error)
    return ""


def write_document(text: str) -> None:
    """Write a text and a line break to the standard output, also where it is reserved."""
    stream = _reserved[-1] if _reserved else sys.stdout
    stream.write(text + "\n")
    stream.flush()
