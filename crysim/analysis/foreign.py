"""Results of programs that do not run here: read as structures with their energies.

Kinds:
    ``calypso``: ``pso_opt_1``, ``pso_opt_2``, ... in the folder or in its ``results``: POSCARs one after another. A
        first line that is a number is taken as the enthalpy, eV per atom; a huge one marks a failed relaxation. The
        elements' names stand in ``input.dat`` (NameOfAtoms). (CALYPSO is closed: this follows what its users describe.)
    ``cryspy``: ``opt_POSCARS`` and ``cryspy_rslt`` in the folder or in its ``data``: POSCARs with ``ID_n`` as their
        first line, and a table of energies in eV per atom. CrySPY appends: of an ID that stands there several times
        the last one counts. (Pickled data are not read: a pickle can run code.)
    ``poscars``: every structure file of the folder (POSCAR with any number of structures, CIF, extended XYZ with any
        number of frames) in the natural order of names. Energies, eV per cell of the file, are those of the frames,
        and those of ``energies.csv``, if it is there (see `crysim.analysis.listed_energies`).

What cannot be read is left out and named; the rest is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.analysis.listed_energies import read_energies
from crysim.analysis.poscars import Piece, read_poscars
from crysim.composition import Composition
from crysim.crystal.files import read_structure, read_structure_text
from crysim.crystal.files.extxyz import frame_energy
from crysim.errors import InputError, UnknownNameError
from crysim.regular_files import read_text

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


@dataclass(frozen=True)
class ForeignResults:
    """What a folder holds.

    Attributes:
        structures: in the order in which they were found; at least one.
        skipped: one line for each piece that could not be read.
        notes: one line for each thing to know that lost nothing.
    """

    structures: tuple[ForeignStructure, ...]
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    """What has been found so far."""

    structures: list[ForeignStructure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_foreign(folder: Path, kind: str, composition: Composition | None = None) -> ForeignResults:
    """The structures of a folder in the order in which they were found.

    Args:
        folder: of the results.
        kind: ``calypso``, ``cryspy`` or ``poscars``.
        composition: atoms per cell; names the elements of POSCARs that do not; None: the files name them.

    Raises:
        UnknownNameError: another kind.
        InputError: no results are there, or none of them can be read.
    """
    readers: Mapping[str, Callable[[Path, Composition | None, _Found], None]] = {
        "calypso": _read_calypso,
        "cryspy": _read_cryspy,
        "poscars": _read_poscars,
    }
    if kind not in readers:
        raise UnknownNameError("kind of results", kind, readers)
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'")
    found = _Found()
    try:
        readers[kind](folder, composition, found)
    except OSError as error:
        raise InputError(f"cannot read '{error.filename or folder}': {error.strerror or error}") from error
    if not found.structures:
        if found.skipped:
            more = f" (and {len(found.skipped) - 1} more like it)" if len(found.skipped) > 1 else ""
            raise InputError(f"'{folder}': no structure can be read: {found.skipped[0]}{more}")
        raise InputError(f"'{folder}' holds no structures of {kind}")
    return ForeignResults(tuple(found.structures), tuple(found.skipped), tuple(found.notes))


def _read_calypso(folder: Path, composition: Composition | None, found: _Found) -> None:
    place = folder / "results" if (folder / "results").is_dir() else folder
    names = _calypso_names(place) or (composition.elements if composition is not None else None)
    files = [path for path in place.glob("pso_opt_*") if path.name.removeprefix("pso_opt_").isdecimal()]
    for path in sorted(files, key=lambda p: int(p.name.removeprefix("pso_opt_"))):
        for piece in _pieces(path, names, found):
            source = f"{path.name}, structure {piece.number}"
            if piece.structure is None:
                found.skipped.append(f"{source}: {piece.reason}")
                continue
            enthalpy = float(piece.comment) if _NUMBER.match(piece.comment) else _FAILED
            energy = enthalpy * len(piece.structure) if enthalpy < _FAILED else None
            found.structures.append(ForeignStructure(source, piece.structure, energy))


def _calypso_names(place: Path) -> tuple[str, ...] | None:
    """The elements that ``input.dat`` in or above the folder of results names; None if it does not."""
    for path in (place / "input.dat", place.parent / "input.dat"):
        if path.is_file():
            for line in read_text(path, "the names of atoms", errors="replace").splitlines():
                key, _, value = line.partition("#")[0].partition("=")
                if key.strip().lower() == "nameofatoms" and value.split():
                    return tuple(value.split())
    return None


def _read_cryspy(folder: Path, composition: Composition | None, found: _Found) -> None:
    place = folder / "data" if (folder / "data").is_dir() else folder
    path = place / "opt_POSCARS"
    if not path.is_file():
        raise InputError(f"'{folder}' holds no data/opt_POSCARS: give the folder in which CrySPY ran")
    energies = _cryspy_energies(place / "cryspy_rslt")
    pieces: dict[str, Piece] = {}
    copies: dict[str, int] = {}
    for piece in _pieces(path, None if composition is None else composition.elements, found):
        label = (piece.comment.split() or [f"structure {piece.number}"])[0]
        # the last one of an ID, at its own place, even if it cannot be read: the energy belongs to it
        pieces.pop(label, None)
        pieces[label] = piece
        copies[label] = copies.get(label, 0) + 1
    for label, piece in pieces.items():
        if copies[label] > 1:
            found.notes.append(f"{label} stands {copies[label]} times in opt_POSCARS: the last one counts")
        if piece.structure is None:
            found.skipped.append(f"{label}: {piece.reason}")
            continue
        energy = energies.get(label.removeprefix("ID_"))
        total = None if energy is None else energy * len(piece.structure)
        found.structures.append(ForeignStructure(label, piece.structure, total))


def _cryspy_energies(path: Path) -> dict[str, float]:
    """Energies in eV per atom by structure's ID."""
    if not path.is_file():
        return {}
    header, *lines = read_text(path, "the energies", errors="replace").splitlines() or [""]
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


def _read_poscars(folder: Path, composition: Composition | None, found: _Found) -> None:
    paths = sorted((p for p in folder.iterdir() if p.is_file() and _is_structure(p)), key=_natural)
    listed = read_energies(folder / "energies.csv", [path.name for path in paths])
    for path in paths:
        ending = path.suffix.lower()
        if ending in _XYZ:
            ours = _read_frames(path, found)
        elif ending == ".cif":
            ours = _read_one(path, found)
        else:
            ours = _read_blocks(path, None if composition is None else composition.elements, found)
        found.structures += listed.give(path.name, ours)


def _read_one(path: Path, found: _Found) -> dict[int, ForeignStructure]:
    try:
        return {1: ForeignStructure(path.name, read_structure(path), None)}
    except InputError as error:
        found.skipped.append(str(error))
        return {}


def _read_blocks(path: Path, names: Sequence[str] | None, found: _Found) -> dict[int, ForeignStructure]:
    """The POSCARs of a file by their number from 1."""
    pieces = _pieces(path, names, found)
    ours = {}
    for piece in pieces:
        source = path.name if len(pieces) == 1 else f"{path.name}, structure {piece.number}"
        if piece.structure is None:
            found.skipped.append(f"{source}: {piece.reason}")
        else:
            ours[piece.number] = ForeignStructure(source, piece.structure, None)
    return ours


def _pieces(path: Path, names: Sequence[str] | None, found: _Found) -> list[Piece]:
    """The POSCARs of a file; none, and the file named, if it cannot be read at all."""
    try:
        pieces = read_poscars(path, names)
    except InputError as error:
        found.skipped.append(str(error))
        return []
    if not pieces:
        found.skipped.append(f"{path.name}: it is empty")
    return pieces


def _read_frames(path: Path, found: _Found) -> dict[int, ForeignStructure]:
    """Every frame of an extended XYZ file by its number from 1, with the energy that it carries."""
    try:
        lines = read_text(path, "the structures", errors="replace").splitlines()
    except InputError as error:
        found.skipped.append(str(error))
        return {}
    ours: dict[int, ForeignStructure] = {}
    at, number = 0, 0
    several = len(lines) > 2 and lines[0].strip().isdecimal() and len(lines) > int(lines[0][:12]) + 2
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        number += 1
        source = f"{path.name}, structure {number}" if several else path.name
        count = int(lines[at][:20]) if lines[at][:20].strip().isdecimal() else 0
        end = at + 2 + count
        if count == 0 or end > len(lines):
            what = f"{count:,} atoms are announced, and the file ends before" if count else "no frame begins there"
            found.skipped.append(f"{source}: line {at + 1}: {what}")
            break
        try:
            ours[number] = _frame("\n".join(lines[at:end]) + "\n", source)
        except InputError as error:
            found.skipped.append(f"{source}: {error}")
        at = end
    return ours


def _frame(text: str, source: str) -> ForeignStructure:
    energy = frame_energy(text)
    return ForeignStructure(source, read_structure_text(text, "extxyz").structure, energy)


def _is_structure(path: Path) -> bool:
    name, ending = path.name.upper(), path.suffix.lower()
    return ending in (".cif", ".vasp", ".poscar", *_XYZ) or "POSCAR" in name or "CONTCAR" in name


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.name)]
