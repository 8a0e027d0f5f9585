"""The systems that crysim knows by name: the nine of the paper, with reference crystals where we can ship them.

The reference crystals were built here from textbook prototypes (``data/systems.toml`` names each) and relaxed with
M3GNet-MP-2021.2.8-PES, keeping their symmetry.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.files import names_file, read_structure
from crysim.errors import InputError, UnknownNameError
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


CELLS = ("conventional", "primitive")
"""What cell of a known structure is searched: that of its space group's standard setting, or the smallest one."""


def spelled_out(
    systems: Sequence[str], references: Sequence[str] = (), cell: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Systems as formulas per cell, and their references as ``FORMULA=SOURCE``.

    A system may be named by its structure, a file or ``mp:mp-1234``, which then is its reference too; its cell is the
    conventional one unless ``cell`` says otherwise. With ``cell`` a formula too is brought to that cell of its known
    structure: Ca4S4 in its primitive cell is CaS.

    Args:
        systems: formulas per cell, structure files, ``mp:mp-1234``.
        references: ``FORMULA=SOURCE``, or one ``SOURCE`` if there is one system.
        cell: one of `CELLS`, or None.

    Raises:
        InputError: a structure cannot be read, or is needed and not known.
    """
    if cell is not None and cell not in CELLS:
        raise UnknownNameError("cell", cell, CELLS)
    alone = systems[0] if len(systems) == 1 else ""
    given: dict[str, str] = {}
    kept: list[str] = []
    for text in references:
        owner, equals, path = text.partition("=")
        owner, path = (owner, path) if equals else (alone, text)
        if owner in systems:
            given[owner] = path
        else:
            kept.append(text)
    names: list[str] = []
    for name in systems:
        source = name if names_structure(name) else given.get(name)
        if names_structure(name) or cell is not None:
            if source is None and (builtin := find_system(name)).reference is not None:
                source = next(n for n, s in builtin_systems().items() if s.material_id == builtin.material_id)
            if source is None:
                raise InputError(f"the {cell} cell of {name} is not known: give its structure with --reference")
            name = _formula_of_cell(source, cell or CELLS[0])
        names.append(name)
        if source is not None:
            kept.append(f"{name}={source}")
    return tuple(names), tuple(kept)


def names_structure(text: str) -> bool:
    """Whether a system's name is an entry of the Materials Project or a structure file, and no formula."""
    return text.startswith(MP_PREFIX) or names_file(text)


def _formula_of_cell(source: str, cell: str) -> str:
    """The formula per cell of a structure, elements in its own order."""
    crystal = Crystal.from_structure(_structure(source))
    if cell == CELLS[0]:
        return crystal.composition.formula
    counts = dict.fromkeys(crystal.composition.elements, 0)
    for site in crystal.to_structure().get_primitive_structure():
        counts[site.specie.symbol] += 1
    return Composition(tuple(counts), tuple(counts.values())).formula


def _structure(source: str | Path) -> Structure:
    """The structure of a file, an entry of the Materials Project, or a built-in system's reference."""
    text = str(source)
    known = builtin_systems().get(text)
    if known is not None and known.reference is not None and not Path(text).is_file():
        return known.reference.to_structure()
    structure = _fetch(text[len(MP_PREFIX) :]) if text.startswith(MP_PREFIX) else read_structure(source)
    if not structure.is_ordered:
        raise InputError(f"the structure '{source}' has partly occupied sites: give an ordered structure")
    return structure


def read_reference(source: str | Path, composition: Composition) -> Crystal:
    """The ground truth from a structure file, from the Materials Project (``mp:mp-1234``), or a built-in system's.

    Its cell may hold another number of formula units than the composition's.

    Raises:
        InputError: it cannot be read, or its reduced formula differs.
    """
    structure = _structure(source)
    if structure.composition.reduced_composition.get_el_amt_dict() != dict(
        zip(composition.elements, (n / composition.num_formula_units for n in composition.counts), strict=True)
    ):
        raise InputError(f"the reference '{source}' is {structure.composition.formula}, not {composition.formula}")
    return Crystal.from_structure(structure)


def read_seed_structures(
    sources: Sequence[str], compositions: Sequence[Composition]
) -> dict[Composition, tuple[Crystal, ...]]:
    """The crystals of structure files, or of ``mp:mp-1234``, by whose composition they have.

    Raises:
        InputError: one cannot be read, or its conventional cell has none of the compositions.
    """
    found: dict[Composition, tuple[Crystal, ...]] = dict.fromkeys(compositions, ())
    for source in sources:
        crystal = Crystal.from_structure(_structure(source))
        owner = next((c for c in compositions if _counts(c) == _counts(crystal.composition)), None)
        if owner is None:
            raise InputError(
                f"the seed structure '{source}' has {crystal.composition} in its conventional cell, "
                f"and the search is for {', '.join(map(str, compositions))}"
            )
        found[owner] += (_reordered(crystal, owner),)
    return found


@cache
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
