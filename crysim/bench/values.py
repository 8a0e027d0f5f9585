"""Values of the bench's keys, from a command line or a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

from crysim.errors import InputError
from crysim.symmetry import space_group_number

Converter = Callable[[Any], Any]
_RANGE = re.compile(r"(\d{1,30})(?:-(\d{1,30}))?")
_MOST = 100_000
"""Numbers of one list: more are a slip, and would fill the memory."""


def convert(key: str, value: Any, converter: Converter) -> Any:
    """The value of a key.

    Raises:
        InputError: it is none; the key is named.
    """
    try:
        return converter(value)
    except ValueError as error:
        raise InputError(f"{key} is {value!r}: it must be {error}") from None


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def names(value: Any) -> tuple[str, ...]:
    """A text, or a list of texts."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(v, str) and v for v in found):
        raise ValueError("a text or a list of texts")
    return tuple(found)


def whole(value: Any) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a whole number")
    return value


def real(value: Any) -> float:
    """A number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("a number")
    return float(value)


def reals(value: Any) -> dict[str, float]:
    """Numbers by name: a table, or a list of texts ``KEY=NUMBER``."""
    wanted = "numbers by name, as in Ca-O=2.0"
    if isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)):
        value = assignments(names(value))
    if not isinstance(value, dict):
        raise ValueError(wanted)
    try:
        return {key: real(number) for key, number in value.items()}
    except ValueError:
        raise ValueError(wanted) from None


def numbers(value: Any) -> tuple[int, ...]:
    """Whole numbers: ``"0-4"``, ``"0,3,7-9"``, one number, or a list of numbers."""
    wanted = "whole numbers, as in 0-4 or 0,3,7"
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if isinstance(value, list | tuple):
        if not value or not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            raise ValueError(wanted)
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError(wanted)
    found: list[int] = []
    for part in value.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise ValueError(wanted)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(wanted)
        if len(found) + last - first >= _MOST:
            raise ValueError(f"at most {_MOST:,} numbers")
        found.extend(range(first, last + 1))
    return tuple(found)


def space_groups(value: Any) -> tuple[int, ...]:
    """Numbers of space groups, from numbers, ranges and symbols: ``"225,Fm-3m,195-199"``, or a list of such."""
    found: list[int] = []
    for part in value if isinstance(value, list | tuple) else [value]:
        if isinstance(part, str):
            for text in part.split(","):
                found.extend(numbers(text) if _RANGE.fullmatch(text.strip()) else (space_group_number(text),))
        else:
            found.extend(numbers(part))
    if not found:
        raise ValueError("numbers or symbols of space groups, as in 225,Fm-3m,195-199")
    return tuple(found)


def assignments(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts; a value is what TOML reads it as, and text if it reads nothing.

    Raises:
        InputError: a text without ``=``.
    """
    found = {}
    for one in texts:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise InputError(f"option '{one}': write KEY=VALUE")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found
