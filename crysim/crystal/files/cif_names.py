"""Space groups as files name them: Hermann-Mauguin symbols of any spelling, and numbers, with their settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gemmi

_SUFFIX = re.compile(
    r"^(?P<name>.*?)(?:\s*:\s*|\s+)\(?(?:origin\s*(?:choice)?\s*)?(?P<code>hr|[hrsz]|o?[12])"
    r"(?:\s*axes|exagonal(?:\s*axes)?|hombohedral(?:\s*axes)?)?\)?$",
    re.IGNORECASE,
)
_CODES = {"h": "H", "r": "R", "hr": "R", "s": "1", "z": "2", "1": "1", "2": "2", "o1": "1", "o2": "2"}


@dataclass(frozen=True)
class Setting:
    """A space group in one of its settings.

    Attributes:
        symbol: as messages write it, ``R -3 c:H``.
        number: 1 to 230.
        hall: the Hall symbol, which fixes the operations.
        code: ``1`` or ``2`` for the origin, ``H`` or ``R`` for the axes, or empty where there is one choice.
        standard: whether a bare number means it.
    """

    symbol: str
    number: int
    hall: str
    code: str
    standard: bool


def settings_of_name(name: str) -> tuple[Setting, ...]:
    """The settings that a Hermann-Mauguin symbol can mean, the likelier first; empty for an unknown symbol.

    Full and short symbols, with or without blanks and underscores, in any case, those of before 1983 ('F m 3 m'), and
    the origin or the axes as ``:2``, ``:R``, or as the ICSD writes them, ``Z``, ``R``, ``HR``. Where nothing says
    which origin or axes, all are given.
    """
    code, found = _found(name)
    chosen = [s for s in found if not code or s.code == code]
    if code in ("H", "R"):  # the cell decides between axes where a suffix contradicts it
        chosen += [s for s in found if s not in chosen]
    return tuple(chosen)


def settings_of_number(number: int) -> tuple[Setting, ...]:
    """All settings of a space-group number, the standard one first."""
    return tuple(sorted((s for s in _settings() if s.number == number), key=lambda s: not s.standard))


def code_of_name(name: str) -> str:
    """The choice of the origin or the axes that a symbol itself states, as in `Setting`; empty if it states none."""
    return _found(name)[0]


def number_of_name(name: str) -> int | None:
    """The space-group number of a symbol; None for an unknown one."""
    return next((s.number for s in settings_of_name(name)), None)


def _found(name: str) -> tuple[str, tuple[Setting, ...]]:
    """The suffix, as a setting's code, and the settings of the symbol before it."""
    index = _index()
    name = _ascii(name)
    match = _SUFFIX.match(name)
    spellings = [("", _key(name))]
    if match:
        # A last '1' or '2' after a blank belongs to the symbol ('P 1 21/c 1') unless the symbol is unknown with it.
        spellings.insert(":" not in name, (_CODES[match["code"].lower()], _key(match["name"])))
    key = _key(name)
    spellings += [(_CODES[key[-1:]], key[:-1])] if key[-1:] in ("h", "r", "s", "z") else []
    spellings += [("H", "r" + key[1:])] if key[:1] == "h" else []
    for code, spelling in spellings:
        for variant in (spelling, *_older(spelling)):
            if variant in index:
                return code, index[variant]
    return "", ()


def _older(key: str) -> tuple[str, ...]:
    """The present spelling of symbols with 3 for -3 (fm3m, ia3d, pa3), and of -3 with the bar written behind."""
    match = re.fullmatch(r"([pfi](?:[mndac]|2/m|4/m|4_?1/d|42/n|2/[nad]|21/a|2\d?/\w|4\d?/\w))3(.*)", key)
    return (f"{match[1]}-3{match[2]}",) if match else ()


def _ascii(name: str) -> str:
    name = name.replace("−", "-").replace("–", "-").replace("\N{COMBINING OVERLINE}", "bar")
    name = re.sub(r"\\(?:bar|overline)\s*\{?\s*(\d)\}?", r"-\1", name)
    name = re.sub(r"\(?#\s*\d+\)?\s*$", "", name)  # 'P n m a (#62)'
    return re.sub(r"(\d)\s*bar", r"-\1", name)


def _key(name: str) -> str:
    name = re.sub(r"</?su[bp]>", "", name)
    return re.sub(r"[\s_~${}^'\"()\\]", "", name).lower()


@cache
def _settings() -> tuple[Setting, ...]:
    import gemmi

    return tuple(_setting(group) for group in gemmi.spacegroup_table())


def _setting(group: gemmi.SpaceGroup) -> Setting:
    code = group.ext.strip("\0 ")
    return Setting(group.xhm(), group.number, group.hall, code, group.is_reference_setting())


@cache
def _index() -> dict[str, tuple[Setting, ...]]:
    """Settings by every spelling of their symbols, short monoclinic ones with the unique axes b, c, a in this order."""
    import gemmi

    others = _other_symbols()
    index: dict[str, list[Setting]] = {}
    for group in gemmi.spacegroup_table():
        setting = _setting(group)
        for key in _spellings(group.hm, others.get(group.hall, [])):
            known = index.setdefault(key, [])
            if setting not in known:
                known.append(setting)
    # settings beyond the 530 of the International Tables, such as 'B 1 2 1', come last
    return {
        key: tuple(sorted(known, key=lambda setting: (setting.hall not in others, _axis(setting))))
        for key, known in index.items()
    }


def _spellings(symbol: str, others: Iterable[str]) -> set[str]:
    found = set()
    for one in (symbol, *others):
        words = one.split()
        if words:
            found.add(_key(one))
            if len(words) == 4 and words.count("1") == 2:  # monoclinic: 'P 1 21/c 1' is 'P 21/c' too
                found.add(_key("".join(w for w in words if w != "1")))
    return found


def _axis(setting: Setting) -> int:
    words = setting.symbol.split()
    return next((rank for rank, place in enumerate((2, 3, 1)) if len(words) > 3 and words[place] != "1"), 0)


def _other_symbols() -> dict[str, list[str]]:
    """Full Hermann-Mauguin symbols, and those with 'e' for a double glide plane, by Hall symbol."""
    import spglib

    found: dict[str, list[str]] = {}
    for serial in range(1, 531):
        kind = spglib.get_spacegroup_type(serial)
        parts = kind.international.split("=")
        # the first part of a monoclinic symbol is that of the standard setting
        found[kind.hall_symbol] = [kind.international_full, *(parts if kind.number > 15 else parts[-1:])]
    return found
