"""The systems that crysim knows by name: the nine of the paper, with reference crystals where we can ship them.

The reference crystals were built here from textbook prototypes (``data/systems.toml`` names each) and relaxed with
M3GNet-MP-2021.2.8-PES, keeping their symmetry.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.composition import CellKind, Composition, Contents, cell_kind
from crysim.crystal import Crystal
from crysim.crystal.entries import crystal_of_entry
from crysim.crystal.files import names_file, read_structure
from crysim.declared import names, text
from crysim.errors import InputError, UnknownNameError
from crysim.harness.contents import contents_of
from crysim.harness.materials_project import PREFIX, structure_by_id

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class System:
    """What is searched for, and the ground truth where it is known.

    Attributes:
        name: of the contents, under which results are filed.
        composition: atoms per cell.
        reference: the ground truth, or None.
        material_id: its entry in the Materials Project, or None.
        prototype: the structure type, for people; may be empty.
        resolution: the grid g that the paper used, or None.
        paper_energy: the paper's estimated stable energy, eV per cell, or None.
        energies: the reference's energy, eV per cell of the reference, by sha256 of the energy model's weights.
        cell: which cell the composition fills.
    """

    name: str
    composition: Composition
    reference: Crystal | None = None
    material_id: str | None = None
    prototype: str = ""
    resolution: int | None = None
    paper_energy: float | None = None
    energies: tuple[tuple[str, float], ...] = ()
    cell: CellKind = "conventional"

    @property
    def contents(self) -> Contents:
        """What is put into the cell."""
        return Contents(self.composition, self.cell)

    def reference_energy(self, fingerprint: Mapping[str, str]) -> float | None:
        """The reference's energy, eV per cell of the contents, by this model; None if it is not on record."""
        values = set(fingerprint.values())
        energy = next((energy for weights, energy in self.energies if weights in values), None)
        return None if energy is None or self.reference is None else self.contents.per_cell(energy, self.reference)


@cache
def builtin_systems() -> Mapping[str, System]:
    """The systems by name, in the paper's order."""
    text = files("crysim").joinpath("data", "systems.toml").read_text(encoding="utf-8")
    return {name: _system(name, entry) for name, entry in tomllib.loads(text).items()}


def find_system(
    formula: str, *, z: int = 1, reference: str | Path | None = None, cell: CellKind = "conventional"
) -> System:
    """The system of a formula: with the reference of a built-in one that its cell can hold, else without a reference.

    A conventional cell is that of a built-in system if their atoms are the same; a primitive cell can hold the
    reference's primitive cell, once or several times.

    Args:
        formula: per cell, or per formula unit with ``z``.
        z: formula units per cell.
        reference: a structure file, or ``mp:mp-1234`` for an entry of the Materials Project; replaces the built-in
            reference, whose energies then no longer hold.
        cell: which cell the formula units fill.

    Raises:
        InputError: no formula, no readable structure, or one of another composition.
    """
    contents = Contents.from_formula(formula, z, cell)
    composition = contents.composition
    system = System(contents.name, composition, cell=cell)
    for known in builtin_systems().values():
        if _can_hold(contents, known):
            crystal = known.reference and _reordered(known.reference, composition)
            system = replace(known, name=contents.name, composition=composition, reference=crystal, cell=cell)
    if reference is not None:
        crystal = read_reference(reference, composition)
        system = replace(system, reference=crystal, energies=(), material_id=None, prototype="", paper_energy=None)
    return system


def _can_hold(contents: Contents, known: System) -> bool:
    if not contents.primitive:
        return known.composition.amounts == contents.composition.amounts
    crystal = known.reference
    return (
        crystal is not None
        and known.composition.reduced.amounts == contents.composition.reduced.amounts
        and contents.num_atoms % crystal.num_primitive_atoms == 0
    )


ONLY = ""
"""Stands for the system of a reference where there is one system only."""


def spelled_out(
    systems: Sequence[str],
    references: Mapping[str, str] | None = None,
    cell: CellKind = "conventional",
    units: Sequence[int] | None = None,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Systems as formulas per cell, and their references by formula.

    A system may be named by its structure, a file or ``mp:mp-1234``, which then is its reference too: its formula is
    that of the structure's conventional or primitive cell.

    Args:
        systems: formulas, structure files, ``mp:mp-1234``.
        references: by system, see `references`; that of no system in particular is the only one's.
        cell: one of `crysim.composition.CELLS`.
        units: numbers of formula units, each of which makes a system of every formula; None: one.

    Raises:
        InputError: no formula, a structure cannot be read, units are asked for of a structure, or a reference is of
            no system.
    """
    cell_kind(cell)
    given = dict(references or {})
    if ONLY in given:
        if len(systems) > 1:
            only = given[ONLY]
            raise InputError(f"reference '{only}': say whose it is, as in --reference {systems[0]}={only}")
        given[systems[0]] = given.pop(ONLY)
    kept: dict[str, str] = {}
    found: list[str] = []
    for name in systems:
        source = given.pop(name, "")
        formulas = [name]
        if names_structure(name):
            if units is not None and tuple(units) != (1,):
                raise InputError(f"{name} is a structure, whose cell says how many formula units: leave out --z")
            source, formulas = name, [_formula_of_cell(name, cell)]
        elif units is not None:
            formulas = [contents.formula for contents in contents_of(name, units, cell)]
        found += formulas
        if source:
            kept |= dict.fromkeys(formulas, source)
    for owner, source in given.items():
        if owner not in found:
            raise UnknownNameError("system of a reference", owner, [*systems, *found])
        kept[owner] = source
    return tuple(found), kept


def references(value: Any) -> dict[str, str]:
    """Ground truths by system: a table, or texts ``FORMULA=SOURCE``; one ``SOURCE`` alone is of the only system.

    Raises:
        ValueError: what it must be.
    """
    if isinstance(value, Mapping):
        return {text(owner): text(str(source)) for owner, source in value.items()}
    found = {}
    for one in names(value):
        owner, equals, source = one.partition("=")
        found.update({owner: source} if equals else {ONLY: one})
    return found


def names_structure(text: str) -> bool:
    """Whether a system's name is an entry of the Materials Project or a structure file, and no formula."""
    return text.startswith(PREFIX) or names_file(text)


def _formula_of_cell(source: str, cell: str) -> str:
    """The formula per cell of a structure, elements in its own order."""
    crystal = Crystal.from_structure(_structure(source))
    return (crystal.to_p1() if cell == "primitive" else crystal).composition.formula


def _structure(source: str | Path) -> Structure:
    """The structure of a file, an entry of the Materials Project, or a built-in system's reference."""
    text = str(source)
    known = builtin_systems().get(text)
    if known is not None and known.reference is not None and not Path(text).is_file():
        return known.reference.to_structure()
    structure = structure_by_id(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else read_structure(source)
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


def read_seed_structures(sources: Sequence[str], systems: Sequence[Contents]) -> dict[Contents, tuple[Crystal, ...]]:
    """The crystals of structure files, or of ``mp:mp-1234``, by whose contents they have.

    Raises:
        InputError: one cannot be read, or has none of the contents.
    """
    found: dict[Contents, tuple[Crystal, ...]] = dict.fromkeys(systems, ())
    for source in sources:
        crystal = Crystal.from_structure(_structure(source))
        number, held = crystal.space_group, crystal.composition.amounts
        owner = next((c for c in systems if c.composition_in(number).amounts == held), None)
        if owner is None:
            raise InputError(
                f"the seed structure '{source}' has {crystal.composition} in its conventional cell, "
                f"and the search is for {', '.join(map(str, systems))}"
            )
        found[owner] += (_reordered(crystal, owner.composition),)
    return found


def _system(name: str, entry: Mapping[str, Any]) -> System:
    composition = Composition.from_formula(name)
    crystal = None
    if "space_group" in entry:
        crystal = crystal_of_entry(composition, entry)
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


def _reordered(crystal: Crystal, composition: Composition) -> Crystal:
    order = composition.elements.index
    sites = tuple(sorted(crystal.sites, key=lambda site: order(site.element)))
    counts = crystal.composition.amounts
    own = Composition(composition.elements, tuple(counts[element] for element in composition.elements))
    return Crystal(own, crystal.space_group, crystal.cell, sites)
