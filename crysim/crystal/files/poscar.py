"""POSCAR and CONTCAR of VASP, https://vasp.at/wiki/POSCAR; not files of several structures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.crystal.files.contents import Contents, check_cell, check_count
from crysim.crystal.files.symbols import element_of, is_element
from crysim.crystal.files.text import UnreadableError, WrongFormatError, count, misplaced, number, numbers, shortened

if TYPE_CHECKING:
    from pymatgen.core import Structure

FIXED = "holds atoms fixed (selective dynamics): crysim moves all atoms"
FROM_COMMENT = "names no elements in line 6: those of its first line are taken"


def read_poscar(text: str, known: Sequence[str] | None = None) -> tuple[Contents, Floats | None, list[str]]:
    """The contents of a POSCAR, its Cartesian coordinates if it gives those, and what is to be said of it.

    Element names may follow the coordinates, or, as old files have it, make up the first line; ``known`` are those of
    one that has none at all, in the order of its counts.

    Raises:
        UnreadableError: anything that is not one POSCAR of named elements.
    """
    lines = text.splitlines()
    if len(lines) < 8:
        raise WrongFormatError(f"it ends after line {len(lines)}")
    notes: list[str] = []
    lattice, factors = _cell(lines)
    names, counts, place = _names_and_counts(lines)
    total = sum(counts)
    check_count(total)
    selective = lines[place].strip()[:1].lower() == "s"
    place += selective
    cartesian = _is_cartesian(lines, place)
    rows = [line.split() for line in lines[place + 1 : place + 1 + total]]
    coords = _coordinates(rows, total, first=place + 2)
    _check_rest(lines[place + 1 + total :], total)
    if selective and any(flag.strip(".").upper().startswith("F") for row in rows for flag in row[3:6]):
        notes.append(FIXED)
    if names is None and _names_after(rows) is None:
        names = _names_elsewhere(lines[0], len(counts), known)
        notes += [FROM_COMMENT] if known is None else []
    species = _species(names, counts, rows, first=place + 2)
    labels = tuple(f"{element}{i}" for i, element in enumerate(species, start=1))
    if not cartesian:
        return Contents(lattice, species, coords, labels), None, notes
    coords = coords * factors
    return Contents.of_positions(lattice, species, coords, labels), coords, notes


def _cell(lines: list[str]) -> tuple[Floats, Floats]:
    """Lattice vectors ``[3, 3]``, Å, and the factor of each Cartesian component ``[3]``."""
    scale = numbers(lines[1].split())
    if len(scale) not in (1, 3):
        raise misplaced(lines[1], 2, "one or three scale factors belong")
    if 0.0 in scale or (len(scale) == 3 and min(scale) < 0.0):
        raise UnreadableError(
            f"has the scale '{shortened(lines[1])}' in line 2: it must not be zero, nor be three negative"
        )
    vectors = []
    for row in range(2, 5):
        vector = numbers(lines[row].split()[:3])
        if len(vector) != 3:
            raise misplaced(lines[row], row + 1, "a lattice vector of three numbers belongs")
        vectors.append(vector)
    lattice = np.array(vectors)
    factor = scale[0] if len(scale) == 1 else np.array(scale)
    if len(scale) == 1 and scale[0] < 0.0:  # the volume, Å³
        check_cell(lattice)
        factor = (-scale[0] / abs(np.linalg.det(lattice))) ** (1 / 3)
    with np.errstate(over="ignore", invalid="ignore"):
        lattice = lattice * factor
    check_cell(lattice)
    return lattice, np.broadcast_to(np.asarray(factor, dtype=np.float64), (3,))


def _names_and_counts(lines: list[str]) -> tuple[list[str] | None, list[int], int]:
    """Names as they are written, or None; counts; the index of the line after them."""
    tokens = lines[5].split()
    if not tokens:
        raise UnreadableError("has an empty line 6: the elements' names belong there")
    if number(tokens[0]) == number(tokens[0]):
        return None, _counts(tokens, 6), 6
    counts = _counts(lines[6].split(), 7)
    names = tokens[: len(counts)] if len(tokens) > len(counts) and tokens[len(counts)][0] in "!#" else tokens
    if len(names) != len(counts):
        raise UnreadableError(f"names {len(names)} elements in line 6 and gives {len(counts)} counts in line 7")
    return names, counts, 7


def _counts(tokens: list[str], line: int) -> list[int]:
    end = next((i for i, t in enumerate(tokens) if t[0] in "!#"), len(tokens))
    if not end:
        raise UnreadableError(f"gives no counts of atoms in line {line}")
    return [count(t, f"a count of atoms in line {line}") for t in tokens[:end]]


def _is_cartesian(lines: list[str], place: int) -> bool:
    word = lines[place].strip() if place < len(lines) else ""
    if word[:1].isalpha():
        return word[0].lower() in "ck"
    raise misplaced(word, place + 1, "'Direct' or 'Cartesian' belongs")


def _coordinates(rows: list[list[str]], total: int, first: int) -> Floats:
    coords = np.empty((total, 3))
    for i in range(total):
        values = numbers(rows[i][:3]) if i < len(rows) else []
        if i >= len(rows) or not rows[i]:
            raise UnreadableError(f"says that it holds {total:,} atoms, and {i} lines of coordinates follow")
        if len(values) != 3:
            raise misplaced(" ".join(rows[i]), first + i, "three coordinates that are numbers belong")
        coords[i] = values
    return coords


def _check_rest(rest: list[str], total: int) -> None:
    """What follows may be velocities and the like, after an empty line, but no atoms and no second structure."""
    more = sum(_begins(rest, i) for i in range(len(rest)))
    more += sum(line.strip().lower().startswith("direct configuration") for line in rest)
    if more:
        raise UnreadableError(f"holds {more + 1} structures: give files of one each")
    if rest and len(numbers(rest[0].split()[:3])) == 3:
        extra = next((i for i, line in enumerate(rest) if len(numbers(line.split()[:3])) != 3), len(rest))
        raise UnreadableError(f"says that it holds {total} atoms, and {total + extra} lines of coordinates follow")


def _begins(lines: list[str], i: int) -> bool:
    """Whether a POSCAR with element names begins at a line."""
    if i + 6 >= len(lines):
        return False
    head = [line.split() for line in lines[i + 1 : i + 7]]
    return (
        len(numbers(head[0])) in (1, 3)
        and all(len(numbers(row[:3])) == 3 for row in head[1:4])
        and bool(head[4])
        and head[4][0][0].isalpha()
        and bool(head[5])
        and all(t.isdigit() for t in head[5])
    )


def _names_after(rows: list[list[str]]) -> list[str] | None:
    """The elements that follow the coordinates, if every line has one; T and F there are flags."""
    found = []
    for row in rows:
        rest = row[3:]
        if len(rest) >= 3 and all(re.fullmatch(r"\.?[TFtf][A-Za-z]*\.?", flag) for flag in rest[:3]):
            rest = rest[3:]
        symbol = re.sub(r"\d+$", "", rest[0]) if rest else ""
        if not is_element(symbol):
            return None
        found.append(element_of(symbol))
    return found


def _names_elsewhere(comment: str, expected: int, known: Sequence[str] | None) -> list[str]:
    """The names of a POSCAR that has none: those given for it, or the first line, where it is nothing else."""
    names = list(known or comment.split())
    if known is not None and len(names) != expected:
        raise UnreadableError(f"counts {expected} elements, and {len(names)} are named for it")
    if len(names) != expected or not all(is_element(name) for name in names):
        raise UnreadableError("names no elements: write their symbols in a line before the counts, as VASP 5 does")
    return names


def _species(names: list[str] | None, counts: list[int], rows: list[list[str]], first: int) -> tuple[str, ...]:
    """The element of every atom, by the counts of names or, without names, by what follows the coordinates."""
    after = _names_after(rows)
    if names is None:
        return tuple(after or ())
    elements = [element_of(name) for name in names]
    species = tuple(e for e, n in zip(elements, counts, strict=True) for _ in range(n))
    for i, (one, other) in enumerate(zip(species, after or species, strict=True)):
        if one != other:
            raise UnreadableError(f"has {one} by its counts and '{other}' behind the coordinates in line {first + i}")
    return species


def structure_poscar(structure: Structure, comment: str = "") -> str:
    """A structure of plain elements as the text of a POSCAR, its atoms in their order.

    pymatgen's own writer is one of a package that takes two seconds to import, of VASP's output files for the most.

    Args:
        structure: to write.
        comment: its first line, in place of the formula.
    """
    symbols = [site.specie.symbol for site in structure]
    runs = [(symbol, len(list(run))) for symbol, run in groupby(symbols)]
    lines = [" ".join((comment or structure.formula).split()), "1.0"]
    lines += [_row(vector) for vector in structure.lattice.matrix]
    lines += [" ".join(symbol for symbol, _ in runs), " ".join(str(number) for _, number in runs), "direct"]
    lines += [f"{_row(at)} {symbol}" for at, symbol in zip(structure.frac_coords, symbols, strict=True)]
    return "\n".join(lines) + "\n"


def _row(values: Floats) -> str:
    return " ".join(f"{value + 0.0:18.14f}" for value in values)
