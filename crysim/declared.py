"""Settings declared once: a dataclass field that carries its type, default, help and place among its kind.

The options of the command line, the keys of a TOML file, the check of a value, the settings page of the documentation
and the manifest of a run are all made from such fields::

    @dataclass(frozen=True)
    class RunSettings:
        budget: int = setting(100, "Relaxations of each run.", RUN)

    [one] = declared(RunSettings)
    one.read("12")  # raises InputError: budget is '12': it must be a whole number
"""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

from crysim.confidential import hidden
from crysim.errors import InputError

Reader = Callable[[Any], Any]
"""Makes a setting's value of what a command line or a TOML file gives; raises ValueError with what it must be."""

RUN = "What is searched, and how"
PARTS = "Parts and their options"
RELAX = "Relaxation"
RECORDS = "Records and processes"

_KEY = "setting"
_RANGE = re.compile(r"(\d{1,30})(?:-(\d{1,30}))?")
_MOST = 100_000
"""Numbers of one list: more are a slip, and would fill the memory."""


@dataclass(frozen=True)
class Declaration:
    """What a field says of its setting besides its type and default.

    Attributes:
        help: one line for the command line and the settings page.
        panel: under which heading it stands there.
        flag: on the command line; None: its name with hyphens. Empty: only in files and from Python.
        metavar: what stands for its value there.
        shown_default: the default in words, where the value itself says little.
        reader: makes its value, where the type does not say how.
        former: the name that it had before, accepted for one release (`crysim.renamed`).
    """

    help: str
    panel: str
    flag: str | None = None
    metavar: str | None = None
    shown_default: str | None = None
    reader: Reader | None = None
    former: str | None = None


@dataclass(frozen=True)
class Setting:
    """A declared setting of a class.

    Attributes:
        name: of the field, and the TOML key.
        hint: its type.
        default: its default.
        declaration: see there.
    """

    name: str
    hint: Any
    default: Any
    declaration: Declaration

    @property
    def flag(self) -> str:
        """On the command line; empty if it has none."""
        own = self.declaration.flag
        return "--" + self.name.replace("_", "-") if own is None else own

    @property
    def default_text(self) -> str:
        """The default as people read it."""
        if self.declaration.shown_default is not None:
            return self.declaration.shown_default
        if self.default is None or self.default in ((), {}):
            return "none"
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        if isinstance(self.default, tuple):
            return ", ".join(map(str, self.default))
        return str(self.default)

    def read(self, value: Any) -> Any:
        """The setting's value of what a person gave.

        Raises:
            InputError: it is none; the setting is named.
        """
        reader = self.declaration.reader or _reader_of(self.hint)
        try:
            return reader(value)
        except ValueError as error:
            raise InputError(f"{self.name} is {hidden(value)!r}: it must be {error}") from None


def setting(default: Any, about: str, panel: str, **more: Any) -> Any:
    """A dataclass field that is a setting; ``about`` is its help, ``more`` the rest of `Declaration`."""
    metadata = {_KEY: Declaration(about, panel, **more)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@cache
def declared(cls: type) -> tuple[Setting, ...]:
    """The settings of a class, those of its bases included, in their order."""
    hints = typing.get_type_hints(cls)
    found = []
    for one in fields(cls):
        if _KEY in one.metadata:
            make = one.default_factory
            default = make() if make is not MISSING else one.default
            found.append(Setting(one.name, hints[one.name], default, one.metadata[_KEY]))
    return tuple(found)


def read_setting(cls: type, name: str, value: Any) -> Any:
    """The value of one setting of a class, of what a person gave; see `Setting.read`."""
    return next(one for one in declared(cls) if one.name == name).read(value)


def renamed(cls: type) -> dict[str, str]:
    """The settings of a class by the names that they had before."""
    formers = ((one.declaration.former, one.name) for one in declared(cls))
    return {former: name for former, name in formers if former is not None}


# ------------------------------------------------------------------------------------------------- values


def text(value: Any) -> str:
    """A text; a path is one."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("a text")
    return str(value)


def names(value: Any) -> tuple[str, ...]:
    """A text, or a list of texts; a path is one."""
    found = [value] if isinstance(value, str | Path) else value
    if not isinstance(found, list | tuple) or not all(isinstance(v, str | Path) and str(v) for v in found):
        raise ValueError("a text or a list of texts")
    return tuple(map(str, found))


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


def truth(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def reals(value: Any) -> dict[str, float]:
    """Numbers by name: a table, or a list of texts ``KEY=NUMBER``."""
    wanted = "numbers by name, as in Ca-O=2.0"
    if isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)):
        value = assignments(names(value))
    if not isinstance(value, Mapping):
        raise ValueError(wanted)
    try:
        return {key: real(number) for key, number in value.items()}
    except ValueError:
        raise ValueError(wanted) from None


def numbers(value: Any) -> tuple[int, ...]:
    """Whole numbers: ``"0-4"``, ``"0,3,7-9"``, one number, or several (a list, a range)."""
    wanted = "whole numbers, as in 0-4 or 0,3,7"
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if isinstance(value, list | tuple | range):
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
        except RecursionError as error:
            raise InputError(f"option '{key.strip()}': its brackets nest too deeply") from error
    return found


_READERS: tuple[tuple[Any, Reader], ...] = (
    (int, whole),
    (float, real),
    (bool, truth),
    (str, text),
    (tuple[str, ...], names),
    (tuple[int, ...], numbers),
    (Mapping[str, float], reals),
)


def bare(hint: Any) -> Any:
    """A type without its ``| None``."""
    kinds = [kind for kind in typing.get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in typing.get_args(hint) and len(kinds) == 1 else hint


def _reader_of(hint: Any) -> Reader:
    return next(reader for kind, reader in _READERS if kind == bare(hint))
