"""CIF: the crystal that its sites and its symmetry make, checked against all else that the file says of itself.

Operations that are listed come first, then the Hall symbol, then the name, then the number. A name may leave the
axes, the origin or the unique axis open; then the cell, the formula, the number of formula units, the multiplicities
and the distances decide, and where they do not, the file is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crysim.arrays import Floats
from crysim.crystal.files.cif_block import CifBlock, measured, structure_block
from crysim.crystal.files.cif_formula import Objection, StatedContents, density_of, found_formula, stated_contents
from crysim.crystal.files.cif_names import code_of_name
from crysim.crystal.files.cif_sites import CifSite, expand, listed_sites
from crysim.crystal.files.cif_symmetry import NOTHING, Reading, Stated, keeps_cell, nothing_stated, stated_symmetry
from crysim.crystal.files.contents import (
    COINCIDENT,
    CROWDED,
    Contact,
    Contents,
    check_atoms,
    check_cell,
    describe,
    nearest_contact,
)
from crysim.crystal.files.text import UnreadableError, shortened

_LENGTHS = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
MOMENTS = "holds magnetic moments: crysim does not heed them"


@dataclass(frozen=True)
class _Trial:
    """One reading of the symmetry, and what of the file it breaks.

    Attributes:
        reading: of the symmetry.
        contents: the atoms that it makes; None where the cell does not allow the operations.
        objection: a short reason why the file cannot mean this; empty if there is none.
        fault: the whole reason, the rest of a sentence that begins with the file's name.
        contact: the nearest atoms.
        multiplicities: whether every site gives as many atoms as the file says, where it does.
    """

    reading: Reading
    contents: Contents | None
    objection: str
    fault: str = ""
    contact: Contact | None = None
    multiplicities: bool = True

    @property
    def crowded(self) -> bool:
        """Whether two atoms are nearer than in any crystal, though not on one place."""
        return self.contact is not None and self.contact.share < CROWDED


def read_cif(text: str) -> tuple[Contents, list[str]]:
    """The contents of a CIF, in its own cell, and what is to be said of how it was read.

    Raises:
        UnreadableError: no CIF of one ordered crystal, or one that contradicts itself.
    """
    block = structure_block(text)
    lattice = _lattice(block)
    stated = stated_contents(block)
    sites = listed_sites(block, stated.counts)
    symmetry = stated_symmetry(block)
    notes = list(symmetry.notes)
    if any(name.startswith("_atom_site_moment") for name in block.columns):
        notes.append(MOMENTS)
    chosen = _chosen(symmetry, stated, sites, lattice, notes)
    if chosen.contents is None or chosen.fault:
        raise UnreadableError(chosen.fault)
    _check_hydrogens(sites, stated)
    return chosen.contents, notes


def _chosen(
    symmetry: Stated, stated: StatedContents, sites: Sequence[CifSite], lattice: Floats, notes: list[str]
) -> _Trial:
    """The trial of the reading that the file means; it carries a fault if there is none."""
    named = [_trial(reading, stated, sites, lattice) for reading in symmetry.named]
    for reading in symmetry.fixed:
        trial = _trial(reading, stated, sites, lattice)
        others = [t for t in named if not t.objection and t.reading.number != reading.number]
        if not trial.objection:
            rival = next((t for t in others if not _alike(t.contents, trial.contents)), None)
            if rival is None or (trial.multiplicities and not rival.multiplicities):
                if named and not others and all(t.reading.number != reading.number for t in named):
                    notes.append(f"names another space group than it lists: it is read with {reading.source}")
                return trial
            return _Trial(reading, None, "contradiction", _contradiction(trial, rival))
        if others and reading.number == 1:
            notes.append(f"lists no operation but x,y,z: it is read with {others[0].reading.source}")
            break
        if reading is symmetry.fixed[-1] or len(reading.rotations) > 1:
            return trial
    if named:
        return _of_open_name(named, symmetry, notes)
    trial = _trial(nothing_stated(), stated, sites, lattice)
    if not trial.objection and not (stated.counts and stated.z):
        notes.append("names no space group and lists no operations: it is read in P 1")
    return trial


def _of_open_name(named: list[_Trial], symmetry: Stated, notes: list[str]) -> _Trial:
    """The trial that is left of the settings of a name or a number."""
    good = [t for t in named if not t.objection]
    if not good:
        # what fits the cell says more than what does not
        return next((t for t in named if t.contents is not None), named[0])
    if len(named) > 1:
        good = [t for t in good if not t.crowded] or good
        good = [t for t in good if t.multiplicities] or good
    first = good[0]
    assert first.contents is not None  # else it had an objection
    rivals = [t for t in good[1:] if not _alike(t.contents, first.contents)]
    codes = {t.reading.code for t in (first, *rivals)}
    if rivals and len(codes) > 1:
        both = f"{_read_as(first)} and {_read_as(rivals[0])}"
        fault = f"leaves the origin open: its sites give {both}: write the origin behind the symbol (':1' or ':2')"
        return _Trial(first.reading, None, "open", fault)
    if rivals and symmetry.unknown:
        fault = f"names the space group '{shortened(symmetry.unknown)}', which is unknown: correct it"
        return _Trial(first.reading, None, "open", fault)
    if first.crowded and first.reading.number > 1 and first.contact is not None:
        fault = (
            f"gives with {first.reading.source} atoms nearer than in crystals, "
            f"{describe(first.contents, first.contact)}: correct the space group, or list its operations"
        )
        return _Trial(first.reading, None, "crowded", fault)
    if symmetry.unknown:
        notes.append(f"names the space group '{shortened(symmetry.unknown)}', which is unknown: read by its number")
    elif (code := code_of_name(symmetry.name)) in ("H", "R") and first.reading.code not in ("", code):
        notes.append(f"names other axes than its cell has: it is read with {first.reading.source}")
    elif symmetry.bare and first is not named[0]:
        notes.append(f"gives only a space-group number: of its settings, {first.reading.source} fits")
    return first


def _trial(reading: Reading, stated: StatedContents, sites: Sequence[CifSite], lattice: Floats) -> _Trial:
    if not keeps_cell(reading, lattice):
        return _Trial(reading, None, "cell", f"has a cell ({_cell_text(lattice)}) that {reading.source} does not keep")
    contents, given = expand(sites, reading, lattice)
    check_atoms(contents)
    contact = nearest_contact(contents)
    multiplicities = all(not s.multiplicity or s.multiplicity == n for s, n in zip(sites, given, strict=True))
    objection = stated.objection(contents)
    overlap = contact is not None and contact.distance < COINCIDENT
    if contact is not None and overlap and (not objection or _of_two_sites(contents, contact)):
        return _Trial(reading, contents, "overlap", _overlap(contents, contact, reading), contact, multiplicities)
    fault = _unlike(reading, contents, stated, objection, contact) if objection else ""
    return _Trial(reading, contents, objection, fault, contact, multiplicities)


def _unlike(
    reading: Reading, contents: Contents, stated: StatedContents, objection: Objection, contact: Contact | None
) -> str:
    found = found_formula(contents)
    if contact is not None and contact.share < CROWDED:
        found += f" with {describe(contents, contact)}"
    if objection == "hydrogens":
        return f"says {stated}, and its atoms are {found}: hydrogens are missing, add their places"
    if objection == "density":
        return (
            f"gives with {reading.source} {found}, of {density_of(contents):.2f} g/cm³ where it says "
            f"{stated.density:g}: correct the space group or the density"
        )
    if reading.source == NOTHING:
        return (
            f"says {stated}, names no space group and lists no operations; in P 1 its sites give {found}: name the "
            "space group, or list all atoms"
        )
    return (
        f"says {stated}, and its sites with {reading.source} give {found}: correct the formula, Z, the sites or the "
        "space group"
    )


def _of_two_sites(contents: Contents, contact: Contact) -> bool:
    return contents.labels[contact.first] != contents.labels[contact.second]


def _overlap(contents: Contents, contact: Contact, reading: Reading) -> str:
    first, second = contents.labels[contact.first], contents.labels[contact.second]
    if not _of_two_sites(contents, contact):
        return (
            f"has site {first} {contact.distance:.3f} Å from its own image by {reading.source}: correct one of the two"
        )
    twice = " (a duplicate site)" if contents.species[contact.first] == contents.species[contact.second] else ""
    return f"has sites {first} and {second} {contact.distance:.3f} Å apart{twice}: keep one, or correct the space group"


def _contradiction(trial: _Trial, rival: _Trial) -> str:
    return f"gives {_read_as(trial)} and {_read_as(rival)}: correct one of the two"


def _read_as(trial: _Trial) -> str:
    assert trial.contents is not None
    return f"{found_formula(trial.contents)} with {trial.reading.source}"


def _alike(one: Contents | None, other: Contents | None) -> bool:
    """Whether two readings give the same atoms, within 0.1 Å."""
    from scipy.spatial import cKDTree

    if one is None or other is None or one.counts != other.counts:
        return False
    inside = other.frac_coords - np.floor(other.frac_coords)
    shifts = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    images = (inside[None] + shifts[:, None]).reshape(-1, 3) @ other.lattice
    points = (one.frac_coords - np.floor(one.frac_coords)) @ one.lattice
    distances, partners = cKDTree(images).query(points)
    species = np.array(other.species)[partners % len(inside)]
    return bool(np.all(distances < 0.1) and (species == np.array(one.species)).all())


def _check_hydrogens(sites: Sequence[CifSite], stated: StatedContents) -> None:
    attached = [site for site in sites if site.hydrogens]
    if attached and not stated.counts:
        raise UnreadableError(
            f"says that {attached[0].hydrogens} hydrogen is attached to {attached[0].label} and does not place it: "
            "hydrogens are missing, add their places"
        )


def _lattice(block: CifBlock) -> Floats:
    """``[3, 3]``, rows, Å; angles that are not given are 90°, as the dictionary of CIF has it."""
    from pymatgen.core import Lattice

    lengths = [_parameter(block, name, "") for name in _LENGTHS]
    angles = [_parameter(block, name, "90") for name in _ANGLES]
    if min(lengths) <= 0:
        raise UnreadableError("has a cell length that is not positive: correct it")
    if not all(0 < angle < 180 for angle in angles):
        raise UnreadableError("has a cell angle that is not between 0 and 180°: correct it")
    a, b, c = np.cos(np.radians(angles))
    if 1 - a * a - b * b - c * c + 2 * a * b * c <= 1e-6:
        raise UnreadableError(
            f"has cell angles {angles[0]:g}, {angles[1]:g}, {angles[2]:g}° that close no volume: correct them"
        )
    lattice = np.array(Lattice.from_parameters(*lengths, *angles).matrix)
    check_cell(lattice)
    volume = measured(block.value("_cell_volume"))
    own = abs(float(np.linalg.det(lattice)))
    if volume > 0 and abs(own / volume - 1) > 0.02:
        raise UnreadableError(f"says that its cell has {volume:g} Å³, and its lengths and angles give {own:.2f}")
    return lattice


def _parameter(block: CifBlock, name: str, default: str) -> float:
    text = block.value(name) or default
    if not text:
        raise UnreadableError(f"gives no {name}: add it")
    value = measured(text)
    if value != value:
        raise UnreadableError(f"gives '{shortened(text)}' as {name}, which is no number: correct it")
    return value


def _cell_text(lattice: Floats) -> str:
    from crysim.symmetry.cells import cell_from_lattice

    a, b, c, alpha, beta, gamma = cell_from_lattice(lattice)
    return f"{a:.3f}, {b:.3f}, {c:.3f} Å; {alpha:.2f}, {beta:.2f}, {gamma:.2f}°"
