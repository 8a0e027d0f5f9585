"""The errors that crysim raises on purpose, and the exit codes that they become."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches

from crysim.confidential import without_credentials

EXIT_ALL_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_PARTLY_FAILED = 3
EXIT_INTERRUPTED = 130


def hush_warnings() -> None:
    """Keep Python's own warnings, which libraries raise for their programmers, off a user's screen.

    What a user must know is said in crysim's own words. Python's ``-W`` and ``PYTHONWARNINGS`` go before this.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


LONG = 400
"""Characters of a foreign error's text that are shown."""


_MOST = 1200
"""Characters of a message that are shown: what it begins with and, where the remedy stands, what it ends with."""
_END = 300


def one_line(text: str) -> str:
    """A text as one line for a terminal, cut in its middle where it is long: what is not printable is spelled out.

    Names and texts from data (paths, manifests, plug-ins) may hold line breaks, and sequences that a terminal obeys.

    Example:
        >>> one_line("no file 'a\\nb'") == "no file 'a" + chr(92) + "nb'"
        True
    """
    shown = text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown if len(shown) <= _MOST else f"{shown[: _MOST - _END - 5]} ... {shown[-_END:]}"


def first_line(error: BaseException) -> str:
    """An error's type and first line, without any password; of one that cannot be put into words, its type."""
    try:
        return one_line(without_credentials((f"{type(error).__name__}: {error}".splitlines() or [""])[0]))
    except Exception:  # noqa: BLE001 - a foreign error may raise another when it is asked for its text
        return type(error).__name__


def all_lines(error: BaseException) -> str:
    """An error's type and its whole text in one line, cut where it is long, without any password."""
    try:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return without_credentials(text if len(text) <= LONG else f"{text[:LONG]} ...")
    except Exception:  # noqa: BLE001 - see `first_line`
        return type(error).__name__


class CrysimError(Exception):
    """Any error that crysim raises on purpose. The message is one printable line with the remedy and no password."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(without_credentials(str(message))))


class InputError(CrysimError):
    """The user's input is at fault: a formula, a name, an option, a file. Exit code 2."""


class MissingExtraError(InputError):
    """A part needs an optional dependency that is not installed."""

    def __init__(self, part: str, extra: str) -> None:
        super().__init__(f"{part} needs an optional dependency: pip install 'crysim[{extra}]'")
        self.part = part
        self.extra = extra


class UnknownNameError(InputError):
    """A name that is not in a known set; the message suggests the closest ones."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        options = sorted(known)
        close = get_close_matches(name, options, n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(options) or 'none'}"
        super().__init__(f"unknown {what} '{name}': {hint}")
        self.name = name
        self.suggestion = close[0] if close else None


def check_at_least(part: str, *options: tuple[str, float, float]) -> None:
    """Refuse options ``(name, value, least)`` whose values are below their least.

    Args:
        part: whose options they are, as in ``solver 'convex'``.

    Raises:
        InputError: a value is too small.
    """
    for key, value, least in options:
        if value < least:
            raise InputError(f"option '{key}' of {part} is {value}: it must be at least {least}")


def check_not_negative(part: str, **options: float) -> None:
    """Refuse options that are below 0.

    Args:
        part: whose options they are, as in ``solver 'convex'``.
        options: by name.

    Raises:
        InputError: a value is less, or no number.
    """
    for key, value in options.items():
        if not value >= 0:
            raise InputError(f"option '{key}' of {part} is {value}: it must not be negative")


def check_positive(part: str, **options: float | None) -> None:
    """Refuse options that are not above 0; None is not given.

    Args:
        part: whose options they are, as in ``solver 'convex'``.
        options: by name.

    Raises:
        InputError: a value is 0, less, or no number.
    """
    for key, value in options.items():
        if value is not None and not value > 0:
            raise InputError(f"option '{key}' of {part} is {value}: it must be above 0")


LONGEST = 1e8
"""Seconds, three years: what an operating system's clocks and waits take, and more than anybody waits."""


def check_seconds(name: str, value: float | None) -> None:
    """Refuse a time limit that is not above 0 or that no clock counts to; None is not given.

    Raises:
        InputError: it is 0, less, infinite, no number, or more than `LONGEST`.
    """
    if value is not None and not 0 < value <= LONGEST:
        raise InputError(f"{name} is {value:g} s: it must be above 0, and at most {LONGEST:g} s; leave it out for none")


class PluginError(InputError):
    """The plug-in that a name stands for cannot be used: it failed to import, or two share the name."""


class PluginFaultError(CrysimError):
    """A plug-in returned what its interface forbids, or failed in a way of its own; the message names the plug-in."""
