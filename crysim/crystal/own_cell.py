"""From a structure's own cell to its crystal, and from that crystal, relaxed, back to the same cell and atoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.crystal.crystal import Crystal
from crysim.crystal.identify import symmetry_dataset
from crysim.symmetry.groups import space_group

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True, eq=False)
class OwnCell:
    """A structure as it was given, beside its crystal in the conventional cell of the standard setting.

    Attributes:
        structure: as it was given.
        crystal: its crystal.
        change: ``[3, 3]`` P with x_crystal = P x + p for fractional coordinates.
        shift: ``[3]`` p.
        rotation: ``[3, 3]`` from the crystal's Cartesian axes to the structure's.
        partners: ``[n]`` the crystal's atom that each atom of the structure is an image of.
        images: ``[n, 3]`` the whole number of the crystal's lattice vectors between the two.
    """

    structure: Structure
    crystal: Crystal
    change: Floats
    shift: Floats
    rotation: Floats
    partners: Ints
    images: Floats

    @classmethod
    def of(cls, structure: Structure, symprec: float = 0.01) -> OwnCell:
        """Find the crystal of an ordered structure, and how the two lie to each other.

        Args:
            structure: every site one element.
            symprec: tolerance of spglib, Å.

        Raises:
            InputError: a disordered structure.
        """
        crystal = Crystal.from_structure(structure, symprec)
        change, shift = np.eye(3), np.zeros(3)
        if crystal.space_group > 1:
            dataset = symmetry_dataset(structure, symprec, space_group(crystal.space_group).hall_number)
            change, shift = np.array(dataset.transformation_matrix), np.array(dataset.origin_shift)
        points = structure.frac_coords @ change.T + shift
        species = np.array([site.specie.symbol for site in structure])
        partners = np.empty(len(structure), dtype=np.int64)
        images = np.empty((len(structure), 3))
        for i, point in enumerate(points):
            apart = point - crystal.frac_coords
            lengths = np.linalg.norm((apart - np.rint(apart)) @ crystal.lattice, axis=1)
            lengths[np.array(crystal.species) != species[i]] = np.inf
            partners[i] = int(np.argmin(lengths))
            images[i] = np.rint(apart[partners[i]])
        rotation = _rotation(change.T @ crystal.lattice, structure.lattice.matrix)
        return cls(structure, crystal, change, shift, rotation, partners, images)

    def back(self, relaxed: Crystal) -> Structure | None:
        """The relaxed crystal in the structure's own cell, orientation and order of atoms.

        Args:
            relaxed: a crystal of the same space group and sites; atoms keep the image next to where they were.

        Returns:
            None if it has another group or other sites: then no such cell is defined.
        """
        if relaxed.space_group != self.crystal.space_group or relaxed.combination != self.crystal.combination:
            return None
        from pymatgen.core import Lattice, Structure

        moved = relaxed.frac_coords - self.crystal.frac_coords
        moved -= np.rint(moved)
        lattice = self.change.T @ relaxed.lattice @ self.rotation.T
        points = (self.crystal.frac_coords + moved)[self.partners] + self.images
        coords = (points - self.shift) @ np.linalg.inv(self.change).T
        return Structure(Lattice(lattice), [site.specie.symbol for site in self.structure], coords)


def _rotation(lattice: Floats, wanted: Floats) -> Floats:
    """The rotation ``[3, 3]`` that brings the rows of one lattice nearest to those of another (Kabsch)."""
    left, _, right = np.linalg.svd(wanted.T @ lattice)
    signs = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
    return np.asarray(left @ signs @ right)
