"""What a CIF says of its contents: the formula, the number of formula units, the density."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import gcd
from typing import Literal

from crysim.composition import Composition
from crysim.crystal.files.cif_block import CifBlock, measured
from crysim.crystal.files.contents import Contents, formula
from crysim.crystal.files.symbols import is_element
from crysim.crystal.files.text import shortened
from crysim.errors import InputError

_DENSITY_TOLERANCE = 0.15


Objection = Literal["", "hydrogens", "formula", "units", "density"]


@dataclass(frozen=True)
class StatedContents:
    """The formula of a file, by element, the formula units in the cell and the density, as far as it states them.

    Attributes:
        text: the formula as the file writes it; empty if it states none that can be read.
        counts: atoms of each element in the formula, deuterium as hydrogen.
        z: formula units per cell; 0 if not stated.
        density: g/cm³; 0 if not stated.
    """

    text: str
    counts: dict[str, float]
    z: int
    density: float

    def __str__(self) -> str:
        return f"{self.text}, Z {self.z}" if self.z else self.text

    def objection(self, contents: Contents) -> Objection:
        """What of the statement the contents break; empty if nothing."""
        if not self.counts:
            return self._of_density(contents)
        found = contents.counts
        if self._missing_hydrogens(found):
            return "hydrogens"
        if not self._same_ratios(found):
            return "formula"
        if not self.z:
            return self._of_density(contents)
        total = len(contents.species)
        allowed = [self.z * sum(self.counts.values())]
        if self._per_cell():
            allowed.append(sum(self.counts.values()))
        return "" if any(abs(total - n) <= 0.1 + 0.002 * n for n in allowed) else "units"

    def _per_cell(self) -> bool:
        """Whether the formula itself holds Z units, as in files of programs that write 'Na4 Cl4', Z 4."""
        whole = [round(n) for n in self.counts.values()]
        return all(abs(n - m) < 1e-6 for n, m in zip(whole, self.counts.values(), strict=True)) and (
            gcd(*whole) == self.z
        )

    def _same_ratios(self, found: Counter[str]) -> bool:
        return set(found) == set(self.counts) and _proportional(self.counts, found)

    def _missing_hydrogens(self, found: Counter[str]) -> bool:
        """Whether the atoms are all of the formula except for (some of) its hydrogens."""
        heavy = {e: n for e, n in self.counts.items() if e != "H"}
        stated, there = self.counts.get("H", 0.0), found.get("H", 0)
        if not stated or not heavy or set(heavy) != set(found) - {"H"} or not _proportional(heavy, found):
            return False
        share = sum(found[e] for e in heavy) / sum(heavy.values())
        return there < stated * share * 0.999

    def _of_density(self, contents: Contents) -> Objection:
        """The density decides where the number of formula units is not stated."""
        near = not self.density or abs(density_of(contents) / self.density - 1) <= _DENSITY_TOLERANCE
        return "" if near else "density"


def stated_contents(block: CifBlock) -> StatedContents:
    """What a block says of its contents; what cannot be understood is taken as not stated."""
    text = block.value("_chemical_formula_sum")
    counts = formula_counts(text)
    z = measured(block.value("_cell_formula_units_z"))
    density = measured(block.value("_exptl_crystal_density_diffrn"))
    return StatedContents(
        shortened(text) if counts else "",
        counts,
        int(z) if z == z and z >= 1 and z == int(z) else 0,
        density if 0.0 < density < 100.0 else 0.0,
    )


def formula_counts(text: str) -> dict[str, float]:
    """Atoms of each element in a formula, ``'C Ca O3'``, ``'Na4Cl4'``, ``'Ca (C O3)'``; empty if it cannot be read."""
    if "(" in text:
        return _of_brackets(text)
    counts: dict[str, float] = {}
    rest = text.strip(" '\"")
    while rest:
        match = re.match(r"([A-Z][a-z]?)\s?(\d+\.?\d*|\.\d+)?(?=$|[\s,A-Z])[\s,]*", rest)
        if match is None or not is_element(match[1]):
            return {}
        element = {"D": "H", "T": "H"}.get(match[1], match[1])
        counts[element] = counts.get(element, 0.0) + float(match[2] or 1)
        rest = rest[match.end() :]
    return {e: n for e, n in counts.items() if n > 0}


def _of_brackets(text: str) -> dict[str, float]:
    try:
        composition = Composition.from_formula("".join(text.split()))
    except InputError:
        return {}
    return {e: float(n) for e, n in zip(composition.elements, composition.counts, strict=True)}


def density_of(contents: Contents) -> float:
    """g/cm³."""
    from ase.data import atomic_masses, atomic_numbers

    mass = sum(atomic_masses[atomic_numbers[e]] * n for e, n in contents.counts.items())
    return float(mass / contents.volume * 1.66053907)


def found_formula(contents: Contents) -> str:
    """The contents as a formula of the cell."""
    return formula(contents.counts)


def _proportional(stated: dict[str, float], found: Counter[str]) -> bool:
    share = sum(found[e] for e in stated) / sum(stated.values())
    return all(abs(found[e] - n * share) <= 0.1 + 0.002 * n * share for e, n in stated.items())
