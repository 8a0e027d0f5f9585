"""pymatgen's matcher, which here reduces a structure once that it is given again and again."""

from __future__ import annotations

from typing import Any

from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

MOST = 64
"""Structures whose reduced cells are kept."""


class RememberingMatcher(StructureMatcher):  # type: ignore[misc]
    """Finds again by its numbers what it has reduced.

    pymatgen does so by equality, which it looks for atom by atom in a quadratic number of comparisons: of 288 atoms
    these take three quarters of all its time.
    """

    def __init__(self, **options: Any) -> None:
        """Nothing is reduced yet.

        Args:
            options: of `StructureMatcher`.
        """
        super().__init__(**options)
        self._reduced: dict[tuple[object, ...], Structure] = {}

    def _get_reduced_structure(self, struct: Structure, primitive_cell: bool = True, niggli: bool = True) -> Structure:
        """A reduced cell that is the caller's to change."""
        lattice, coords = struct.lattice.matrix.tobytes(), struct.frac_coords.tobytes()
        key = (lattice, coords, tuple(struct.species_and_occu), primitive_cell, niggli)
        if key not in self._reduced:
            if len(self._reduced) >= MOST:
                del self._reduced[next(iter(self._reduced))]
            self._reduced[key] = super()._get_reduced_structure(struct, primitive_cell, niggli)
        found = self._reduced[key] = self._reduced.pop(key)  # what was asked for last goes last
        return found.copy()
