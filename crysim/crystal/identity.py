"""What a relaxed crystal is: its space group, standard cells and structure type, found and not taken from its start.

A relaxation ends at a minimum only within the force that it stops at and the noise of its potential, so symmetries are
broken by hundredths of an ångström. Measured by ``benchmarks/symmetry_tolerance.py`` (M3GNet, fmax 0.005 eV/Å, 45
crystals of up to 10 atoms that came back from a distortion in P1): the group is found in 10 at 0.001 Å, 19 at 0.01,
33 at 0.05, 39 at 0.1 and 41 at 0.3. So `TOLERANCE` is 0.1 Å, and the group within `TIGHT` stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from crysim.composition import SYMBOLS, Composition
from crysim.crystal.crystal import Crystal
from crysim.crystal.identify import Cell, find_space_group, quiet_spglib, spglib_cell
from crysim.crystal.structure_types import StructureType, find_structure_type
from crysim.errors import InputError
from crysim.symmetry.groups import space_group

if TYPE_CHECKING:
    from pymatgen.core import Structure

TOLERANCE = 0.1
"""Å within which a relaxed crystal's symmetry is found."""
TIGHT = 0.01
"""Å, the tolerance of the group that is shown beside it."""
_BETWEEN = 0.03

_CENTRINGS = {"P": "P", "F": "F", "I": "I", "R": "R", "A": "S", "B": "S", "C": "S"}
_FAMILIES = {
    "triclinic": "a", "monoclinic": "m", "orthorhombic": "o", "tetragonal": "t", "trigonal": "h", "hexagonal": "h",
    "cubic": "c",
}  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """What a crystal is.

    Attributes:
        crystal: the crystal itself in the conventional cell of its group's standard setting, made exactly symmetric;
            without symmetry, in its reduced primitive cell.
        tolerance: Å within which it has that group.
        tight_space_group: the number of the group that it has within the tight tolerance.
        prototype: its structure type; None if it has none that is known.
    """

    crystal: Crystal
    tolerance: float
    tight_space_group: int
    prototype: StructureType | None

    @property
    def space_group(self) -> int:
        """The group's number."""
        return self.crystal.space_group

    @property
    def symbol(self) -> str:
        """The group's short Hermann-Mauguin symbol, ``Fm-3m``."""
        return self.crystal.group.symbol

    @property
    def tight_symbol(self) -> str:
        """That of the group within the tight tolerance."""
        return space_group(self.tight_space_group).symbol

    @property
    def group_text(self) -> str:
        """The symbol, with the tighter tolerance's group beside it where the two differ: ``Fm-3m [R-3m at 0.01 Å]``."""
        if self.tight_space_group == self.space_group:
            return self.symbol
        return f"{self.symbol} [{self.tight_symbol} at {TIGHT:g} Å]"

    @property
    def prototype_name(self) -> str | None:
        """The structure type's name, ``Halite``; None if there is none."""
        return None if self.prototype is None else self.prototype.name

    @cached_property
    def conventional(self) -> Structure:
        """The standard conventional cell, the composition's order of elements."""
        return self.crystal.to_structure()

    @cached_property
    def primitive(self) -> Structure:
        """The standard primitive cell, the composition's order of elements."""
        cell = _standardized(spglib_cell(self.conventional), 1e-3, primitive=True)
        return self.conventional if cell is None else _structure(cell, self.crystal.composition.elements)

    @property
    def num_atoms(self) -> int:
        """Atoms per primitive cell."""
        return self.crystal.num_primitive_atoms

    @property
    def z(self) -> int:
        """Formula units per primitive cell."""
        return self.crystal.composition.num_formula_units // self.crystal.centring_factor

    @property
    def pearson(self) -> str:
        """The Pearson symbol, ``cF8``; side-centred lattices are S."""
        family, letter = _FAMILIES[self.crystal.system], _CENTRINGS[self.symbol[0]]
        return f"{family}{letter}{self.crystal.num_atoms}"

    @property
    def volume_per_atom(self) -> float:
        """Å³."""
        return self.crystal.volume / self.crystal.num_atoms

    @property
    def min_distance(self) -> float:
        """The shortest interatomic distance, Å."""
        return self.crystal.min_distance()


def identify(
    crystal: Crystal | Structure, *, tolerance: float = TOLERANCE, tight: float = TIGHT, prototypes: bool = True
) -> Identity:
    """Find out what a crystal is; what its own description says of its group is not looked at.

    The group named is the one within ``tolerance``, unless the one within a tighter tolerance has more operations or
    is the only one that the sites can be described in.

    Args:
        crystal: relaxed, in any cell, described in any group.
        tolerance: Å.
        tight: Å.
        prototypes: whether the structure type is looked up.
    """
    structure = crystal.to_structure() if isinstance(crystal, Crystal) else crystal
    elements = crystal.composition.elements if isinstance(crystal, Crystal) else None
    tight_group = find_space_group(structure, tight)
    found: tuple[Crystal, float] | None = None
    for allowed in sorted({tolerance, min(tolerance, _BETWEEN), min(tolerance, tight)}, reverse=True):
        symmetric = _symmetric(structure, allowed, elements)
        if symmetric is None or symmetric.space_group == 1:
            continue
        if found is None or symmetric.group.point_group_order > found[0].group.point_group_order:
            found = symmetric, allowed
    own, allowed = found or (_without_symmetry(structure, tolerance, elements), tolerance)
    identity = Identity(own, allowed, tight_group, None)
    if not prototypes:
        return identity
    return Identity(own, allowed, tight_group, find_structure_type(identity.primitive, own.space_group))


def _symmetric(structure: Structure, symprec: float, elements: tuple[str, ...] | None) -> Crystal | None:
    try:
        crystal = Crystal.from_structure(structure, symprec)
    except InputError:
        return None
    return crystal if elements is None else _reordered(crystal, elements)


def _reordered(crystal: Crystal, elements: tuple[str, ...]) -> Crystal:
    """The same crystal with its elements in another order."""
    if crystal.composition.elements == elements:
        return crystal
    counts = crystal.composition.amounts
    sites = sorted(crystal.sites, key=lambda site: elements.index(site.element))
    composition = Composition(elements, tuple(counts[element] for element in elements))
    return Crystal(composition, crystal.space_group, crystal.cell, tuple(sites))


def _without_symmetry(structure: Structure, symprec: float, elements: tuple[str, ...] | None) -> Crystal:
    cell = _standardized(spglib_cell(structure), symprec, primitive=True) or spglib_cell(structure)
    lattice, coords, numbers = cell
    species = [SYMBOLS[z - 1] for z in numbers]
    order = elements or tuple(dict.fromkeys(species))
    composition = Composition(order, tuple(species.count(element) for element in order))
    return Crystal.from_p1(composition, lattice, species, coords)


def _standardized(cell: Cell, symprec: float, *, primitive: bool) -> Cell | None:
    spglib = quiet_spglib()
    try:
        found = spglib.standardize_cell(cell, to_primitive=primitive, symprec=symprec)
    except spglib.SpglibError:
        return None
    if found is None:
        return None
    return np.asarray(found[0]), np.asarray(found[1]), [int(z) for z in found[2]]


def _structure(cell: Cell, elements: Iterable[str]) -> Structure:
    from pymatgen.core import Lattice, Structure

    lattice, coords, numbers = cell
    species = [SYMBOLS[z - 1] for z in numbers]
    order = [i for element in elements for i, symbol in enumerate(species) if symbol == element]
    return Structure(Lattice(lattice), [species[i] for i in order], coords[order])
