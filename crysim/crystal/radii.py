"""Covalent radii, and what volumes and distances they lead one to expect."""

from __future__ import annotations

from functools import cache
from math import pi

import numpy as np

from crysim.arrays import Floats
from crysim.composition import ATOMIC_NUMBERS, Composition


@cache
def covalent_radius(element: str) -> float:
    """Covalent radius in Å (Cordero et al., Dalton Trans. 2832, 2008, as ASE has it); 1.5 where unknown."""
    from ase.data import covalent_radii, missing

    radius = float(covalent_radii[ATOMIC_NUMBERS[element]])
    return 1.5 if radius == missing else radius


def radius_sums(composition: Composition) -> Floats:
    """Sums of covalent radii of pairs of elements ``[elements, elements]``, Å."""
    radii = np.array([covalent_radius(element) for element in composition.elements])
    return np.asarray(radii[:, None] + radii[None, :])


def spheres_volume(composition: Composition, beyond: float = 0.0) -> float:
    """The volume of the cell's atoms as spheres of the covalent radius plus ``beyond`` Å, Å³."""
    return sum(
        n * 4.0 / 3.0 * pi * (covalent_radius(element) + beyond) ** 3
        for element, n in zip(composition.elements, composition.counts, strict=True)
    )
