"""Orders of elements that share the places of a crystal: in subgroups of its symmetry, by their charges' energy.

Of the orders of ions that a crystal has room for, those low in electrostatic energy are mostly those that nature takes
(as pymatgen's OrderDisorderedStructureTransformation has it): of 250 orders of Li4Ti5O12 on the places of spinel, its
own is the lowest. Where no charges balance, as in alloys, an order is as good as another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import ATOMIC_NUMBERS, Contents
from crysim.crystal import Crystal
from crysim.crystal.charges import coulomb_matrix, likely_charges
from crysim_baselines.portfolio.colours import coloured
from crysim_baselines.portfolio.subgroups import (
    MOST_SITES,
    Atoms,
    Operation,
    averaged,
    grown_subgroup,
    orbits_of,
    primitive_atoms,
    repeated,
    symmetric_crystal,
    symmetry,
)
from crysim_baselines.portfolio.supercells import distinct_supercells

WHOLE = 0.5
"""Of the orders leave one element alone on places that are equivalent without an order."""
DRAWN = 8
"""Orders of each supercell, of all of which the lowest in electrostatic energy is taken."""
SUPERCELLS = 12
"""Of a crystal with certain contents, at most."""
DIGITS = 4
"""Decimals of the energy, in eV, by which an order is known again."""


_Drawn = tuple[tuple[str, ...], list[Operation]]


@dataclass(frozen=True)
class Parent:
    """Atoms on whose places elements are to be put in an order: see `parents_of`."""

    contents: Contents
    mixed: tuple[str, ...]
    atoms: Atoms
    group: Sequence[Operation]

    @cached_property
    def _whole(self) -> Ints:
        return orbits_of(self.group)

    @cached_property
    def _coulomb(self) -> Floats:
        return coulomb_matrix(self.atoms.lattice, self.atoms.coords, self.atoms.species)

    def draw(self, rng: np.random.Generator) -> _Drawn | None:
        """Elements for the places, and the subgroup that they have; None where a draw gives none."""
        group = grown_subgroup(self.group, rng)
        if not group:
            return None
        orbit = orbits_of(group)
        whole = self._whole if rng.random() < WHOLE else None
        species = coloured(self.atoms.species, self.mixed, orbit, rng, whole)
        return None if species is None or len(np.unique(orbit)) > MOST_SITES else (species, group)

    def energies(self, species: Sequence[str]) -> tuple[float, float]:
        """eV per cell of the elements' likely charges, 0 where there are none; and a number for the order alone."""
        likely = likely_charges(self.contents.composition.reduced)
        charges = np.array([0.0 if likely is None else likely[element] for element in species])
        # any charges tell orders apart: the roots of atomic numbers differ for all elements, as likely ones may not
        marks = np.sqrt([float(ATOMIC_NUMBERS[element]) for element in species])
        marks -= marks.mean()
        return float(charges @ self._coulomb @ charges), round(float(marks @ self._coulomb @ marks), DIGITS)

    def crystal(self, drawn: _Drawn, number: float) -> Crystal | None:
        """Of what was drawn, the number of whose order is known; None where its cell is no primitive one.

        Orders come again and again, and to find that takes longer than to draw one: it is kept.
        """
        if number in self._of_smaller_cells:
            return None
        species, group = drawn
        lattice, coords = averaged(self.atoms, group)
        crystal = symmetric_crystal(self.contents, lattice, species, coords)
        if crystal is None:
            self._of_smaller_cells.add(number)
        return crystal

    @cached_property
    def _of_smaller_cells(self) -> set[float]:
        return set()


def parents_of(crystal: Crystal, mixed: tuple[str, ...], contents: Contents, most: int = SUPERCELLS) -> list[Parent]:
    """A crystal's primitive cell, or its supercells, whose mixed elements have no order yet.

    Args:
        crystal: the first of the mixed elements stands for all of them.
        mixed: two elements or more.
        contents: of the primitive cells that are made.
        most: supercells, those that keep most of the symmetry.

    Returns:
        None of those that have too many operations; empty where the contents are no multiple of the crystal's.
    """
    one = primitive_atoms(crystal)
    times, rest = divmod(contents.num_atoms, len(one.species))
    if rest or not times:
        return []
    rotations = np.array([operation.rotation for operation in symmetry(one, ())])
    matrices = distinct_supercells(rotations, times, most) if len(rotations) else ()
    found = [parent_of(one, matrix, mixed, contents) for matrix in matrices]
    return [parent for parent in found if parent is not None]


def parent_of(one: Atoms, matrix: Ints, mixed: tuple[str, ...], contents: Contents) -> Parent | None:
    """A supercell of atoms whose mixed elements have no order yet; None where it has too many operations, or one.

    Args:
        one: of a primitive cell; the first of the mixed elements stands for all of them.
        matrix: the supercell, by its rows in the lattice vectors.
        mixed: two elements or more.
        contents: of the supercell.
    """
    atoms = repeated(one, matrix)
    waiting = [element for element in contents.composition.species if element in mixed]
    species = tuple(waiting.pop() if element == mixed[0] else element for element in atoms.species)
    atoms = replace(atoms, species=species)
    group = symmetry(atoms, mixed)
    return Parent(contents, mixed, atoms, group) if len(group) > 1 else None


def ordered(
    parents: Sequence[Parent], known: Collection[float], rng: np.random.Generator
) -> tuple[Crystal, float] | None:
    """The order lowest in electrostatic energy of some that are drawn.

    Args:
        parents: what is put in an order: supercells of one crystal, of as many atoms.
        known: numbers of the orders that are not wanted any more.
        rng: the same state gives the same order.

    Returns:
        The crystal and the number of its order; None where there is none.
    """
    found: list[tuple[float, float, Parent, _Drawn]] = []
    for parent in parents:
        for _ in range(DRAWN):
            drawn = parent.draw(rng)
            if drawn is not None:
                energy, number = parent.energies(drawn[0])
                if number not in known:
                    found.append((energy, number, parent, drawn))
    # equivalent orders have one energy but for rounding: of these the first drawn, on every processor
    for _, number, parent, drawn in sorted(found, key=lambda one: round(one[0], DIGITS)):
        crystal = parent.crystal(drawn, number)
        if crystal is not None:
            return crystal, number
    return None
