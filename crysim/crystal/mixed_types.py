"""Structure types in which elements of a formula share the places of one: what ordered superstructures come from.

Many crystals are a known type whose places several elements fill in an order of their own, mostly in a larger cell:
Li4Ti5O12 is spinel, lithium and titanium in an order on its metals' places. The formula with such elements taken for
one (Ti3O4) is put in the known types; orders of the elements on those are drawn where they are tried
(`crysim_baselines.portfolio.orderings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations, islice
from math import exp, lcm

from crysim.composition import Composition
from crysim.composition.elements import electronegativity
from crysim.crystal.charges import likely_charges
from crysim.crystal.crystal import Crystal
from crysim.crystal.fillings import Filling
from crysim.crystal.packing import scaled
from crysim.crystal.prototypes import filled, likeliest_fillings
from crysim.crystal.radii import spheres_volume
from crysim.crystal.templates import Template

APART = 1.0
"""Difference of Pauling's electronegativities up to which elements are taken to share places: lithium shares them with
titanium or manganese, but not with oxygen."""
PER_MIXTURE = 12
"""Types that each way to take elements for one is put in, at most."""
MIXTURES = 8
"""Ways to take elements for one, at most: of elements that are most alike."""
UNLIKE = 0.15
"""A type that is so much less like the formula (`crysim.crystal.fillings`) is less likely by a factor of e,"""
DIFFERENT = 0.5
"""and so are elements whose electronegativities differ by so much more."""


@dataclass(frozen=True)
class MixedType:
    """A formula in a structure type, some of its elements taken for one.

    Attributes:
        filling: the type, with elements for its places.
        unit: the formula unit.
        merged: the same with the first of the elements in the places of all.
        elements: that share places.
        weight: how likely it is, in proportion.
    """

    filling: Filling
    unit: Composition
    merged: Composition
    elements: tuple[str, ...]
    weight: float

    @property
    def name(self) -> str:
        """Of the type."""
        return self.filling.template.name

    @property
    def num_atoms(self) -> int:
        """Per primitive cell of the type."""
        return self.filling.template.num_atoms

    @property
    def units(self) -> int:
        """The fewest formula units whose atoms fill the type's primitive cell, or several of them."""
        return lcm(self.num_atoms, self.unit.num_atoms) // self.unit.num_atoms

    @property
    def conventional_units(self) -> int:
        """The fewest formula units whose atoms fill its conventional cell: of face-centred ones the cube has orders of
        its own (LiAl5O8 in spinel)."""
        return lcm(self.crystal.num_atoms, self.unit.num_atoms) // self.unit.num_atoms

    @cached_property
    def crystal(self) -> Crystal:
        """The merged formula in the type, at the volume predicted for it, with all elements' covalent spheres."""
        swelling = (
            spheres_volume(self.unit) / self.unit.num_atoms / (spheres_volume(self.merged) / self.merged.num_atoms)
        )
        return scaled(filled(self.filling, self.merged).crystal, swelling ** (1 / 3))


def mixed_types(taken: Sequence[Template], formula: Composition, *, max_atoms: int | None = None) -> list[MixedType]:
    """The types that a formula may be an order of, likeliest first.

    Args:
        taken: the types.
        formula: any number of formula units.
        max_atoms: per primitive cell of that order; None: no limit.
    """
    unit = formula.reduced
    found = []
    for elements, apart in islice(_mixtures(unit), MIXTURES):
        mixed = unit.merged(elements).reduced
        for filling in likeliest_fillings(taken, mixed, PER_MIXTURE):
            weight = exp(-filling.unlikeness / UNLIKE - apart / DIFFERENT)
            kind = MixedType(filling, unit, mixed, elements, weight)
            if max_atoms is None or kind.units * unit.num_atoms <= max_atoms:
                found.append(kind)
    return sorted(found, key=lambda one: (-one.weight, one.num_atoms))


@cache
def likely_mixtures(unit: Composition) -> dict[tuple[str, ...], float]:
    """Elements of a formula unit that may share places, the most abundant first, and how likely they are to.

    Those within `APART`, most alike first, `MIXTURES` at most; probabilities that add up to one.
    """
    found = {elements: exp(-apart / DIFFERENT) for elements, apart in islice(_mixtures(unit), MIXTURES)}
    total = sum(found.values())
    return {elements: weight / total for elements, weight in found.items()}


def _mixtures(unit: Composition) -> Iterator[tuple[tuple[str, ...], float]]:
    """Elements that may share places, the most abundant of them first, and how far apart they are; most alike first.

    None that give electrons with such as take them, where charges balance: nitrogen with the oxygen of a nitrate.
    """
    known = {element: value for element in unit.elements if (value := electronegativity(element)) is not None}
    counts = unit.amounts
    found = []
    for number in range(2, len(known) + 1):
        for some in combinations(known, number):
            values = [known[element] for element in some]
            if max(values) - min(values) <= APART and not _opposite(unit, some):
                found.append((tuple(sorted(some, key=lambda e: -counts[e])), max(values) - min(values)))
    yield from sorted(found, key=lambda one: one[1])


def _opposite(unit: Composition, elements: Sequence[str]) -> bool:
    charges = likely_charges(unit)
    return charges is not None and min(charges[e] for e in elements) < 0 < max(charges[e] for e in elements)
