"""Ways to put the elements of a formula in the places of a template, and how likely each is.

Three kinds. The template's elements are exchanged; or one of them is split: its orbits hold several elements
(LiMnPO4 is forsterite, Mg2SiO4, with Li and Mn on the two orbits of Mg); or several are merged and hold the same
element (Y2O3 is bixbyite, (Mn,Fe)2O3, with Y for both).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, permutations
from math import gcd, log

import numpy as np

from crysim.composition import Composition
from crysim.crystal.radii import covalent_radius
from crysim.crystal.templates import Template

RADII, MENDELEEV, ELECTRONEGATIVITY = 3.0, 0.3, 0.3
"""Weights of the squared differences of logarithmic covalent radii, Mendeleev numbers (in twenties), and Pauling's
electronegativities. These and the next two were chosen by ``benchmarks/type_order.py``: 143 compounds whose elements
are exchanged and 35 that split or merge, none of them in a table of results."""
LITTLE_KNOWN = 0.1
"""What a template without a Strukturbericht designation is less likely."""
CHANGED = 0.15
"""What a split or merged one is less likely."""
ANOTHER = 0.1
"""What the nth way to split or merge a template is less likely than the first, times the logarithm of n: the ways share
what likelihood the template has."""
GROUP = 20.0
"""Mendeleev numbers: about from one kind of element to another kind."""
UNKNOWN = 2.0
"""Electronegativity of an element that Pauling's scale has not."""
MOST_ORBITS = 14
"""Of a template that is split."""
MOST_WAYS = 100
"""To split a template: one that can be split in more ways says little of any of them, and a formula of seven elements
has tens of thousands."""

Places = tuple[tuple[str, str, int], ...]
"""Old element, new element, and atoms that are exchanged."""
Orbits = tuple[tuple[int, ...], ...]
"""Atoms of each place in the template's primitive cell."""


@dataclass(frozen=True)
class Filling:
    """A template with elements for its places.

    Attributes:
        template: whose places they are.
        places: what is exchanged for what.
        orbits: atoms of each place in the template's primitive cell; empty where a place is all atoms of an element.
        unlikeness: 0 for the template's own crystal; of two, the lower is likelier.
        changed: whether the template's elements are split or merged, and not exchanged one for one.
    """

    template: Template
    places: Places
    orbits: Orbits
    unlikeness: float
    changed: bool = False

    def elements(self) -> list[str]:
        """The new element of each atom of the template's primitive cell."""
        species = [site.specie.symbol for site in self.template.structure]
        if not self.orbits:
            new = {old: element for old, element, _ in self.places}
            return [new[old] for old in species]
        for orbit, (_, element, _) in zip(self.orbits, self.places, strict=True):
            for i in orbit:
                species[i] = element
        return species


def exchanged(template: Template, unit: Composition) -> Iterator[Filling]:
    """Every way to exchange a template's elements for those of a formula unit, one for one."""
    counts = template.atoms
    units = gcd(*counts.values())
    if sorted(n // units for n in counts.values()) != sorted(unit.counts):
        return
    wanted = unit.amounts
    for new in permutations(unit.elements):
        if all(wanted[element] * units == n for element, n in zip(new, counts.values(), strict=True)):
            places = tuple((old, element, n) for (old, n), element in zip(counts.items(), new, strict=True))
            yield Filling(template, places, (), unlikeness(places, template))


def changed(template: Template, unit: Composition) -> Iterator[Filling]:
    """Every way to split or merge a template's elements so that a formula unit fits, likeliest first."""
    ways = sorted((unlikeness(places, template), places, orbits) for places, orbits in _changed(template, unit))
    for number, (apart, places, orbits) in enumerate(ways, start=1):
        yield Filling(template, places, orbits, apart + CHANGED + ANOTHER * log(number), changed=True)


def _changed(template: Template, unit: Composition) -> Iterator[tuple[Places, Orbits]]:
    units, rest = divmod(template.num_atoms, unit.num_atoms)
    kinds = len(template.atoms)
    if rest or len(unit.elements) == kinds or (len(unit.elements) == 1 and kinds > 1):
        return
    wanted = unit.times(units).amounts
    if len(unit.elements) < kinds:
        for new in _merged(list(template.atoms.items()), wanted):
            yield tuple((old, element, n) for (old, n), element in zip(template.atoms.items(), new, strict=True)), ()
        return
    if len(template.orbits) > MOST_ORBITS or len(template.orbits) < len(unit.elements):
        return
    species = [site.specie.symbol for site in template.structure]
    orbits = tuple(sorted(template.orbits, key=lambda orbit: -len(orbit)))
    olds = [(species[orbit[0]], len(orbit)) for orbit in orbits]
    ways = list(islice(_split(olds, wanted), MOST_WAYS + 1))
    for new in ways if len(ways) <= MOST_WAYS else ():
        yield tuple((old, element, n) for (old, n), element in zip(olds, new, strict=True)), orbits


def unlikeness(places: Places, template: Template) -> float:
    """How unlike a template's elements those in their places are, averaged over atoms, and how little known it is.

    The squares of three differences: of logarithmic covalent radii, their mean taken off, since size alone only scales
    the cell; of Mendeleev numbers (Pettifor, Solid State Commun. 51, 31 (1984)); and of electronegativities. Beyond 1
    all are alike.
    """
    weights = np.array([float(n) for _, _, n in places])
    weights /= weights.sum()
    new, old = (np.array([_scales(one[which]) for one in places]) for which in (1, 0))
    radii, numbers, charges = (new - old).T
    radii = radii - weights @ radii
    squares = RADII * radii**2 + MENDELEEV * numbers**2 + ELECTRONEGATIVITY * charges**2
    return float(weights @ np.minimum(1.0, squares)) + (0.0 if template.well_known else LITTLE_KNOWN)


@cache
def _scales(element: str) -> tuple[float, float, float]:
    """Logarithmic radius, Mendeleev number over `GROUP`, electronegativity."""
    from ase.data import atomic_numbers
    from pymatgen.core import Element

    known = Element.from_Z(atomic_numbers[element])
    charge = float(known.X)
    number = known.mendeleev_no
    return log(covalent_radius(element)), (number or 0.0) / GROUP, UNKNOWN if charge != charge else charge


def _merged(counts: Sequence[tuple[str, int]], wanted: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """An element for each of the template's, several of which may be the same."""
    if not counts:
        yield ()
        return
    n = counts[0][1]
    for element, left in wanted.items():
        if left >= n:
            for rest in _merged(counts[1:], {**wanted, element: left - n}):
                yield element, *rest


def _split(
    orbits: Sequence[tuple[str, int]], wanted: Mapping[str, int], owners: Mapping[str, str] | None = None
) -> Iterator[tuple[str, ...]]:
    """An element for each orbit; all orbits that an element has are of one of the template's."""
    if not orbits:
        yield ()
        return
    owners = owners or {}
    old, n = orbits[0]
    for element, left in wanted.items():
        if left >= n and owners.get(element, old) == old:
            for rest in _split(orbits[1:], {**wanted, element: left - n}, {**owners, element: old}):
                yield element, *rest
