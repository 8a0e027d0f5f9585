"""Elements, formulas, the atoms of a cell, and the contents of a cell whose space group is not known yet."""

from crysim.composition.cell import Composition
from crysim.composition.contents import CELLS, CellKind, Contents, cell_kind, centring_factor, check_size
from crysim.composition.elements import ATOMIC_NUMBERS, SYMBOLS
from crysim.composition.formula import MAX_ATOMS, parse_formula

__all__ = [
    "ATOMIC_NUMBERS",
    "CELLS",
    "MAX_ATOMS",
    "SYMBOLS",
    "CellKind",
    "Composition",
    "Contents",
    "cell_kind",
    "centring_factor",
    "check_size",
    "parse_formula",
]
