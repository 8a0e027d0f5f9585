"""Results of programs that do not run here: read as structures with their energies.

Kinds:
    ``calypso``: ``pso_opt_1``, ``pso_opt_2``, ... in the folder or in its ``results``: POSCARs one after another. A
        first line that is a number is taken as the enthalpy, eV per atom; a huge one marks a failed relaxation. The
        elements' names stand in ``input.dat`` (NameOfAtoms). (CALYPSO is closed: this follows what its users describe.)
    ``cryspy``: ``opt_POSCARS`` and ``cryspy_rslt`` in the folder or in its ``data``: POSCARs with ``ID_n`` as their
        first line, and a table of energies in eV per atom. (Pickled data are not read: a pickle can run code.)
    ``poscars``: every structure file of the folder (POSCAR, CIF, extended XYZ with any number of frames) in the
        natural order of names. Energies, eV per cell of the file, are those of the frames, and those of
        ``energies.csv``, if it is there, with the columns ``file`` and ``energy``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.composition import Composition
from crysim.crystal.files import read_structure
from crysim.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from pymatgen.core import Structure

_FAILED = 1000.0
"""eV per atom from which on CALYPSO's enthalpy is its mark of a failure."""
_XYZ = (".extxyz", ".xyz")
_NUMBER = re.compile(r"^\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*$")


@dataclass(frozen=True)
class ForeignStructure:
    """A structure that another program relaxed.

    Attributes:
        source: its file, and its place therein.
        structure: in the program's own cell.
        energy: the program's own, eV per cell of ``structure``; None if it is not known.
    """

    source: str
    structure: Structure
    energy: float | None


def read_foreign(folder: Path, kind: str, composition: Composition | None = None) -> list[ForeignStructure]:
    """The structures of a folder in the order in which they were found.

    Args:
        folder: of the results.
        kind: ``calypso``, ``cryspy`` or ``poscars``.
        composition: atoms per cell; names the elements of POSCARs that do not; None: the files name them.

    Raises:
        UnknownNameError: another kind.
        InputError: no results are there, or one cannot be read.
    """
    readers: Mapping[str, Callable[[Path, Composition | None], list[ForeignStructure]]] = {
        "calypso": _read_calypso,
        "cryspy": _read_cryspy,
        "poscars": _read_poscars,
    }
    if kind not in readers:
        raise UnknownNameError("kind of results", kind, readers)
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'")
    found = readers[kind](folder, composition)
    if not found:
        raise InputError(f"'{folder}' holds no structures of {kind}")
    return found


def _read_calypso(folder: Path, composition: Composition | None) -> list[ForeignStructure]:
    place = folder / "results" if (folder / "results").is_dir() else folder
    names = _calypso_names(place) or (composition.elements if composition is not None else None)
    files = [path for path in place.glob("pso_opt_*") if path.name.removeprefix("pso_opt_").isdigit()]
    found: list[ForeignStructure] = []
    for path in sorted(files, key=lambda p: int(p.name.removeprefix("pso_opt_"))):
        for number, (comment, structure) in enumerate(_poscars(path, names), start=1):
            enthalpy = float(comment) if _NUMBER.match(comment) else _FAILED
            energy = enthalpy * len(structure) if enthalpy < _FAILED else None
            found.append(ForeignStructure(f"{path.name}, structure {number}", structure, energy))
    return found


def _calypso_names(place: Path) -> tuple[str, ...] | None:
    """The elements that ``input.dat`` in or above the folder of results names; None if it does not."""
    for path in (place / "input.dat", place.parent / "input.dat"):
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                key, _, value = line.partition("#")[0].partition("=")
                if key.strip().lower() == "nameofatoms" and value.split():
                    return tuple(value.split())
    return None


def _read_cryspy(folder: Path, composition: Composition | None) -> list[ForeignStructure]:
    place = folder / "data" if (folder / "data").is_dir() else folder
    path = place / "opt_POSCARS"
    if not path.is_file():
        raise InputError(f"'{folder}' holds no data/opt_POSCARS: give the folder in which CrySPY ran")
    energies = _cryspy_energies(place / "cryspy_rslt")
    found: list[ForeignStructure] = []
    for comment, structure in _poscars(path, None if composition is None else composition.elements):
        energy = energies.get(comment.strip().removeprefix("ID_"))
        found.append(ForeignStructure(comment.strip(), structure, None if energy is None else energy * len(structure)))
    return found


def _cryspy_energies(path: Path) -> dict[str, float]:
    """Energies in eV per atom by structure's ID."""
    if not path.is_file():
        return {}
    header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    columns = header.split()
    if "E_eV_atom" not in columns:
        raise InputError(f"'{path}' has no column E_eV_atom")
    # counted from the right: a column of names to the left may hold spaces, and rows begin with the ID
    place = columns.index("E_eV_atom") - len(columns)
    energies: dict[str, float] = {}
    for line in lines:
        cells = line.split()
        if len(cells) > len(columns):
            try:
                energy = float(cells[place])
            except ValueError:
                continue
            if isfinite(energy):
                energies[cells[0]] = energy
    return energies


def _read_poscars(folder: Path, _: Composition | None) -> list[ForeignStructure]:
    energies = _listed_energies(folder / "energies.csv")
    paths = sorted((p for p in folder.iterdir() if p.is_file() and _is_structure(p)), key=_natural)
    unknown = set(energies) - {path.name for path in paths}
    if unknown:
        raise InputError(f"'{folder / 'energies.csv'}' names '{min(unknown)}', which is not in the folder")
    found: list[ForeignStructure] = []
    for path in paths:
        if path.suffix.lower() in _XYZ:
            found += [replace(one, energy=energies.get(path.name, one.energy)) for one in _read_frames(path)]
        else:
            found.append(ForeignStructure(path.name, read_structure(path), energies.get(path.name)))
    return found


def _read_frames(path: Path) -> list[ForeignStructure]:
    """Every frame of an extended XYZ file with the energy that it carries."""
    import ase.io
    from ase.calculators.calculator import PropertyNotImplementedError
    from pymatgen.io.ase import AseAtomsAdaptor

    try:
        frames = ase.io.read(path, index=":", format="extxyz")
    # the reader raises errors of any kind on what is no file of its own
    except Exception as error:
        raise InputError(f"'{path}' is no extxyz file that can be read") from error
    found = []
    for number, atoms in enumerate(frames, start=1):
        if not atoms.pbc.all():
            raise InputError(f"'{path}', structure {number}: not periodic in three directions")
        try:
            energy = float(atoms.get_potential_energy()) if atoms.calc is not None else None
        except PropertyNotImplementedError:
            energy = None
        source = path.name if len(frames) == 1 else f"{path.name}, structure {number}"
        found.append(ForeignStructure(source, AseAtomsAdaptor.get_structure(atoms), energy))
    return found


def _is_structure(path: Path) -> bool:
    ending = path.suffix.lower()
    return path.name.upper().startswith(("POSCAR", "CONTCAR")) or ending in (".cif", ".vasp", ".poscar", *_XYZ)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)]


def _listed_energies(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["file"]: float(row["energy"]) for row in csv.DictReader(file)}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"'{path}': write the columns file and energy (eV per cell)") from error


def _poscars(path: Path, names: Sequence[str] | None) -> list[tuple[str, Structure]]:
    """The POSCARs of a file, one after another, each with its first line."""
    from pymatgen.core import Structure

    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found: list[tuple[str, Structure]] = []
    start = 0
    while start < len(lines) and any(line.strip() for line in lines[start:]):
        while not lines[start].strip():
            start += 1
        try:
            block = lines[start : start + 8]
            named = not block[5].split()[0].isdigit()
            counts = [int(count) for count in block[6 if named else 5].split()]
            if not named:
                if names is None:
                    raise InputError(f"'{path}' names no elements: give --system, elements in the order of the file")
                block.insert(5, " ".join(names))
            end = start + (8 if named else 7) + sum(counts)
            if len(lines) < end or len(counts) != len(block[5].split()):
                raise ValueError
            body = "\n".join([*block[:8], *lines[start + (8 if named else 7) : end]])
            structure = Structure.from_str(body, fmt="poscar")
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"'{path}', line {start + 1}: no POSCAR begins here") from error
        found.append((lines[start], structure))
        start = end
    return found
