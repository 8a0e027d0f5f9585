"""Charges of a formula's elements, and the electrostatic energy of charges on given places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.process_state import warnings_ignored

ANIONS = frozenset("N P As O S Se Te F Cl Br I".split())
"""Elements that take electrons in most of their compounds; hydrogen, carbon and boron do in few."""
MOST_ATOMS = 30
"""Of one element in the unit."""


@cache
def likely_charges(unit: Composition) -> Mapping[str, float] | None:
    """The likeliest oxidation number of each element, their mean where it has several; None where none balance.

    By how often elements have them in known compounds (pymatgen's `Composition.oxi_state_guesses`). What holds none of
    `ANIONS` is taken for a metal; of units of very many atoms it would take minutes to balance them.
    """
    if not ANIONS.intersection(unit.elements) or max(unit.counts) > MOST_ATOMS:
        return None
    from pymatgen.core import Composition as Amounts

    with warnings_ignored():
        guesses = Amounts(unit.amounts).oxi_state_guesses()
    return {str(element): float(charge) for element, charge in guesses[0].items()} if guesses else None


def coulomb_matrix(lattice: Floats, coords: Floats, species: Sequence[str]) -> Floats:
    """What unit charges on the places of a cell have for energy with one another, by Ewald's summation.

    Args:
        lattice: Å ``[3, 3]``, vectors as rows.
        coords: fractional ``[n, 3]``.
        species: an element on each place; which is of no matter.

    Returns:
        eV ``[n, n]``: neutral charges ``q`` have the energy ``q @ matrix @ q`` per cell.
    """
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core import Structure

    with warnings_ignored():
        structure = Structure(lattice, list(species), coords)
        structure.add_oxidation_state_by_site([1.0] * len(structure))
        return np.asarray(EwaldSummation(structure).total_energy_matrix)
