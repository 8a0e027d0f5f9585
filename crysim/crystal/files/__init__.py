"""Structures from and to files: CIF, POSCAR and extended XYZ.

A reader per format (`cif`, `poscar`, `extxyz`) gives the cell and its atoms; every file is compared with what it says
of itself and with what is true of any crystal (`contents`) before anything is made of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from crysim.crystal.files.text import UnreadableError, WrongFormatError, check_regular, read_text
from crysim.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from crysim.arrays import Floats
    from crysim.crystal.crystal import Crystal
    from crysim.crystal.files.contents import Contents

logger = logging.getLogger(__name__)

FORMATS = "CIF (*.cif, *.mcif), POSCAR (POSCAR*, CONTCAR*, *.vasp, *.poscar) and extended XYZ (*.extxyz, *.xyz)"
Kind = Literal["CIF", "POSCAR", "extxyz"]
_SUFFIXES: dict[str, Kind] = {
    ".cif": "CIF",
    ".mcif": "CIF",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".vasp": "POSCAR",
    ".poscar": "POSCAR",
}


SYMPREC = 0.01
"""Å within which a written CIF has the symmetry that it says."""


@dataclass(frozen=True)
class ReadStructure:
    """A structure, and what is to be said of how it was read.

    Attributes:
        structure: in the file's own cell, without oxidation states.
        notes: sentences without the file's name, which they begin with.
    """

    structure: Structure
    notes: tuple[str, ...] = ()


def read_structure(path: str | Path) -> Structure:
    """The one structure of a file, in the file's own cell; oxidation states are dropped.

    What was decided on the way, or is not heeded, is logged as a warning, once for each file.

    Raises:
        InputError: no such file, an unknown format, nothing that can be read, more than one structure, no period in
            some direction, partly occupied sites, names that are no elements, atoms on one place, or a file that
            contradicts itself. The message is one line with the file, the reason and the remedy.
    """
    read = read_structure_file(path)
    for note in read.notes:
        _say(f"'{path}' {note}")
    return read.structure


def read_structure_file(path: str | Path) -> ReadStructure:
    """The one structure of a file, with what is to be said of how it was read; see `read_structure`."""
    path = Path(path)
    kind = _format(path)
    try:
        return read_structure_text(read_text(path), kind)
    except WrongFormatError as error:
        raise InputError(f"'{path}' is no {kind} file that can be read: {error}") from error
    except UnreadableError as error:
        raise InputError(f"'{path}' {error}") from error


def read_structure_text(text: str, kind: Kind, names: Sequence[str] | None = None) -> ReadStructure:
    """The one structure of a text.

    Args:
        text: of a file, without a byte order mark.
        kind: its format.
        names: the elements in the order of the counts, for a POSCAR that does not name them.

    Raises:
        UnreadableError: as `read_structure`; the message is the rest of a sentence that begins with the text's name.
    """
    contents, coords, notes = _read(text, kind, names)
    notes += _checked(contents)
    return ReadStructure(contents.to_structure(coords), tuple(notes))


def names_file(text: str) -> bool:
    """Whether a text is the name of a structure file, there or not, rather than a formula."""
    path = Path(text)
    try:
        there = path.is_file()
    except OSError:  # a name that is too long
        there = False
    return there or "/" in text or path.suffix.lower() in _SUFFIXES


def write_cif(crystal: Crystal, path: str | Path) -> None:
    """Write a crystal as CIF, with the symmetry that it has within 0.01 Å."""
    Path(path).write_text(cif_text(crystal), encoding="utf-8")


def cif_text(crystal: Crystal) -> str:
    """A crystal as the text of a CIF, with the symmetry that it has within 0.01 Å."""
    return structure_cif(crystal.to_structure(), symmetric=crystal.space_group != 1)


def structure_cif(structure: Structure, *, symmetric: bool) -> str:
    """A structure as the text of a CIF, with the symmetry that it has within 0.01 Å.

    Without, where it is not wanted or pymatgen has another group: its writer takes angles within 5° for equal, and so a
    tetragonal cell of one atom whose axes differ by a few per cent for cubic, with other axes.
    """
    from pymatgen.io.cif import CifWriter
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    from crysim.crystal.identify import find_space_group

    symmetric = symmetric and (
        SpacegroupAnalyzer(structure, SYMPREC).get_space_group_number() == find_space_group(structure, SYMPREC)
    )
    return str(CifWriter(structure, symprec=SYMPREC if symmetric else None))


def _format(path: Path) -> Kind:
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is not None:
        return kind
    if path.name.upper().startswith(("POSCAR", "CONTCAR")):
        return "POSCAR"
    try:
        check_regular(path)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
    raise InputError(f"'{path}' is of no known format: {FORMATS} can be read")


def _read(text: str, kind: Kind, names: Sequence[str] | None) -> tuple[Contents, Floats | None, list[str]]:
    if kind == "POSCAR":
        from crysim.crystal.files.poscar import read_poscar

        return read_poscar(text, names)
    if kind == "extxyz":
        from crysim.crystal.files.extxyz import read_extxyz

        return read_extxyz(text)
    from crysim.crystal.files.cif import read_cif

    contents, notes = read_cif(text)
    return contents, None, notes


def _checked(contents: Contents) -> list[str]:
    """What is to be said of the distances.

    Raises:
        UnreadableError: atoms on one place, or what no crystal is.
    """
    from crysim.crystal.files.contents import COINCIDENT, CROWDED, check_atoms, describe, nearest_contact

    check_atoms(contents)
    contact = nearest_contact(contents)
    if contact is None:
        return []
    if contact.distance < COINCIDENT:
        raise UnreadableError(f"has atoms {describe(contents, contact)}: correct their places or the cell")
    if contact.share < CROWDED:
        return [f"has atoms {describe(contents, contact)}, nearer than in crystals"]
    return []


@cache
def _say(message: str) -> None:
    logger.warning(message)
