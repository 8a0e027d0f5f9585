"""Extended XYZ, https://github.com/libAtoms/extxyz: one periodic frame."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan

import numpy as np

from crysim.arrays import Floats
from crysim.composition import SYMBOLS
from crysim.crystal.files.contents import Contents, check_cell, check_count
from crysim.crystal.files.symbols import element_of
from crysim.crystal.files.text import UnreadableError, WrongFormatError, count, number, numbers, shortened

FIXED = "holds atoms fixed (move_mask): crysim moves all atoms"
_NINE = 'has a Lattice that is not nine numbers: write Lattice="ax ay az bx by bz cx cy cz" in its second line'


@dataclass(frozen=True)
class _Columns:
    """Where a line of an atom holds what: the first column of each, and how many there are at least."""

    width: int
    position: int
    symbol: int | None
    atomic_number: int | None
    free: int | None


def read_extxyz(text: str) -> tuple[Contents, Floats, list[str]]:
    """The contents of an extended XYZ file, its Cartesian coordinates ``[n, 3]``, and what is to be said of it.

    Raises:
        UnreadableError: anything that is not one frame, periodic in three directions, of named elements.
    """
    lines = text.splitlines()
    total = _only_frame(lines)
    keys = _keys(lines[1])
    lattice = _lattice(keys)
    columns = _columns(keys)
    species: list[str] = []
    coords = np.empty((total, 3))
    fixed = False
    for i in range(total):
        row = lines[i + 2].split()
        if len(row) < columns.width:
            raise UnreadableError(f"has {len(row)} columns in line {i + 3}, and its second line names {columns.width}")
        values = numbers(row[columns.position : columns.position + 3])
        if len(values) != 3:
            raise UnreadableError(f"has '{shortened(lines[i + 2])}' in line {i + 3}: its coordinates are not numbers")
        coords[i] = values
        species.append(_element(row, columns))
        fixed |= columns.free is not None and row[columns.free].upper().startswith(("F", "0"))
    labels = tuple(f"{element}{i}" for i, element in enumerate(species, start=1))
    return Contents.of_positions(lattice, tuple(species), coords, labels), coords, [FIXED] if fixed else []


def frame_energy(text: str) -> float | None:
    """The energy that the second line of a frame gives, eV; None if it gives none that is a number.

    Raises:
        UnreadableError: the line is none of extended XYZ.
    """
    lines = text.splitlines()
    try:
        energy = float(str(_keys(lines[1]).get("energy"))) if len(lines) > 1 else nan
    except ValueError:
        return None
    return energy if isfinite(energy) else None


def _only_frame(lines: list[str]) -> int:
    """Atoms of the one frame."""
    if not lines[0].strip().isdigit():
        raise WrongFormatError(f"its first line is '{shortened(lines[0])}', and not a number of atoms")
    frames, place, total = 0, 0, 0
    while place < len(lines) and (lines[place].strip() or not frames):
        number_of_atoms = count(lines[place].strip(), f"a number of atoms in line {place + 1}")
        if place + 2 + number_of_atoms > len(lines):
            left = max(0, len(lines) - place - 2)
            raise UnreadableError(
                f"says that it holds {number_of_atoms:,} atoms in line {place + 1}, and {left} lines follow"
            )
        total = total if frames else number_of_atoms
        place += 2 + number_of_atoms
        frames += 1
    if frames > 1:
        raise UnreadableError(f"holds {frames} structures: give files of one each")
    check_count(total)
    return total


def _keys(comment: str) -> dict[str, object]:
    from ase.io.extxyz import key_val_str_to_dict

    try:
        found = key_val_str_to_dict(comment)
    except Exception as error:  # of any kind, on what it does not understand
        if "lattice" in comment.lower():
            raise UnreadableError(_NINE) from error
        raise UnreadableError(f"has a second line that is none of extended XYZ: '{shortened(comment)}'") from error
    return {str(key).lower(): value for key, value in found.items()}


def _lattice(keys: dict[str, object]) -> Floats:
    flags = keys.get("pbc")
    if "lattice" not in keys:
        raise UnreadableError("is not periodic: its second line gives no Lattice, and crysim relaxes crystals")
    if flags is not None and not np.all(np.asarray(flags) == True):  # noqa: E712  (it may hold text)
        raise UnreadableError("is not periodic in three directions: crysim relaxes crystals")
    try:
        values = np.asarray(keys["lattice"], dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.size != 9:
        raise UnreadableError(_NINE)
    # ASE hands the nine numbers over as the matrix whose columns are the vectors.
    lattice = values.T if values.shape == (3, 3) else values.reshape(3, 3)
    check_cell(lattice)
    return lattice


def _columns(keys: dict[str, object]) -> _Columns:
    spec = str(keys.get("properties", "species:S:1:pos:R:3"))
    parts = spec.split(":")
    places: dict[str, tuple[int, str, int]] = {}
    width = 0
    for name, kind, size in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        n = count(size, f"a number of columns in '{shortened(spec)}'")
        places[name.lower()] = width, kind, n
        width += n
    if len(parts) % 3:
        raise UnreadableError(f"has Properties that are no triples of name, type and columns: '{shortened(spec)}'")
    if places.get("pos", (0, "", 0))[1:] != ("R", 3):
        raise UnreadableError(f"has no positions (pos:R:3) among its Properties '{shortened(spec)}'")
    symbol, atomic_number = places.get("species"), places.get("z") or places.get("numbers")
    if symbol is None and atomic_number is None:
        raise UnreadableError(f"has no elements (species:S:1) among its Properties '{shortened(spec)}'")
    free = places.get("move_mask")
    return _Columns(width, places["pos"][0], symbol and symbol[0], atomic_number and atomic_number[0], free and free[0])


def _element(row: list[str], columns: _Columns) -> str:
    name = row[columns.symbol] if columns.symbol is not None else ""
    if not name or name.isdigit():
        value = number(name or row[columns.atomic_number or 0])
        if value not in range(1, len(SYMBOLS) + 1):
            raise UnreadableError(f"holds the atomic number '{shortened(name or row[columns.atomic_number or 0])}'")
        name = SYMBOLS[int(value) - 1]
    return element_of(name)
