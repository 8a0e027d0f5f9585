"""What is in one cell: elements and how many atoms of each, in the order given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

from crysim.composition.elements import SYMBOLS
from crysim.composition.formula import MAX_ATOMS, parse_formula, too_many_atoms
from crysim.errors import InputError, UnknownNameError


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
        """Read a formula per cell, such as ``Ca4S4`` or ``Ca24Al16(SiO4)24``; see `parse_formula` for what is read.

        Args:
            formula: element symbols with whole counts, brackets, hydrates.
            z: formula units per cell; every count is multiplied by it.

        Raises:
            InputError: not a formula, an unknown element, a count that is no positive integer, more than
                `MAX_ATOMS` atoms.
        """
        if z < 1:
            raise InputError(f"the number of formula units per cell is at least 1, not {z}")
        counts = parse_formula(formula)
        if sum(counts.values()) * z > MAX_ATOMS:
            raise too_many_atoms(formula)
        return cls(tuple(counts), tuple(n * z for n in counts.values()))

    @property
    def amounts(self) -> dict[str, int]:
        """Atoms of each element per cell, in the order given."""
        return dict(zip(self.elements, self.counts, strict=True))

    @cached_property
    def num_atoms(self) -> int:
        """Atoms per cell."""
        return sum(self.counts)

    @cached_property
    def formula(self) -> str:
        """The cell's formula in the order given, every count written unless 1: ``Ca4S4``, ``ScBe5``."""
        return "".join(e + (str(n) if n > 1 else "") for e, n in zip(self.elements, self.counts, strict=True))

    @property
    def reduced(self) -> Composition:
        """One formula unit."""
        z = self.num_formula_units
        return Composition(self.elements, tuple(n // z for n in self.counts))

    def merged(self, elements: Sequence[str]) -> Composition:
        """The same atoms with the first of some elements in the places of all of them."""
        counts = self.amounts
        together = sum(counts[element] for element in elements)
        kept = tuple(e for e in self.elements if e == elements[0] or e not in elements)
        return Composition(kept, tuple(together if e == elements[0] else counts[e] for e in kept))

    def times(self, factor: int) -> Composition:
        """So many times the atoms."""
        return Composition(self.elements, tuple(factor * n for n in self.counts))

    @cached_property
    def num_formula_units(self) -> int:
        """Formula units per cell, Z: the greatest common divisor of the counts."""
        return gcd(*self.counts)

    @cached_property
    def reduced_formula(self) -> str:
        """The formula of one formula unit: ``CaS`` for ``Ca4S4``."""
        return self.reduced.formula

    @cached_property
    def species(self) -> tuple[str, ...]:
        """The element of every atom, ``[num_atoms]``, grouped by element."""
        return tuple(e for e, n in zip(self.elements, self.counts, strict=True) for _ in range(n))

    def __str__(self) -> str:
        return self.formula
