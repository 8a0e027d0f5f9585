"""Crystals of a formula in known structure types: the AFLOW library's, and those of a folder of structure files.

Every type whose proportions fit is taken, with the elements put in its places in every way that gives another crystal,
at a predicted volume: pymatgen's predictor from bond lengths (Chu et al., Comput. Mater. Sci. 146, 184 (2018)). On the
263 crystals with two elements or more of the AFLOW library and ShotgunCSP's Dataset I its median error is 9.8 %
(covalent spheres at a fixed filling: 31 %).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import gcd, log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal.crystal import Crystal
from crysim.crystal.distinct import invariant
from crysim.crystal.files import read_structure
from crysim.crystal.identity import identify
from crysim.crystal.radii import covalent_radius, spheres_volume
from crysim.crystal.structure_types import structure_types
from crysim.errors import InputError
from crysim.process_state import warnings_ignored

if TYPE_CHECKING:
    from pymatgen.core import Structure

FILLING = 0.55
"""Share of the cell that covalent spheres fill, for a first volume."""
GROUP = 20.0
"""Mendeleev numbers: about from one kind of element to another kind."""
_SAME = 1e-3
_READABLE = (".cif", ".vasp", ".poscar", ".extxyz", ".xyz")


@dataclass(frozen=True)
class Template:
    """A structure whose elements are to be exchanged.

    Attributes:
        name: of the structure type, or the file's stem.
        label: AFLOW's label, or the file's path.
        structure: primitive cell.
    """

    name: str
    label: str
    structure: Structure


@dataclass(frozen=True)
class Prototype:
    """A formula in a structure type.

    Attributes:
        name, label: of the template.
        crystal: in the conventional cell of its group, at the predicted volume.
        num_atoms: per primitive cell.
        unlikeness: how far its elements are from the template's own; 0 for the template's own crystal.
    """

    name: str
    label: str
    crystal: Crystal
    num_atoms: int
    unlikeness: float

    @cached_property
    def primitive(self) -> Structure:
        """The standard primitive cell."""
        return identify(self.crystal, prototypes=False).primitive

    def with_contents(self, contents: Contents | Composition) -> Crystal | None:
        """The crystal with exactly these contents; None if it has others.

        Contents of a primitive cell are held by the conventional cell of the crystal's own group or not at all. Those
        of a conventional cell may also be the atoms of the crystal's primitive cell, which is then described in P1.
        """
        contents = Contents.of(contents)
        composition = contents.composition
        if contents.held_by(self.crystal):
            return self.crystal
        if contents.primitive:
            return None
        if self.num_atoms != composition.num_atoms:
            return None
        primitive = self.primitive
        species = [str(one) for one in primitive.species]
        return Crystal.from_p1(composition, primitive.lattice.matrix, species, primitive.frac_coords)


def prototypes(
    formula: Composition, *, folder: str | Path | None = None, library: bool = True, max_atoms: int | None = None
) -> list[Prototype]:
    """A formula in every structure type that fits it, likeliest first.

    Likeliest are types whose own elements are most like those put in their places; of equals the smallest cell.

    Args:
        formula: any number of formula units; the order of elements is kept.
        folder: structure files (CIF, POSCAR, extended XYZ) to take as types too.
        library: whether the AFLOW library is used.
        max_atoms: per primitive cell; None: no limit.

    Raises:
        InputError: no such folder, or a structure file in it that cannot be read.
    """
    return list(iterate_prototypes(formula, folder=folder, library=library, max_atoms=max_atoms))


def iterate_prototypes(
    formula: Composition, *, folder: str | Path | None = None, library: bool = True, max_atoms: int | None = None
) -> Iterator[Prototype]:
    """What `prototypes` returns, made one after another: the first of a hundred are there at once.

    Raises:
        InputError: as `prototypes`, at the first one asked for.
    """
    units = formula.num_formula_units
    unit = Composition(formula.elements, tuple(n // units for n in formula.counts))
    fillings = [
        filling
        for template in _templates(folder, library)
        if max_atoms is None or len(template.structure) <= max_atoms
        for filling in _fillings(template, unit)
    ]
    fillings.sort(key=lambda one: (round(one.unlikeness, 9), len(one.template.structure)))
    seen: dict[tuple[int, ...], list[Floats]] = defaultdict(list)
    for filling in fillings:
        made = filling.make(unit)
        # exchanged elements, and types that differ by their elements alone, may give one crystal
        mine, others = invariant(made.crystal), seen[made.crystal.composition.counts]
        if not any(np.abs(mine - other).max() < _SAME for other in others):
            others.append(mine)
            yield made


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
    return [
        Template(file.stem, str(file), identify(read_structure(file), prototypes=False).primitive) for file in files
    ]


def predicted_volume(structure: Structure, composition: Composition) -> float:
    """The volume (Å³) at which the bonds of a structure have the lengths that its elements lead one to expect."""
    from pymatgen.analysis.structure_prediction.volume_predictor import DLSVolumePredictor

    guess = spheres_volume(composition) / FILLING
    scaled = structure.copy()
    scaled.scale_lattice(guess)
    predictor = DLSVolumePredictor(cutoff=6.0)
    with warnings_ignored():  # elements without bond parameters: their atomic radii are used, which is told
        for _ in range(2):  # one step is bounded to a factor
            try:
                scaled.scale_lattice(float(predictor.predict(scaled)))
            except (ValueError, TypeError, ZeroDivisionError):  # no radius, or nothing near
                return guess
    return float(scaled.volume)


def _templates(folder: str | Path | None, library: bool) -> Iterator[Template]:
    if folder is not None:
        yield from read_templates(folder)
    if library:
        for one in structure_types():
            yield Template(one.name, one.label, one.structure)


@dataclass(frozen=True)
class _Filling:
    """A template with elements for its places."""

    template: Template
    places: dict[str, str]
    units: int
    unlikeness: float

    def make(self, unit: Composition) -> Prototype:
        structure = self.template.structure.copy()
        structure.replace_species(self.places)
        composition = Composition(unit.elements, tuple(n * self.units for n in unit.counts))
        structure.scale_lattice(predicted_volume(structure, composition))
        sites = [site for element in unit.elements for site in structure if site.specie.symbol == element]
        identity = identify(structure.from_sites(sites), prototypes=False)
        return Prototype(self.template.name, self.template.label, identity.crystal, identity.num_atoms, self.unlikeness)


def _fillings(template: Template, unit: Composition) -> Iterator[_Filling]:
    """Every way to put a formula's elements in a template's places."""
    counts = {str(e): int(n) for e, n in template.structure.composition.items()}
    units = gcd(*counts.values())
    if sorted(n // units for n in counts.values()) != sorted(unit.counts):
        return
    wanted = dict(zip(unit.elements, unit.counts, strict=True))
    for new in permutations(unit.elements):
        if all(wanted[element] * units == n for element, n in zip(new, counts.values(), strict=True)):
            places = dict(zip(counts, new, strict=True))
            yield _Filling(template, places, units, _unlikeness(places, template.structure))


def _unlikeness(places: dict[str, str], structure: Structure) -> float:
    """How unlike a template's elements those in their places are, averaged over atoms.

    The squares of two differences: of logarithmic covalent radii, their mean taken off, since size alone only scales
    the cell; and of Mendeleev numbers (Pettifor, Solid State Commun. 51, 31 (1984)), `GROUP` of which count as much as
    a radius e times as large. Beyond 1 all are alike: then small cells are likelier.
    """
    from pymatgen.core import Element

    weights = np.array([float(structure.composition[old]) for old in places])
    weights /= weights.sum()
    radii = np.array([log(covalent_radius(new) / covalent_radius(old)) for old, new in places.items()])
    numbers = np.array([(Element(new).mendeleev_no - Element(old).mendeleev_no) / GROUP for old, new in places.items()])
    return min(1.0, float(weights @ (radii - weights @ radii) ** 2 + weights @ numbers**2))
