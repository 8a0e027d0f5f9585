"""Occupied Wyckoff positions, and whether some of them make a crystal."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.errors import InputError
from crysim.symmetry.groups import SpaceGroup


@dataclass(frozen=True)
class Site:
    """One occupied Wyckoff position.

    Attributes:
        element: chemical symbol of the atoms on it.
        position: index into the ``positions`` of the crystal's space group.
        free: values of the position's free coordinates, fractional.
    """

    element: str
    position: int
    free: tuple[float, ...] = ()


def wrap(frac_coords: Floats) -> Floats:
    """Fractional coordinates modulo 1, in [0, 1) also where rounding would give 1."""
    wrapped = frac_coords - np.floor(frac_coords)
    wrapped[wrapped >= 1.0] = 0.0
    return np.asarray(wrapped)


def check_sites(composition: Composition, group: SpaceGroup, sites: tuple[Site, ...]) -> None:
    """Refuse sites that a crystal of the composition and group cannot have.

    Raises:
        InputError: they hold other atoms, take a fixed position twice, or are no sites of the group.
    """
    where = f"space group {group.number} ({group.symbol})"
    atoms = dict.fromkeys(composition.elements, 0)
    fixed: set[int] = set()
    for site in sites:
        if site.element not in atoms:
            raise InputError(f"a site holds {site.element}, which {composition} does not")
        if not 0 <= site.position < len(group.shapes):
            raise InputError(f"{where} has no Wyckoff position of index {site.position}")
        multiplicity, dof = group.shapes[site.position]
        if len(site.free) != dof:
            raise InputError(f"a site of {where} needs {dof} free coordinates, not {len(site.free)}")
        if dof == 0:
            if site.position in fixed:
                raise InputError(f"a position of {where} without free coordinates is taken twice")
            fixed.add(site.position)
        if not all(map(isfinite, site.free)):
            raise InputError("a site's free coordinates must be finite")
        atoms[site.element] += multiplicity
    if tuple(atoms.values()) != composition.counts:
        raise InputError(f"the sites in {where} hold {atoms}, not {composition}")
    order = [composition.elements.index(site.element) for site in sites]
    if order != sorted(order):
        raise InputError(f"sites must be grouped by element in the order of {composition}")
