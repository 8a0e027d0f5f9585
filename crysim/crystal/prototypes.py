"""Crystals of a formula in known structure types, and in those of a folder of structure files.

Every type that fits is taken, with the elements put in its places in every way that gives another crystal
(`crysim.crystal.fillings`), at a volume between that of the type's own crystal and the one that pymatgen predicts from
bond lengths (Chu et al., Comput. Mater. Sci. 146, 184 (2018)).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal.bond_volumes import predicted_volume
from crysim.crystal.crystal import Crystal
from crysim.crystal.distinct import invariant
from crysim.crystal.fillings import CHANGED, Filling, changed, exchanged
from crysim.crystal.identity import TIGHT, identify
from crysim.crystal.radii import covalent_radius
from crysim.crystal.templates import Template, templates

if TYPE_CHECKING:
    from pymatgen.core import Structure

OWN_VOLUME = 0.4
"""How much the volume follows that of the template's own crystal, as much larger as the covalent spheres put in its
places, and not the predicted bonds. Of 173 compounds in the types that they have (``benchmarks/type_volumes.py``) the
median error is 8.5 % with it, 11.4 with 0 and 12.7 with 1; more than 30 % off are 17, 25 and 43."""
_SAME = 1e-3


@dataclass(frozen=True)
class Prototype:
    """A formula in a structure type.

    Attributes:
        name, label: of the template.
        crystal: in the conventional cell of its group, at the predicted volume.
        num_atoms: per primitive cell.
        unlikeness: how far its elements are from the template's own (`crysim.crystal.fillings`).
    """

    name: str
    label: str
    crystal: Crystal
    num_atoms: int
    unlikeness: float

    @cached_property
    def primitive(self) -> Structure:
        """The standard primitive cell."""
        return identify(self.crystal, tolerance=TIGHT, prototypes=False).primitive

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

    Likeliest are well-known types whose own elements are most like those put in their places; of equals the smallest
    cell.

    Args:
        formula: any number of formula units; the order of elements is kept.
        folder: structure files (CIF, POSCAR, extended XYZ) to take as types too.
        library: whether the known structure types are used.
        max_atoms: per primitive cell; None: no limit.

    Raises:
        InputError: no such folder, or a structure file in it that cannot be read.
    """
    return list(iterate_prototypes(formula, folder=folder, library=library, max_atoms=max_atoms))


def iterate_prototypes(
    formula: Composition,
    *,
    folder: str | Path | None = None,
    library: bool = True,
    max_atoms: int | None = None,
    contents: Contents | None = None,
) -> Iterator[Prototype]:
    """What `prototypes` returns, made one after another: the first of a hundred are there at once.

    Args:
        formula, folder, library, max_atoms: as of `prototypes`.
        contents: types whose cells are seen not to hold any of them are left out before they are made.

    Raises:
        InputError: as `prototypes`, at the first one asked for.
    """
    unit = formula.reduced
    taken = templates_within(folder, library, max_atoms)
    seen: dict[tuple[int, ...], list[Floats]] = defaultdict(list)
    for filling in _likeliest_first(taken, unit):
        if contents is not None and not _may_be_held(filling, contents):
            continue
        made = filled(filling, unit)
        # exchanged elements, and types that differ by their elements alone, may give one crystal
        mine, others = invariant(made.crystal), seen[made.crystal.composition.counts]
        if not any(np.abs(mine - other).max() < _SAME for other in others):
            others.append(mine)
            yield made


def likeliest_fillings(taken: Sequence[Template], formula: Composition, number: int) -> list[Filling]:
    """The likeliest ways to put a formula in some templates, none of them made.

    Args:
        taken: the templates.
        formula: any number of formula units.
        number: of ways, at most.
    """
    return list(islice(_likeliest_first(taken, formula.reduced), number))


def templates_within(folder: str | Path | None, library: bool, max_atoms: int | None) -> list[Template]:
    """Those of a folder and the known structure types, of so many atoms per primitive cell at most.

    Raises:
        InputError: as `prototypes`.
    """
    return [one for one in templates(folder, library) if max_atoms is None or one.num_atoms <= max_atoms]


def _likeliest_first(taken: Sequence[Template], unit: Composition) -> Iterator[Filling]:
    """All fillings; those that split or merge, for which all templates are made, when none before them is left."""
    simple = sorted((filling for one in taken for filling in exchanged(one, unit)), key=_order)
    first = bisect_left(simple, CHANGED, key=lambda filling: filling.unlikeness)
    yield from simple[:first]
    yield from merge(simple[first:], sorted((f for one in taken for f in changed(one, unit)), key=_order), key=_order)


def _may_be_held(filling: Filling, contents: Contents) -> bool:
    """Whether a filling's cell may hold any of the contents; merged elements may make it a multiple of its own cell."""
    units, rest = divmod(filling.template.num_atoms, contents.composition.reduced.num_atoms)
    if rest:
        return False
    wanted = [one.composition.num_formula_units for one in contents.each]
    if contents.primitive:
        return any(units == z or (filling.changed and units % z == 0) for z in wanted)
    return any(z in (units, 2 * units, 3 * units, 4 * units) or (filling.changed and units % z == 0) for z in wanted)


def _order(filling: Filling) -> tuple[float, int]:
    return round(filling.unlikeness, 9), filling.template.num_atoms


def filled(filling: Filling, unit: Composition) -> Prototype:
    """The crystal of a filling, with as many formula units as the template holds, at the predicted volume."""
    own = filling.template.structure
    structure = own.__class__(own.lattice, filling.elements(), own.frac_coords)
    units = filling.template.num_atoms // unit.num_atoms
    composition = Composition(unit.elements, tuple(n * units for n in unit.counts))
    swelling = sum(n * covalent_radius(new) ** 3 for _, new, n in filling.places) / sum(
        n * covalent_radius(old) ** 3 for old, _, n in filling.places
    )
    expected = predicted_volume(structure, composition)
    structure.scale_lattice(expected ** (1 - OWN_VOLUME) * (own.volume * swelling) ** OWN_VOLUME)
    sites = [site for element in unit.elements for site in structure if site.specie.symbol == element]
    identity = identify(structure.from_sites(sites), tolerance=TIGHT, prototypes=False)
    template = filling.template
    return Prototype(template.name, template.label, identity.crystal, identity.num_atoms, filling.unlikeness)
