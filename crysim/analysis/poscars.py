"""Files of one POSCAR after another, as structure searches write them: each read, or named with what is wrong.

Here it is found where each begins and ends; what lies between is read by `crysim.crystal.files`, as any POSCAR is.
What follows a structure and is no POSCAR (velocities) is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.crystal.files import read_structure_text
from crysim.crystal.files.symbols import is_element
from crysim.errors import InputError
from crysim.regular_files import read_text

if TYPE_CHECKING:
    from pymatgen.core import Structure


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
    """The structure of a POSCAR that begins at a line; errors name lines of the file."""
    if head.elements is None and names is None and not all(is_element(word) for word in lines[at].split()):
        raise InputError("it names no elements: give --system, elements in the order of the file")
    rows = lines[head.first : head.first + head.num_atoms]
    if len(rows) < head.num_atoms:
        raise InputError(f"{head.num_atoms} atoms are announced, and the file ends after {len(rows)}")
    try:
        return read_structure_text("\n".join([*lines[at : head.first], *rows]), "POSCAR", names).structure
    except InputError as error:
        raise InputError(re.sub(r"\bline (\d+)", lambda m: f"line {int(m[1]) + at}", str(error))) from error


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
