"""Files of one POSCAR after another, as structure searches write them: each read, or named with what is wrong.

Read are the forms of VASP 4 (no line of elements) and of VASP 5 and later, one scale factor, a negative one (the
volume), or three; direct and Cartesian coordinates; selective dynamics, which is not heeded. What follows a structure
and is no POSCAR (velocities) is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.composition import ATOMIC_NUMBERS
from crysim.errors import InputError
from crysim.regular_files import read_text

if TYPE_CHECKING:
    from pymatgen.core import Structure

_NAME = re.compile(r"[A-Z][a-z]?(?=$|[_/])|[A-Z][a-z]?[0-9]*[+-]$")
_MAX_ATOMS = 100_000
"""Of one structure."""


@dataclass(frozen=True)
class Piece:
    """One structure's place in a file.

    Attributes:
        number: from 1.
        comment: the first line of its POSCAR.
        structure: None if it cannot be read.
        reason: why not, in some words; empty if it can.
    """

    number: int
    comment: str
    structure: Structure | None
    reason: str = ""


def read_poscars(path: Path, names: Sequence[str] | None) -> list[Piece]:
    """The POSCARs of a file in their order.

    Args:
        path: of the file.
        names: the elements in the order of the counts, for POSCARs that do not name them. None: their comments may.

    Raises:
        InputError: the file cannot be read at all.
    """
    lines = read_text(path, "the structures", errors="replace").splitlines()
    return list(_pieces(lines, names))


def _pieces(lines: list[str], names: Sequence[str] | None) -> Iterator[Piece]:
    at, number = 0, 0
    while (at := _next_text(lines, at)) < len(lines):
        number += 1
        head = _head(lines, at)
        if head is None:
            start, at = at, _next_head(lines, at + 1)
            if number > 1 and not lines[start - 1].strip() and _carries_on(lines[start:at]):
                number -= 1
                continue
            yield Piece(number, lines[start].strip(), None, f"line {start + 1}: no POSCAR begins here")
            continue
        end = head.first + head.num_atoms
        comment = lines[at].strip()
        try:
            inner = _next_head(lines, head.first, end)
            if inner < end:
                end = inner
                raise InputError(f"{head.num_atoms} atoms are announced, and {inner - head.first} are there")
            yield Piece(number, comment, _structure(lines, at, head, names))
        except InputError as error:
            yield Piece(number, comment, None, str(error))
        at = end


@dataclass(frozen=True)
class _Head:
    """What stands before the coordinates: ``elements`` is None in the form of VASP 4."""

    elements: list[str] | None
    counts: list[int]
    cartesian: bool
    first: int

    @property
    def num_atoms(self) -> int:
        return sum(self.counts)


def _head(lines: Sequence[str], at: int) -> _Head | None:
    """The head of a POSCAR whose comment is a line; None if none begins there."""
    if len(lines) < at + 7 or len(_numbers(lines[at + 1])) not in (1, 3):
        return None
    if any(len(_numbers(line)) != 3 for line in lines[at + 2 : at + 5]):
        return None
    words = lines[at + 5].split()
    place = at + 5
    elements = None
    if words and not words[0].isdigit():
        elements, place = words, at + 6
    counts = _counts(lines[place])
    place += 1
    if not counts or place >= len(lines):
        return None
    if lines[place].strip()[:1] in ("S", "s"):
        place += 1
    if place >= len(lines) or not lines[place].strip()[:1].isalpha():
        return None
    return _Head(elements, counts, lines[place].strip()[0] in "CcKk", place + 1)


def _next_head(lines: Sequence[str], at: int, end: int | None = None) -> int:
    """The next line at which a POSCAR begins, or the end."""
    stop = len(lines) if end is None else min(end, len(lines))
    begins = (i for i in range(at, stop - 1) if len(_numbers(lines[i + 1])) == 1)  # three are coordinates as a rule
    return next((i for i in begins if lines[i].strip() and _head(lines, i) is not None), stop)


def _structure(lines: Sequence[str], at: int, head: _Head, names: Sequence[str] | None) -> Structure:
    from pymatgen.core import Structure

    symbols = _symbols(head, lines[at], names)
    if head.num_atoms > _MAX_ATOMS:
        raise InputError(f"{head.num_atoms:,} atoms are announced: at most {_MAX_ATOMS:,} can be read")
    rows = lines[head.first : head.first + head.num_atoms]
    if len(rows) < head.num_atoms:
        raise InputError(f"{head.num_atoms} atoms are announced, and the file ends after {len(rows)}")
    vectors = np.array([_numbers(line) for line in lines[at + 2 : at + 5]])
    coordinates = np.array([_coordinates(row, head.first + i + 1) for i, row in enumerate(rows)])
    if not (np.isfinite(vectors).all() and np.isfinite(coordinates).all()):
        raise InputError("not all coordinates are numbers")
    scales = _scales(_numbers(lines[at + 1]), vectors)
    if head.cartesian:
        coordinates = coordinates * scales
    return Structure(vectors * scales, symbols, coordinates, coords_are_cartesian=head.cartesian)


def _symbols(head: _Head, comment: str, names: Sequence[str] | None) -> list[str]:
    """One element for each atom."""
    elements = head.elements
    if elements is None:
        told = comment.split()
        elements = list(names) if names is not None else told
        if names is None and not all(_element(word) for word in told):
            raise InputError("it names no elements: give --system, elements in the order of the file")
        if len(elements) != len(head.counts):
            raise InputError(f"it counts the atoms of {len(head.counts)} elements without naming them")
    if len(elements) != len(head.counts):
        raise InputError(f"it names {len(elements)} elements and counts the atoms of {len(head.counts)}")
    symbols: list[str] = []
    for word, count in zip(elements, head.counts, strict=True):
        element = _element(word)
        if element is None:
            raise InputError(f"it holds '{word}', which is no element")
        symbols += [element] * count
    return symbols


def _element(word: str) -> str | None:
    """The element of ``Na``, ``Na_pv``, ``Na/1a2b`` or ``Na1+``; deuterium is hydrogen."""
    match = _NAME.match(word)
    if match is None:
        return None
    symbol = re.sub(r"[0-9+-]", "", match[0])
    symbol = "H" if symbol in ("D", "T") else symbol
    return symbol if symbol in ATOMIC_NUMBERS else None


def _scales(given: Sequence[float], vectors: Floats) -> Floats:
    scales: Floats = np.array(given, dtype=np.float64)
    if len(given) == 1 and given[0] < 0:
        volume = abs(float(np.linalg.det(vectors)))
        if volume > 0:
            scales = np.array([(-given[0] / volume) ** (1 / 3)])
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise InputError("its scale factor makes no cell")
    return scales


def _coordinates(line: str, number: int) -> list[float]:
    found = _numbers(" ".join(line.split()[:3]))
    if len(found) != 3:
        raise InputError(f"line {number} gives no three coordinates: '{line.strip()[:40]}'")
    return found


def _counts(line: str) -> list[int]:
    """Atoms per element; empty if the line is something else."""
    words = line.partition("!")[0].split()
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        return []
    counts = [int(word) for word in words]
    return counts if any(counts) else []


def _numbers(line: str) -> list[float]:
    """The numbers of a line up to a comment; empty if there is anything else."""
    try:
        return [float(word) for word in line.partition("!")[0].split()]
    except ValueError:
        return []


def _carries_on(lines: Sequence[str]) -> bool:
    """Whether these are the velocities, and what else VASP carries on from, after the coordinates and a blank line."""
    if lines[0].strip()[:1] in tuple("CcKkDd"):
        lines = lines[1:]
    filled = [line for line in lines if line.strip()]
    return bool(filled) and len(_numbers(filled[0])) == 3 and all(_numbers(line) for line in filled)


def _next_text(lines: Sequence[str], at: int) -> int:
    return next((i for i in range(at, len(lines)) if lines[i].strip()), len(lines))
