"""Structures from and to files: CIF, POSCAR and extended XYZ."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from crysim.crystal import Crystal

FORMATS = "CIF (*.cif), POSCAR (POSCAR*, CONTCAR*, *.vasp, *.poscar) and extended XYZ (*.extxyz, *.xyz)"


def read_structure(path: str | Path) -> Structure:
    """The one structure of a file, in the file's own cell; oxidation states are dropped.

    Raises:
        InputError: no such file, an unknown format, nothing that can be read, more than one structure, no period in
            some direction, partly occupied sites.
    """
    path = Path(path)
    try:
        there = path.is_file()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
    if not there:
        raise InputError(f"there is no file '{path}'")
    kind = _format(path)
    try:
        with warnings.catch_warnings():
            # The readers warn of what they repair (rounded coordinates and the like).
            warnings.simplefilter("ignore")
            structure = _read_extxyz(path) if kind == "extxyz" else _read_pymatgen(path, kind)
    except InputError:
        raise
    # The parsers raise errors of any kind on what is no file of theirs.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"cannot read '{path}': {error.strerror}") from error
        lines = str(error).strip().splitlines()
        reason = f": {lines[0]}" if lines else ""
        raise InputError(f"'{path}' is no {kind} file that can be read{reason}") from error
    if not structure.is_ordered:
        raise InputError(f"'{path}' has partly occupied sites: give an ordered structure")
    structure.remove_oxidation_states()
    return structure


def write_cif(crystal: Crystal, path: str | Path) -> None:
    """Write a crystal as CIF, with the symmetry that it has within 0.01 Å."""
    Path(path).write_text(cif_text(crystal), encoding="utf-8")


def cif_text(crystal: Crystal) -> str:
    """A crystal as the text of a CIF, with the symmetry that it has within 0.01 Å."""
    from pymatgen.io.cif import CifWriter

    return str(CifWriter(crystal.to_structure(), symprec=None if crystal.space_group == 1 else 0.01))


def _format(path: Path) -> str:
    name, suffix = path.name.upper(), path.suffix.lower()
    if suffix == ".cif":
        return "CIF"
    if suffix in (".extxyz", ".xyz"):
        return "extxyz"
    if suffix in (".vasp", ".poscar") or name.startswith(("POSCAR", "CONTCAR")):
        return "POSCAR"
    raise InputError(f"'{path}' is of no known format: {FORMATS} can be read")


def _read_pymatgen(path: Path, kind: str) -> Structure:
    from pymatgen.core import Structure

    text = path.read_text(encoding="utf-8", errors="replace")
    if kind == "POSCAR":
        return Structure.from_str(text, fmt="poscar")
    from pymatgen.io.cif import CifParser

    structure: Structure = _only(path, CifParser.from_str(text).parse_structures(primitive=False))
    return structure


def _read_extxyz(path: Path) -> Structure:
    import ase.io
    from pymatgen.io.ase import AseAtomsAdaptor

    images = ase.io.read(path, index=":", format="extxyz")
    atoms = _only(path, images)
    if not atoms.pbc.all():
        raise InputError(f"'{path}' is not periodic in three directions: crysim relaxes crystals")
    structure: Structure = AseAtomsAdaptor.get_structure(atoms)
    return structure


def _only(path: Path, structures: list[Any]) -> Any:
    if len(structures) != 1:
        raise InputError(f"'{path}' holds {len(structures)} structures: give files of one each")
    return structures[0]
