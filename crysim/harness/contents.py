"""What a person asks to be put into a cell, spelt out: formula units as a number, a list or a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crysim.composition import CellKind, Composition, Contents, check_size
from crysim.declared import numbers
from crysim.errors import InputError

MAX_SEARCHED = 400
"""Atoms of contents: what holds more is not searched."""
COMFORTABLE = 20
"""Atoms per primitive cell up to which as many units are searched as fit."""
AFFORDABLE = 40
"""Atoms per primitive cell up to which `USUAL` units are searched at least."""
USUAL = 4


def units(value: Any) -> tuple[int, ...]:
    """The numbers of formula units that a person asks for, ascending, each once: ``4``, ``"1-4"``, ``"1,2,4"``.

    Raises:
        ValueError: what it must be.
    """
    wanted = "numbers of formula units from 1 on, as in 4, 1-4 or 1,2,4"
    try:
        found = numbers(value)
    except ValueError:
        raise ValueError(wanted) from None
    if min(found) < 1:
        raise ValueError(wanted)
    return tuple(sorted(set(found)))


def read_units(value: str | int | Sequence[int], key: str = "--z") -> tuple[int, ...]:
    """Numbers of formula units, ascending, each once: ``4``, ``"1-4"``, ``"1,2,4"``.

    Args:
        value: from a command line or a file.
        key: names it in errors.

    Raises:
        InputError: no whole numbers from 1 on.
    """
    try:
        return units(value)
    except ValueError as error:
        raise InputError(f"{key} is {value!r}: it must be {error}") from None


def default_units(formula: str | Composition, max_atoms: int = MAX_SEARCHED) -> tuple[int, ...]:
    """The numbers of formula units that a search tries where the user names none.

    As many as keep the primitive cell within `COMFORTABLE` atoms, at least 1 to `USUAL` while that is within
    `AFFORDABLE` atoms, and at least one.

    Args:
        formula: one unit, as it is written.
        max_atoms: per primitive cell, at most.

    Raises:
        InputError: no formula, or one unit has more than ``max_atoms`` already.
    """
    unit = Composition.from_formula(formula) if isinstance(formula, str) else formula
    if unit.num_atoms > max_atoms:
        raise InputError(f"one unit of {unit} has {unit.num_atoms:,} atoms, and at most {max_atoms:,} are allowed")
    most = max(COMFORTABLE // unit.num_atoms, min(USUAL, AFFORDABLE // unit.num_atoms), 1)
    return tuple(range(1, min(most, max_atoms // unit.num_atoms) + 1))


def contents_of(
    formula: str, num_units: Sequence[int], cell: CellKind = "conventional", max_atoms: int = MAX_SEARCHED
) -> list[Contents]:
    """The contents of each number of formula units, in their order.

    Args:
        formula: one unit, as it is written.
        num_units: see `read_units` and `default_units`.
        cell: that is filled.
        max_atoms: of one such cell, at most.

    Raises:
        InputError: no formula, or too many atoms.
    """
    found = [Contents.from_formula(formula, z, cell) for z in num_units]
    for contents in found:
        check_size(contents, max_atoms)
    return found
