"""What a search puts into a cell when the space group is not known yet: atoms per primitive or per conventional cell.

A formula is not a cell. Of the same primitive cell a group with centring makes a conventional cell of twice the volume
(A, B, C, I), three times (R, in hexagonal axes) or four times (F): rock salt, NaCl per primitive cell, is Na4Cl4 in the
conventional cell of Fm-3m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, get_args

from crysim.composition.cell import Composition
from crysim.errors import InputError, UnknownNameError

CellKind = Literal["conventional", "primitive"]
CELLS: tuple[CellKind, ...] = get_args(CellKind)
"""The cells that contents may fill: that of the group's standard setting, or the smallest one."""


def listed(numbers: Sequence[int]) -> str:
    """Ascending numbers in few characters: ``1-4`` where they follow one another, ``1-2-4``, or ``1-4+8+12``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    if len(runs) > 1 and max(map(len, runs)) < 3:
        return "-".join(map(str, numbers))
    return "+".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def cell_kind(name: str) -> CellKind:
    """The kind of cell of a name.

    Raises:
        UnknownNameError: there is no such cell.
    """
    for kind in CELLS:
        if kind == name:
            return kind
    raise UnknownNameError("cell", name, CELLS)


_CENTRED: dict[int, tuple[int, ...]] = {
    2: (
        *(5, 8, 9, 12, 15, 20, 21, *range(35, 42), *range(63, 69)),  # C, and A in 38 to 41
        *(23, 24, 44, 45, 46, 71, 72, 73, 74, 79, 80, 82, 87, 88, 97, 98, *range(107, 111), *range(119, 123)),  # I
        *(*range(139, 143), 197, 199, 204, 206, 211, 214, 217, 220, 229, 230),
    ),
    3: (146, 148, 155, 160, 161, 166, 167),  # R
    4: (22, 42, 43, 69, 70, 196, 202, 203, 209, 210, 216, 219, *range(225, 229)),  # F
}
_FACTORS = {number: factor for factor, numbers in _CENTRED.items() for number in numbers}


def centring_factor(number: int) -> int:
    """How many primitive cells the conventional cell of a space group holds: 1, 2, 3 (R, hexagonal axes) or 4."""
    return _FACTORS.get(number, 1)


class _HasCell(Protocol):
    """A crystal, as far as it matters here."""

    @property
    def composition(self) -> Composition: ...
    @property
    def space_group(self) -> int: ...


@dataclass(frozen=True)
class Contents:
    """Atoms per cell, and of which cell.

    Attributes:
        composition: atoms of one such cell.
        cell: ``conventional``, that of the standard setting of whatever space group, or ``primitive``.
        further: atoms of other cells that are searched beside it, of the same formula in other numbers of units. What
            is said of one cell, its formula, its atoms, is said of the first; energies are brought to that.

    Raises:
        InputError: another cell has another formula.
    """

    composition: Composition
    cell: CellKind = "conventional"
    further: tuple[Composition, ...] = ()

    def __post_init__(self) -> None:
        cell_kind(self.cell)
        for one in self.further:
            if one.reduced_formula != self.composition.reduced_formula:
                raise InputError(f"{one.formula} and {self.composition.formula} are no cells of one formula")

    @classmethod
    def together(cls, several: Sequence[Contents]) -> Contents:
        """Several contents of one formula and kind of cell, that one search may choose from."""
        first, *others = several
        return cls(first.composition, first.cell, tuple(one.composition for one in others))

    @property
    def each(self) -> tuple[Contents, ...]:
        """The cells that are searched, one by one."""
        return tuple(Contents(one, self.cell) for one in (self.composition, *self.further))

    @classmethod
    def of(cls, what: Composition | Contents) -> Contents:
        """Contents as they are; a composition is that of a conventional cell."""
        return what if isinstance(what, Contents) else cls(what)

    @classmethod
    def from_formula(cls, formula: str, z: int = 1, cell: CellKind = "conventional") -> Contents:
        """The contents of ``z`` units of a formula; see `Composition.from_formula`."""
        return cls(Composition.from_formula(formula, z), cell)

    @property
    def primitive(self) -> bool:
        """Whether they fill the primitive cell."""
        return self.cell == "primitive"

    @property
    def sizes_vary(self) -> bool:
        """Whether the cells of crystals with these contents hold different numbers of atoms."""
        return self.primitive or bool(self.further)

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols, each once, in the order given."""
        return self.composition.elements

    @property
    def num_atoms(self) -> int:
        """Atoms of one cell of the kind that they fill."""
        return self.composition.num_atoms

    @property
    def formula(self) -> str:
        """The formula of that cell."""
        return self.composition.formula

    @cached_property
    def name(self) -> str:
        """For folders and tables: ``Ca4S4``; ``CaS-primitive`` or ``CaS-z1-4-primitive``, which no formula reads as."""
        name = self.formula
        if self.further:
            units = [one.num_formula_units for one in (self.composition, *self.further)]
            name = f"{self.composition.reduced_formula}-z{listed(units)}"
        return f"{name}-primitive" if self.primitive else name

    def factor_in(self, number: int) -> int:
        """How many times these contents the conventional cell of a space group holds."""
        return centring_factor(number) if self.primitive else 1

    def composition_in(self, number: int) -> Composition:
        """The atoms of the conventional cell of a space group that holds these contents."""
        factor = self.factor_in(number)
        if factor == 1:
            return self.composition
        return self.composition.times(factor)

    def held_by(self, crystal: _HasCell) -> bool:
        """Whether the crystal's cell is one of its group with these contents, any of them where there are several."""
        if crystal.composition == self.composition_in(crystal.space_group):
            return True
        factor = self.factor_in(crystal.space_group)
        return any(crystal.composition == one.times(factor) for one in self.further)

    def per_cell(self, value: float, crystal: _HasCell) -> float:
        """An energy or a volume of a crystal's cell, brought to the number of atoms of these contents.

        So values of crystals whose cells hold different numbers of atoms can be compared.
        """
        atoms = crystal.composition.num_atoms
        return value if atoms == self.num_atoms else value * self.num_atoms / atoms

    def of_cell(self, value: float, crystal: _HasCell) -> float:
        """The inverse of `per_cell`."""
        atoms = crystal.composition.num_atoms
        return value if atoms == self.num_atoms else value * atoms / self.num_atoms

    def __str__(self) -> str:
        text = " or ".join(one.formula for one in (self.composition, *self.further))
        return f"{text} per primitive cell" if self.primitive else text


def check_size(contents: Contents, most: int) -> None:
    """Refuse contents of more than ``most`` atoms.

    Raises:
        InputError: they hold more.
    """
    if contents.num_atoms > most:
        raise InputError(
            f"{contents} holds {contents.num_atoms:,} atoms: at most {most:,} are searched: take fewer formula units"
        )
