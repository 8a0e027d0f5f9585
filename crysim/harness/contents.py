"""What a person asks to be put into a cell, spelt out: formula units as a number, a list or a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crysim.composition import CellKind, Composition, Contents, check_size
from crysim.declared import numbers
from crysim.errors import InputError

MAX_SEARCHED = 400
"""Atoms of contents: what holds more is not searched."""
USUAL = (1, 2, 3, 4, 6, 8, 12, 16)
"""Formula units that primitive cells hold: 98 of 100 structure types (results/prior/units.txt)."""
SMALL = 24
"""Atoms per primitive cell up to which all `USUAL` units are searched,"""
LARGE, FEW = 100, 4
"""and up to which so many of them are."""


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

    Those of `USUAL` that keep the primitive cell within `SMALL` atoms, up to `FEW` while they keep it within `LARGE`,
    and at least one.

    Args:
        formula: one unit, as it is written.
        max_atoms: per primitive cell, at most.

    Raises:
        InputError: no formula, or one unit has more than ``max_atoms`` already.
    """
    unit = Composition.from_formula(formula) if isinstance(formula, str) else formula
    if unit.num_atoms > max_atoms:
        raise InputError(f"one unit of {unit} has {unit.num_atoms:,} atoms, and at most {max_atoms:,} are allowed")
    most = max(SMALL // unit.num_atoms, min(LARGE // unit.num_atoms, FEW), 1)
    return tuple(z for z in USUAL if z <= min(most, max_atoms // unit.num_atoms))


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
