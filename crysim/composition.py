"""Chemical elements, and what is in the cell: how many atoms of each element, in the order given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from math import gcd

from crysim.errors import InputError, UnknownNameError

SYMBOLS: tuple[str, ...] = tuple(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
    Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm
    Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No
    Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()
)
"""Symbols by atomic number: ``SYMBOLS[z - 1]``."""

ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS, start=1)}

_TOKEN = re.compile(r"([A-Z][a-z]?)|(\()|(\))|(\d+(?:\.\d+)?)")

MAX_ATOMS = 20_000
"""Of a cell: a formula with more is a slip, and its Wyckoff combinations would take minutes and gigabytes to count."""


@dataclass(frozen=True)
class Composition:
    """The atoms of one unit cell.

    Attributes:
        elements: chemical symbols, each once, in the order given.
        counts: atoms of each element per unit cell, all positive.
    """

    elements: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.elements or len(self.elements) != len(self.counts):
            raise InputError("a composition needs at least one element, and one count for each")
        for element, count in zip(self.elements, self.counts, strict=True):
            if element not in SYMBOLS:
                raise UnknownNameError("element", element, SYMBOLS)
            if count < 1:
                raise InputError(f"a cell holds at least one atom of each element, not {count} {element}")
        if len(set(self.elements)) != len(self.elements):
            raise InputError(f"an element stands twice in {self.elements}")

    @classmethod
    def from_formula(cls, formula: str, z: int = 1) -> Composition:
        """Read a formula per cell, such as ``Ca4S4`` or ``Ca24Al16(SiO4)24``.

        Args:
            formula: element symbols with whole counts; parentheses may nest.
            z: formula units per cell; every count is multiplied by it.

        Raises:
            InputError: not a formula, an unknown element, a count that is no positive integer, more than
                `MAX_ATOMS` atoms.
        """
        if z < 1:
            raise InputError(f"the number of formula units per cell is at least 1, not {z}")
        counts = _parse(formula)
        if sum(counts.values()) * z > MAX_ATOMS:
            raise _too_many(formula)
        return cls(tuple(counts), tuple(n * z for n in counts.values()))

    @cached_property
    def num_atoms(self) -> int:
        """Atoms per cell."""
        return sum(self.counts)

    @cached_property
    def formula(self) -> str:
        """The cell's formula in the order given, every count written unless 1: ``Ca4S4``, ``ScBe5``."""
        return "".join(e + (str(n) if n > 1 else "") for e, n in zip(self.elements, self.counts, strict=True))

    @cached_property
    def num_formula_units(self) -> int:
        """Formula units per cell, Z: the greatest common divisor of the counts."""
        return gcd(*self.counts)

    @cached_property
    def reduced_formula(self) -> str:
        """The formula of one formula unit: ``CaS`` for ``Ca4S4``."""
        z = self.num_formula_units
        return Composition(self.elements, tuple(n // z for n in self.counts)).formula

    @cached_property
    def species(self) -> tuple[str, ...]:
        """The element of every atom, ``[num_atoms]``, grouped by element."""
        return tuple(e for e, n in zip(self.elements, self.counts, strict=True) for _ in range(n))

    def __str__(self) -> str:
        return self.formula


def _parse(formula: str) -> dict[str, int]:
    text = formula.strip()
    if not text:
        raise InputError("the formula is empty: write it per unit cell, as in Ca4S4")
    stack: list[dict[str, int]] = [{}]
    last: dict[str, int] = {}
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise InputError(f"'{formula}' is no formula: cannot read '{text[position:]}' (write it as in Ca4S4)")
        element, opening, closing, number = token.groups()
        if element:
            if element not in SYMBOLS:
                raise UnknownNameError("element", element, SYMBOLS)
            last = {element: 1}
            _add(stack[-1], last)
        elif opening:
            stack.append({})
            last = {}
        elif closing:
            if len(stack) == 1:
                raise InputError(f"'{formula}' is no formula: a ')' without its '('")
            last = stack.pop()
            _add(stack[-1], last)
        else:
            if not last:
                raise InputError(f"'{formula}' is no formula: the number {number} stands alone")
            if "." in number or not number.strip("0"):
                raise InputError(f"'{formula}': counts are whole and positive, not {number}")
            if len(number.lstrip("0")) > len(str(MAX_ATOMS)):
                raise _too_many(formula)
            _add(stack[-1], {e: n * (int(number) - 1) for e, n in last.items()})
            last = {}
        position = token.end()
    if len(stack) > 1:
        raise InputError(f"'{formula}' is no formula: a '(' is never closed")
    if not stack[0]:
        raise InputError(f"'{formula}' is no formula: it names no element")
    return stack[0]


def _too_many(formula: str) -> InputError:
    return InputError(f"'{formula:.40}' holds more than {MAX_ATOMS:,} atoms: write the formula of one unit cell")


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for element, n in more.items():
        counts[element] = counts.get(element, 0) + n
