"""The tables of space groups: read from pyxtal's data files, without importing pyxtal (which takes seconds).

Settings are those of the International Tables, volume A: unique axis b, hexagonal axes for the rhombohedral
groups, the second choice of origin where there are two.
"""

from __future__ import annotations

import ast
import csv
import re
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from crysim.errors import CrysimError

NUM_SPACE_GROUPS = 230

_OLDER_SYMBOLS = {"abm2": 39, "aba2": 41, "cmca": 64, "cmma": 67, "ccca": 68}
"""Of groups with an e glide, as they were written before 1992. (Fm3m for Fm-3m is older still.)"""

AffineRow = tuple[tuple[int, int, int], Fraction]
"""One coordinate as whole multiples of x, y, z and a constant in [0, 1)."""

_TERM = re.compile(r"([+-]?)(?:(\d+)/(\d+)|(\d*)([xyz])|(\d+))")


@cache
def _folder() -> Path:
    spec = find_spec("pyxtal")
    if spec is None or not spec.submodule_search_locations:
        raise CrysimError("the tables of space groups are missing: pip install pyxtal")
    return Path(spec.submodule_search_locations[0]) / "database"


@cache
def _wyckoff_rows() -> dict[int, str]:
    with (_folder() / "wyckoff_list.csv").open(newline="", encoding="utf-8") as file:
        return {int(row[0]): row[1] for row in csv.reader(file) if row[0] and row[1]}


@cache
def _hall_numbers() -> dict[int, int]:
    with (_folder() / "HM_Full.csv").open(newline="", encoding="utf-8") as file:
        return {int(row["Spg_num"]): int(row["Hall"]) for row in csv.DictReader(file) if row["P"] == "a,b,c"}


def wyckoff_triplets(number: int) -> list[list[str]]:
    """The coordinate triplets of every Wyckoff position of a space group, general position first.

    Centring translations are included: a position has as many triplets as its multiplicity.
    """
    triplets: list[list[str]] = ast.literal_eval(_wyckoff_rows()[number])
    return triplets


def hall_number(number: int) -> int:
    """The serial number (1 to 530, as spglib counts) of the setting in which the tables describe the group."""
    return _hall_numbers()[number]


def symbol(number: int) -> str:
    """The short Hermann-Mauguin symbol as spglib writes it: ``P2_1/c``, ``Cmce``, ``Fm-3m``."""
    import spglib

    return str(spglib.get_spacegroup_type(hall_number(number)).international_short)


def plain_symbol(text: str) -> str:
    """A symbol without what spellings differ in: blanks, underscores, capitals."""
    return re.sub(r"[\s_]", "", text).casefold()


@cache
def numbers_by_symbol() -> dict[str, int]:
    """Space groups by the plain symbols of all their settings; those of standard settings go first."""
    import spglib

    standard = [(number, hall_number(number)) for number in range(1, NUM_SPACE_GROUPS + 1)]
    others = [(spglib.get_spacegroup_type(hall).number, hall) for hall in range(1, 531)]
    found: dict[str, int] = {}
    for number, hall in [*standard, *others]:
        kind = spglib.get_spacegroup_type(hall)
        names = [kind.international_short, kind.international_full, *kind.international.split("=")]
        if 3 <= number <= 15:  # along one axis only: P 1 21/n 1 is P 21/n
            names.append("".join(part for part in kind.international_full.split() if part != "1"))
        for name in names:
            found.setdefault(plain_symbol(name), number)
    for number in (*range(200, 207), *range(221, 231)):
        found.setdefault(plain_symbol(symbol(number)).replace("-", ""), number)
    return {**_OLDER_SYMBOLS, **found}


@cache
def parse_row(text: str) -> AffineRow:
    """Read one coordinate of a triplet, such as ``-x+y+1/3`` or ``17/12``; the constant is reduced to [0, 1)."""
    factors = [0, 0, 0]
    constant = Fraction(0)
    position = 0
    compact = text.replace(" ", "")
    while position < len(compact):
        term = _TERM.match(compact, position)
        if term is None:
            raise CrysimError(f"the table of Wyckoff positions holds '{text}', which is no coordinate")
        sign, numerator, denominator, factor, variable, whole = term.groups()
        unit = -1 if sign == "-" else 1
        if variable:
            factors["xyz".index(variable)] += unit * int(factor or 1)
        elif numerator:
            constant += unit * Fraction(int(numerator), int(denominator))
        else:
            constant += unit * int(whole)
        position = term.end()
    return (factors[0], factors[1], factors[2]), constant % 1
