"""Chemical formulas as people write them: brackets, hydrates, subscripts, blanks. One pass, no recursion."""

from __future__ import annotations

import re

from crysim.composition.elements import SYMBOLS
from crysim.errors import InputError, UnknownNameError

MAX_ATOMS = 20_000
"""Of a cell: a formula with more is a slip, and its Wyckoff combinations would take minutes and gigabytes to count."""

_TOKEN = re.compile(r"([A-Z][a-z]?)|([(\[{])|([)\]}])|(\d+(?:\.\d+|/\d+)?)|([·•⋅∙*.])")
_CLOSES = {")": "(", "]": "[", "}": "{"}
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_DOTS = "·•⋅∙*"
_WATER = re.compile(r"(?<![·•⋅∙*.]\d)\.(?=\d{0,5}\(?(?:H2O|OH2)\)?(?:[·•⋅∙*.]|\Z))")
"""A full stop before water, with its number or without: the dot of a hydrate."""
_JOINING_STOP = re.compile(r"(?<!\d)\.(?=[\dA-Z(\[{])|\.(?=[A-Z(\[{])")
"""A full stop that no decimal number can hold: one without a digit to one of its sides."""
_CHARGE = re.compile(r"\^?\d{0,2}[+⁺]+|\^\d{0,2}[-−–⁻]+|[-−–⁻](?=[A-Z(\[{]|\Z)|[⁰¹²³⁴-⁹]")
_ISOTOPES = {"D": "deuterium", "T": "tritium"}
_LONGEST = 60
"""Letters of a formula for which another spelling is looked for."""


def parse_formula(formula: str) -> dict[str, int]:
    """The atoms of a formula by element, in the order in which the elements first appear.

    Brackets of three kinds may nest; ``·`` and ``*`` join the parts of a hydrate or an adduct, each of which may begin
    with its number (``CuSO4·5H2O``), and so does a full stop where it can be nothing else; subscripts (``TiO₂``) are
    read as numbers, and blanks between symbols are passed over.

    Raises:
        InputError: not a formula, an unknown element, a count that is no positive whole number, more than `MAX_ATOMS`
            atoms.
    """
    text = formula.strip().translate(_SUBSCRIPTS)
    if not text:
        raise InputError("the formula is empty: write it per unit cell, as in Ca4S4")
    if charge := _CHARGE.search(text):
        plain = _CHARGE.sub("", text)
        raise InputError(f"'{_cut(formula)}' holds the charge '{charge[0]}': leave charges out, write {_cut(plain)}")
    text = _JOINING_STOP.sub("·", _WATER.sub("·", text))
    return _Reader(formula, text).read()


class _Reader:
    """One formula while it is read."""

    def __init__(self, formula: str, text: str) -> None:
        self._shown = _cut(formula)
        self._text = text
        self._total: dict[str, int] = {}
        self._factor = 1
        self._open: list[tuple[str, dict[str, int]]] = [("", {})]
        self._last: dict[str, int] = {}

    def read(self) -> dict[str, int]:
        text, position, begins = self._text, 0, "·" in self._text or any(dot in self._text for dot in _DOTS)
        while position < len(text):
            if text[position].isspace():
                position += 1
                continue
            token = _TOKEN.match(text, position)
            if token is None:
                raise self._unreadable(position)
            element, opening, closing, number, dot = token.groups()
            if number and begins:
                self._factor = self._count(number)
            elif number:
                self._multiply(number)
            elif element:
                self._last = {self._known(element): 1}
                _add(self._open[-1][1], self._last)
            elif opening:
                self._open.append((opening, {}))
                self._last = {}
            elif closing:
                self._close(closing)
            else:
                self._end_part(dot)
            begins = dot is not None
            position = token.end()
        self._end_part("")
        if not self._total:
            raise InputError(f"'{self._shown}' is no formula: it names no element")
        return self._total

    def _known(self, element: str) -> str:
        if element in _ISOTOPES and element not in SYMBOLS:
            remedy = re.sub(rf"{element}(?![a-z])", "H", self._shown)
            raise InputError(
                f"'{self._shown}': {element} is {_ISOTOPES[element]}, and isotopes are not told apart here: "
                f"write H, as in {remedy}"
            )
        if element not in SYMBOLS:
            if spellings := _spellings(self._text):
                raise InputError(
                    f"'{self._shown}': unknown element '{element}': did you mean {' or '.join(spellings)}?"
                )
            raise UnknownNameError("element", element, SYMBOLS)
        return element

    def _multiply(self, number: str) -> None:
        if not self._last:
            raise InputError(f"'{self._shown}' is no formula: the number {number} stands alone")
        factor = self._count(number)
        self._bound(self._last, factor)
        _add(self._open[-1][1], {e: n * (factor - 1) for e, n in self._last.items()})
        self._last = {}

    def _close(self, closing: str) -> None:
        opening, inner = self._open[-1]
        if len(self._open) == 1:
            raise InputError(f"'{self._shown}' is no formula: a '{closing}' without its '{_CLOSES[closing]}'")
        if opening != _CLOSES[closing]:
            raise InputError(f"'{self._shown}' is no formula: a '{closing}' closes a '{opening}'")
        self._open.pop()
        self._last = inner
        _add(self._open[-1][1], inner)
        self._bound(self._open[-1][1])

    def _end_part(self, dot: str) -> None:
        opening, part = self._open[-1]
        if len(self._open) > 1:
            raise InputError(f"'{self._shown}' is no formula: a '{opening}' is never closed")
        if not part and dot:
            raise InputError(f"'{self._shown}' is no formula: nothing stands before '{dot}'")
        if not part and self._total:
            raise InputError(f"'{self._shown}' is no formula: nothing stands after its last dot")
        self._bound(part, self._factor)
        _add(self._total, {e: n * self._factor for e, n in part.items()})
        self._bound(self._total)
        self._factor, self._open, self._last = 1, [("", {})], {}

    def _count(self, number: str) -> int:
        if "." in number or "/" in number:
            raise InputError(f"'{self._shown}': counts are whole and positive, not {number}{self._hydrate(number)}")
        if not number.strip("0"):
            raise InputError(f"'{self._shown}': counts are whole and positive, not {number}")
        if len(number.lstrip("0")) > len(str(MAX_ATOMS)):
            raise too_many_atoms(self._shown)
        return int(number)

    def _hydrate(self, number: str) -> str:
        """The remedy for a fraction: multiply, or where a part may begin after the full stop, use brackets."""
        head, found, tail = self._text.partition(number)
        whole, stop, times = number.partition(".")
        if found and stop and whole.strip("0") and re.match(r"[A-Z(\[{]", tail) and times.strip("0"):
            return f"; a hydrate? write {_cut(f'{head}{whole}({tail}){times}')}"
        return ": multiply the formula until all are whole"

    def _bound(self, counts: dict[str, int], factor: int = 1) -> None:
        if sum(counts.values()) * factor > MAX_ATOMS:
            raise too_many_atoms(self._shown)

    def _unreadable(self, position: int) -> InputError:
        spellings = _spellings(self._text)
        hint = f"did you mean {' or '.join(spellings)}?" if spellings else "write it as in Ca4S4"
        return InputError(f"'{self._shown}' is no formula: cannot read '{_cut(self._text[position:])}' ({hint})")


def too_many_atoms(formula: str) -> InputError:
    """The error of a formula beyond `MAX_ATOMS`."""
    return InputError(f"'{_cut(formula)}' holds more than {MAX_ATOMS:,} atoms: write the formula of one unit cell")


def _spellings(text: str) -> list[str]:
    """A text in other capitals that reads as a formula: with the fewest symbols, and with the most; none if none do."""
    if len(text) > _LONGEST or not re.fullmatch(r"[A-Za-z0-9()\[\]{}\s·•⋅∙*]+", text):
        return []
    runs = re.split(r"([A-Za-z]+)", text)
    found = []
    for longest_first in (True, False):
        parts = [_symbols(run, longest_first) if run.isalpha() else run for run in runs]
        if None not in parts and (spelt := "".join(map(str, parts))) != text:
            found.append(spelt)
    return list(dict.fromkeys(found))


def _symbols(letters: str, longest_first: bool) -> str | None:
    """Letters as symbols of elements, as few as can be, or as many; None if they are none."""
    best: list[list[str] | None] = [[]]
    for end in range(1, len(letters) + 1):
        options = [
            [*before, symbol]
            for size in (1, 2)
            if size <= end and (before := best[end - size]) is not None
            if (symbol := letters[end - size : end].capitalize()) in SYMBOLS
        ]
        best.append((min if longest_first else max)(options, key=len) if options else None)
    return None if best[-1] is None else "".join(best[-1])


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for element, n in more.items():
        counts[element] = counts.get(element, 0) + n
