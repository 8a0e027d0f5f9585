"""The systems that crysim knows by name: the nine of the paper, with reference crystals where we can ship them.

The reference crystals were built here from textbook prototypes (``data/systems.toml`` names each) and relaxed with
M3GNet-MP-2021.2.8-PES, keeping their symmetry.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.errors import InputError
from crysim.structure_files import read_structure
from crysim.symmetry import space_group

if TYPE_CHECKING:
    from pymatgen.core import Structure

MP_PREFIX = "mp:"
MP_KEY = "MP_API_KEY"


@dataclass(frozen=True)
class System:
    """What is searched for, and the ground truth where it is known.

    Attributes:
        name: the formula per cell under which results are filed.
        composition: atoms per cell.
        reference: the ground truth, or None.
        material_id: its entry in the Materials Project, or None.
        prototype: the structure type, for people; may be empty.
        resolution: the grid g that the paper used, or None.
        paper_energy: the paper's estimated stable energy, eV per cell, or None.
        energies: the reference's energy, eV per cell, by sha256 of the energy model's weights.
    """

    name: str
    composition: Composition
    reference: Crystal | None = None
    material_id: str | None = None
    prototype: str = ""
    resolution: int | None = None
    paper_energy: float | None = None
    energies: tuple[tuple[str, float], ...] = ()

    def reference_energy(self, fingerprint: Mapping[str, str]) -> float | None:
        """The reference's energy, eV per cell, by the model of this fingerprint; None if it is not on record."""
        values = set(fingerprint.values())
        return next((energy for weights, energy in self.energies if weights in values), None)


@cache
def builtin_systems() -> Mapping[str, System]:
    """The systems by name, in the paper's order."""
    text = files("crysim").joinpath("data", "systems.toml").read_text(encoding="utf-8")
    return {name: _system(name, entry) for name, entry in tomllib.loads(text).items()}


def find_system(formula: str, *, z: int = 1, reference: str | Path | None = None) -> System:
    """The system of a formula: a built-in one if its atoms are those of one, else without a reference.

    Args:
        formula: per cell, or per formula unit with ``z``.
        z: formula units per cell.
        reference: a structure file, or ``mp:mp-1234`` for an entry of the Materials Project; replaces the built-in
            reference, whose energies then no longer hold.

    Raises:
        InputError: no formula, no readable structure, or one of another composition.
    """
    composition = Composition.from_formula(formula, z)
    system = System(composition.formula, composition)
    for known in builtin_systems().values():
        if _counts(known.composition) == _counts(composition):
            crystal = known.reference and _reordered(known.reference, composition)
            system = replace(known, name=composition.formula, composition=composition, reference=crystal)
    if reference is not None:
        crystal = read_reference(reference, composition)
        system = replace(system, reference=crystal, energies=(), material_id=None, prototype="", paper_energy=None)
    return system


def read_reference(source: str | Path, composition: Composition) -> Crystal:
    """The ground truth from a structure file that pymatgen reads, or from the Materials Project (``mp:mp-1234``).

    Its cell may hold another number of formula units than the composition's.

    Raises:
        InputError: it cannot be read, or its reduced formula differs.
    """
    text = str(source)
    structure = _fetch(text[len(MP_PREFIX) :]) if text.startswith(MP_PREFIX) else read_structure(source)
    if not structure.is_ordered:
        raise InputError(f"the reference '{source}' has partly occupied sites: give an ordered structure")
    if structure.composition.reduced_composition.get_el_amt_dict() != dict(
        zip(composition.elements, (n / composition.num_formula_units for n in composition.counts), strict=True)
    ):
        raise InputError(f"the reference '{source}' is {structure.composition.formula}, not {composition.formula}")
    return Crystal.from_structure(structure)


def _fetch(material_id: str) -> Structure:
    from pymatgen.ext.matproj import MPRester

    key = os.environ.get(MP_KEY)
    if not key:
        raise InputError(f"mp:{material_id} needs a key of the Materials Project in the environment variable {MP_KEY}")
    try:
        with MPRester(key) as rester:
            return rester.get_structure_by_material_id(material_id)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the Materials Project gave no structure for {material_id}: {reason}") from error


def _system(name: str, entry: Mapping[str, Any]) -> System:
    composition = Composition.from_formula(name)
    crystal = None
    if "space_group" in entry:
        position = space_group(entry["space_group"]).position_by_letter
        sites = tuple(Site(element, position(letter), tuple(free)) for element, letter, *free in entry["sites"])
        crystal = Crystal(composition, entry["space_group"], tuple(entry["cell"]), sites)
    return System(
        name,
        composition,
        crystal,
        material_id=entry.get("material_id"),
        prototype=entry.get("prototype", ""),
        resolution=entry.get("resolution"),
        paper_energy=entry.get("paper_energy"),
        energies=tuple(sorted(entry.get("energies", {}).items())),
    )


def _counts(composition: Composition) -> dict[str, int]:
    return dict(zip(composition.elements, composition.counts, strict=True))


def _reordered(crystal: Crystal, composition: Composition) -> Crystal:
    order = composition.elements.index
    sites = tuple(sorted(crystal.sites, key=lambda site: order(site.element)))
    return Crystal(composition, crystal.space_group, crystal.cell, sites)
