"""The sites that a CIF lists, and the atoms that symmetry makes of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from crysim.arrays import Floats
from crysim.composition.elements import electronegativity
from crysim.crystal.files.cif_block import CifBlock, measured
from crysim.crystal.files.cif_symmetry import Reading
from crysim.crystal.files.contents import Contents, check_count
from crysim.crystal.files.symbols import element_of_site
from crysim.crystal.files.text import UnreadableError, shortened

SNAP = 0.25
"""Å. Images of a site nearer than this are one atom on a special position, whose digits were cut off."""

_FULL = 0.01
_AXES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")


@dataclass(frozen=True)
class CifSite:
    """One row of the list of sites.

    Attributes:
        label: its name.
        element: chemical symbol.
        point: fractional coordinates.
        hydrogens: attached to it and listed nowhere.
        multiplicity: atoms that symmetry makes of it, as the file says; 0 if it does not.
    """

    label: str
    element: str
    point: tuple[float, float, float]
    hydrogens: int
    multiplicity: int


def listed_sites(block: CifBlock, stated: Collection[str]) -> list[CifSite]:
    """The sites of a block; dummies and empty ones left out.

    Args:
        block: of a CIF.
        stated: the elements of the file's formula, where it states one.

    Raises:
        UnreadableError: sites without places or elements, or partly occupied.
    """
    columns = [block.columns.get(axis, ()) for axis in _AXES]
    if not all(columns):
        raise UnreadableError("lists sites without fractional coordinates (_atom_site_fract_x, _y, _z): add them")
    number_of_sites = len(columns[0])
    check_count(number_of_sites)
    optional = {
        name: block.columns.get(f"_atom_site_{name}", ())
        for name in (
            "label",
            "type_symbol",
            "occupancy",
            "attached_hydrogens",
            "calc_flag",
            "symmetry_multiplicity",
            "site_symmetry_multiplicity",
        )
    }
    if not optional["label"] and not optional["type_symbol"]:
        raise UnreadableError("lists sites without elements (_atom_site_type_symbol): add them")
    rows = [{name: values[i] if values else "" for name, values in optional.items()} for i in range(number_of_sites)]
    sites = []
    for i, row in enumerate(rows):
        label = row["label"] or row["type_symbol"] or str(i + 1)
        if row["calc_flag"].lower() == "dum" or not _occupied(row["occupancy"], label):
            continue
        element = element_of_site(row["type_symbol"] or None, label, stated)
        point = _point([column[i] for column in columns], label)
        multiplicity = row["symmetry_multiplicity"] or row["site_symmetry_multiplicity"]
        sites.append(CifSite(label, element, point, _whole(row["attached_hydrogens"]), _whole(multiplicity)))
    check_count(len(sites))
    return sites


def expand(sites: Sequence[CifSite], reading: Reading, lattice: Floats) -> tuple[Contents, list[int]]:
    """The atoms of the cell that a reading of the symmetry makes of the sites, and how many each site gives.

    A site that comes back within `SNAP` of itself is put onto the special position there: the mean of its images. In
    the crystal, elements stand in the order of their electronegativities.

    Raises:
        UnreadableError: more atoms than are read.
    """
    orbits, total = [], 0
    for site in sites:
        orbits.append(_orbit(np.array(site.point), reading, lattice))
        total += len(orbits[-1])
        check_count(total)
    order = sorted(range(len(sites)), key=lambda i: electronegativity(sites[i].element) or 10.0)
    species = tuple(sites[i].element for i in order for _ in orbits[i])
    labels = tuple(sites[i].label for i in order for _ in orbits[i])
    return (
        Contents(lattice, species, np.concatenate([orbits[i] for i in order]), labels),
        [len(orbit) for orbit in orbits],
    )


def _orbit(point: Floats, reading: Reading, lattice: Floats) -> Floats:
    for _ in range(4):  # an image that comes near only once the site has moved
        images = reading.rotations @ point + reading.translations
        steps = images - point
        steps -= np.rint(steps)
        lengths = np.linalg.norm(steps @ lattice, axis=1)
        near = lengths < SNAP
        if lengths[near].max() < 1e-6:
            break
        point = point + steps[near].mean(axis=0)
    images = images - np.floor(images)
    between = images[:, None] - images[None]
    between -= np.rint(between)
    same = np.linalg.norm(between @ lattice, axis=2) < 1e-3
    return np.asarray(images[np.argmax(same, axis=1) == np.arange(len(images))])


def _occupied(text: str, label: str) -> bool:
    """Whether an atom is there."""
    if not text:
        return True
    value = measured(text)
    if abs(value - 1.0) <= _FULL:
        return True
    if value == 0.0:
        return False
    if 0.0 < value < 1.0:
        raise UnreadableError(f"has partly occupied sites ({shortened(label)}: {text}): give an ordered structure")
    raise UnreadableError(f"gives the occupancy '{shortened(text)}' of site {shortened(label)}: it is from 0 to 1")


def _point(texts: Sequence[str], label: str) -> tuple[float, float, float]:
    if not all(texts):
        raise UnreadableError(f"gives no place for site {shortened(label)} (its coordinates are ? or .): add it")
    values = [_thirds(measured(text)) for text in texts]
    for value, text in zip(values, texts, strict=True):
        if value != value:
            raise UnreadableError(
                f"gives the coordinate '{shortened(text)}' of site {shortened(label)}: write a number"
            )
        if abs(value) > 1e6:
            raise UnreadableError(f"gives the coordinate {shortened(text)} of site {shortened(label)}: it is in cells")
    x, y, z = values
    return x, y, z


def _thirds(value: float) -> float:
    """1/3 and 2/3 where they are written with four digits."""
    return next((third for third in (1 / 3, 2 / 3) if abs(value / third - 1) <= 1e-4), value)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
