"""Energies above the convex hull of competing phases that the user gives."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from crysim.composition import Composition
from crysim.errors import InputError


class Hull:
    """Competing phases with their energies by one energy model.

    The file is CSV with the columns ``formula`` and ``energy``: eV per formula as it is written. All elements must be
    there as phases of their own.
    """

    def __init__(self, path: Path) -> None:
        """Read the phases.

        Raises:
            InputError: no such file, a column is missing, a line is no phase, or an element has no phase of its own.
        """
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the hull's phases {path}: {error}") from error
        entries: list[Any] = []
        for number, row in enumerate(rows, start=2):
            try:
                composition = Composition.from_formula(str(row["formula"]))
                entries.append(PDEntry(composition.amounts, float(row["energy"])))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}, line {number}: write the columns formula and energy (eV)") from error
        try:
            self._diagram = PhaseDiagram(entries)
        except ValueError as error:
            raise InputError(f"{path}: every element needs a phase of its own, and there are too few phases") from error
        self._elements = {str(element) for element in self._diagram.elements}

    def above(self, composition: Composition, energy: float) -> float | None:
        """eV per atom above the hull (negative below it); None if an element is not in it.

        Args:
            composition: atoms per cell.
            energy: eV per cell.
        """
        from pymatgen.analysis.phase_diagram import PDEntry

        if not set(composition.elements) <= self._elements:
            return None
        above = self._diagram.get_e_above_hull(PDEntry(composition.amounts, energy), allow_negative=True)
        return None if above is None else float(above)
