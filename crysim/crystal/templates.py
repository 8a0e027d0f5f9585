"""Structures whose elements are to be exchanged: the structure types, and structure files of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.crystal.files import read_structure
from crysim.crystal.identify import quiet_spglib, spglib_cell
from crysim.crystal.identity import identify
from crysim.crystal.structure_types import StructureType, structure_types
from crysim.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core import Structure

_READABLE = (".cif", ".vasp", ".poscar", ".extxyz", ".xyz")
_SYMPREC = 0.01


@dataclass(frozen=True)
class Template:
    """A structure whose elements are to be exchanged.

    Attributes:
        name: of the structure type, or the file's stem.
        label: AFLOW's label, or the file's path.
        atoms: of each element in the primitive cell.
        well_known: whether it has a Strukturbericht designation, or is the user's: many compounds have it.
    """

    name: str
    label: str
    atoms: Mapping[str, int]
    well_known: bool
    _make: Callable[[], Structure] = field(repr=False, compare=False)

    @cached_property
    def structure(self) -> Structure:
        """The primitive cell."""
        return self._make()

    @property
    def num_atoms(self) -> int:
        """Atoms per primitive cell."""
        return sum(self.atoms.values())

    @cached_property
    def orbits(self) -> tuple[tuple[int, ...], ...]:
        """Atoms of the primitive cell that the symmetry takes into one another, by their places there."""
        spglib = quiet_spglib()
        found = spglib.get_symmetry_dataset(spglib_cell(self.structure), symprec=_SYMPREC)
        owners = range(self.num_atoms) if found is None else [int(i) for i in found.equivalent_atoms]
        return tuple(tuple(i for i, owner in enumerate(owners) if owner == first) for first in dict.fromkeys(owners))


def read_templates(folder: str | Path) -> list[Template]:
    """The structure files of a folder as templates, by name.

    Raises:
        InputError: no such folder, none in it, or one that cannot be read.
    """
    place = Path(folder)
    if not place.is_dir():
        raise InputError(f"there is no folder '{place}' of prototypes")
    files = sorted(
        file
        for file in place.iterdir()
        if file.suffix.lower() in _READABLE or file.name.upper().startswith(("POSCAR", "CONTCAR"))
    )
    if not files:
        raise InputError(f"the folder '{place}' of prototypes holds no structure file (CIF, POSCAR, extended XYZ)")
    return [_of_structure(file.stem, str(file), read_structure(file)) for file in files]


def templates(folder: str | Path | None, library: bool) -> Iterator[Template]:
    """Those of a folder, and then the known structure types.

    Raises:
        InputError: as `read_templates`.
    """
    if folder is not None:
        yield from read_templates(folder)
    if library:
        yield from _library()


@cache
def _library() -> tuple[Template, ...]:
    """Made once: what they have found out about their orbits is asked for again and again."""
    return tuple(
        Template(one.name, one.label, one.atoms, bool(one.strukturbericht), partial(_structure_of, one))
        for one in structure_types()
    )


def _structure_of(one: StructureType) -> Structure:
    return one.structure


def _of_structure(name: str, label: str, structure: Structure) -> Template:
    primitive = identify(structure, prototypes=False).primitive
    atoms = {str(element): int(n) for element, n in primitive.composition.items()}
    return Template(name, label, atoms, True, lambda: primitive)
