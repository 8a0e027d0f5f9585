"""A crystal as the numbers that its symmetry leaves free: strain of the cell, free coordinates of the sites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.crystal import Crystal
from crysim.symmetry import cell_from_lattice, impose_cell, lattice_from_cell, space_group
from crysim_energies.quotient.geometry.angles import TOLERANCE, AngleList, Folded, homeward, list_angles
from crysim_energies.quotient.geometry.harmonics import projector
from crysim_energies.quotient.geometry.motion import largest_force, reach, step_length, strained
from crysim_energies.quotient.geometry.neighbours import find_bonds, fold_bonds

_DIAGONAL = {
    "cubic": [(1, 1, 1)],
    "tetragonal": [(1, 1, 0), (0, 0, 1)],
    "trigonal": [(1, 1, 0), (0, 0, 1)],
    "hexagonal": [(1, 1, 0), (0, 0, 1)],
}
_SHEARS = {"monoclinic": [(0, 2)], "triclinic": [(0, 1), (0, 2), (1, 2)]}


@cache
def strain_basis(system: str) -> Floats:
    """The strains that keep a crystal system: orthonormal symmetric matrices ``[k, 3, 3]``.

    They suit lattices in crysim's orientation: c (b in the monoclinic system) is normal to the other two, along an
    axis.
    """
    diagonals = _DIAGONAL.get(system, [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
    basis = [np.diag(np.array(d, dtype=np.float64)) for d in diagonals]
    for i, j in _SHEARS.get(system, []):
        shear = np.zeros((3, 3))
        shear[i, j] = shear[j, i] = 1.0
        basis.append(shear)
    result = np.stack([matrix / np.linalg.norm(matrix) for matrix in basis])
    result.setflags(write=False)
    return result


@cache
def site_group(number: int, position: int) -> Floats:
    """Rotations ``[g, 3, 3]`` on fractional coordinates that fix the representative of a Wyckoff position."""
    group = space_group(number)
    place = group.positions[position]
    rotations, translations = group.operations
    matrix, offset = place.matrices[0], place.offsets[0]
    moved = rotations @ offset + translations - offset
    fixes = (np.abs(rotations @ matrix - matrix) < 1e-9).all(axis=(1, 2)) & (np.abs(moved - np.rint(moved)) < 1e-9).all(
        axis=1
    )
    result: Floats = rotations[fixes].astype(np.float64)
    assert len(result) * place.multiplicity == len(rotations)
    result.setflags(write=False)
    return result


@cache
def site_projector(number: int, position: int, max_l: int) -> Floats:
    """The mean representation ``[l², l²]`` of a site group on harmonics (`harmonics.projector`).

    In crysim's orientation the Cartesian rotations of a space group do not depend on the cell.
    """
    rotations = site_group(number, position)
    if len(rotations) == 1 or max_l == 1:  # the harmonic of degree 0 is a constant
        return np.eye(max_l * max_l)
    lattice = lattice_from_cell(impose_cell(space_group(number).crystal_system, (5.0, 6.0, 7.0, 80.0, 75.0, 70.0)))
    result = projector(lattice.T @ rotations @ np.linalg.inv(lattice).T, max_l)
    result.setflags(write=False)
    return result


@dataclass(frozen=True)
class Parameters:
    """The values of a crystal's free parameters at one moment.

    Attributes:
        lattice: ``[3, 3]``, rows, Å.
        points: ``[s, 3]``: the free coordinates of each site on their axes, zero on the others.
    """

    lattice: Floats
    points: Floats


@dataclass(frozen=True)
class Bonds:
    """The bonds that leave a crystal's representatives within some radius, each set of equivalent ones once.

    The fractional vector of bond b is ``far_maps[b] @ points[far[b]] + constants[b] - coordinates[center[b]]``.

    Attributes:
        center, far: sites at the two ends ``[u]``.
        count: how many bonds each stands for ``[u]``.
        far_maps: ``[u, 3, 3]``.
        constants: ``[u, 3]``.
        radius: Å, of the search.
        at: the parameters at the search.
        angles: between the short ones, if they were asked for.
    """

    center: Ints
    far: Ints
    count: Floats
    far_maps: Floats
    constants: Floats
    radius: float
    at: Parameters
    angles: AngleList | None = None

    @property
    def size(self) -> int:
        """Bonds and angles: what the time and the memory of an evaluation grow with."""
        return len(self.center) + (len(self.angles.left) if self.angles else 0)


class AsymmetricUnit:
    """What of a crystal does not change while it relaxes within its space group.

    Attributes:
        crystal: the one that it was made of.
        basis: strains of the cell ``[k, 3, 3]`` (`strain_basis`).
        maps, offsets: ``[s, 3, 3]`` and ``[s, 3]``: a representative's coordinates are ``maps @ point + offsets``.
        free: ``[s, 3]`` which axes of each site's point are free.
        axes: ``[s, 3]`` the parameter of each axis of each site's point, -1 if it is not free.
        multiplicities: ``[s]``.
        projectors: ``[s, l², l²]`` of the site groups (`harmonics.projector`).
    """

    def __init__(self, crystal: Crystal, max_l: int) -> None:
        self.crystal = crystal
        self.basis = strain_basis(crystal.system)
        self.multiplicities = crystal.multiplicities
        self._atom_maps = np.concatenate([p.point_maps for p in crystal.positions])
        self._atom_offsets = np.concatenate([p.offsets for p in crystal.positions])
        self._orbits = crystal.orbits
        self._representatives = crystal.representatives
        self.maps = np.ascontiguousarray(self._atom_maps[self._representatives])
        self.offsets = self._atom_offsets[self._representatives]
        self.free = np.zeros((len(crystal.sites), 3), dtype=np.bool_)
        for s, position in enumerate(crystal.positions):
            self.free[s, list(position.axes)] = True
        self.axes = np.full(self.free.shape, -1, dtype=np.int64)
        self.axes[self.free] = self.num_strains + np.arange(self.free.sum())
        groups = [site_group(crystal.space_group, site.position) for site in crystal.sites]
        self._places = [(crystal.space_group, site.position) for site in crystal.sites]
        self._rotations = np.concatenate(groups)
        self._starts = np.concatenate([[0], np.cumsum([len(g) for g in groups])])
        self.projectors = np.stack([site_projector(crystal.space_group, s.position, max_l) for s in crystal.sites])

    @property
    def num_strains(self) -> int:
        """Free parameters of the cell."""
        return len(self.basis)

    @property
    def num_parameters(self) -> int:
        """Free parameters of cell and coordinates together."""
        return len(self.basis) + int(self.free.sum())

    def start(self) -> Parameters:
        """The parameters of the crystal itself."""
        points = np.zeros(self.free.shape)
        points[self.free] = [value for site in self.crystal.sites for value in site.free]
        return Parameters(self.crystal.lattice.copy(), points)

    def moved(self, parameters: Parameters, step: Floats) -> Parameters:
        """Parameters after a step ``[num_parameters]``: logarithmic strains, then fractional coordinates."""
        points = parameters.points.copy()
        points[self.free] += step[self.num_strains :]
        return Parameters(strained(parameters.lattice, self.basis, step), points)

    def coordinates(self, parameters: Parameters) -> Floats:
        """Fractional coordinates of the representatives ``[s, 3]``."""
        return np.asarray((self.maps @ parameters.points[:, :, None])[:, :, 0] + self.offsets)

    def all_coordinates(self, parameters: Parameters) -> Floats:
        """Fractional coordinates of all atoms ``[n, 3]``, not reduced modulo 1."""
        points = parameters.points[self._orbits]
        return np.asarray((self._atom_maps @ points[:, :, None])[:, :, 0] + self._atom_offsets)

    def gradient(self, parameters: Parameters, virial: Floats, forces: Floats, atoms: Ints) -> Floats:
        """The gradient ``[num_parameters]`` of an energy whose slopes in the cell and the atoms are known.

        Args:
            parameters: where.
            virial: the energy's derivative in the strain ``[3, 3]``, eV.
            forces: ``[m, 3]``, eV/Å, on some atoms; times what each stands for, if they are not all of the cell's.
            atoms: which these are ``[m]``.
        """
        slopes = -np.einsum("nij,ni->nj", self._atom_maps[atoms], forces @ parameters.lattice.T)
        sites = np.zeros(self.free.shape)
        np.add.at(sites, self._orbits[atoms], slopes)
        return np.concatenate([self.basis.reshape(-1, 9) @ virial.reshape(9), sites[self.free]])

    def step_length(self, parameters: Parameters, step: Floats, max_move: float, max_strain: float) -> float:
        """The largest move of an atom within the cell over ``max_move`` (Å), or of the strain over ``max_strain``."""
        return step_length(parameters.lattice, self.basis, self.maps, self.axes, step, max_move, max_strain)

    def max_force(self, parameters: Parameters, gradient: Floats) -> float:
        """The largest force on an atom or on the cell, eV/Å, of a gradient ``[num_parameters]``.

        The cell's forces are those of ASE's ``FrechetCellFilter`` made at this very cell: rows of the virial over the
        number of atoms. The force on a representative lies in the space of its free coordinates, so its gradient in
        them determines it.
        """
        return largest_force(parameters.lattice, self.basis, self.maps, self.axes, self.multiplicities, gradient)

    def to_crystal(self, parameters: Parameters) -> Crystal:
        """The crystal with these parameters, of the same group and sites."""
        frees = [point[free] % 1.0 for point, free in zip(parameters.points, self.free, strict=True)]
        return self.crystal.with_parameters(cell_from_lattice(parameters.lattice), frees)

    def bonds(self, parameters: Parameters, radius: float, angle_radius: float | None = None) -> Bonds:
        """The bonds within a radius of the representatives, and the angles between those within another, if asked."""
        coords = self.all_coordinates(parameters)
        center, atom, shift, vector = find_bonds(parameters.lattice, coords, self._representatives, radius)
        kept, count, image_of, image_by = fold_bonds(center, vector, self._rotations, self._starts, TOLERANCE)
        far = atom[kept]
        bonds = Bonds(
            center=center[kept],
            far=self._orbits[far],
            count=count,
            far_maps=self._atom_maps[far],
            constants=self._atom_offsets[far] + shift[kept],
            radius=radius,
            at=parameters,
        )
        if angle_radius is None:
            return bonds
        home = np.concatenate([homeward(*place) for place in self._places])[far]
        folded = Folded(center, vector, kept, image_of, image_by, home, bonds.far)
        angles = list_angles(folded, self._rotations, self._starts, parameters.lattice, angle_radius)
        return _with_angles(bonds, angles)

    def still_holds(
        self, bonds: Bonds, parameters: Parameters, cutoff: float, angle_cutoff: float | None = None
    ) -> bool:
        """Whether a list is sure to hold every bond within the cut-off, and every angle within its own, elsewhere."""
        old = bonds.at

        def known(radius: float) -> float:
            return reach(parameters.lattice, parameters.points, old.lattice, old.points, self.maps, radius)

        if angle_cutoff is not None and (bonds.angles is None or known(bonds.angles.radius) < angle_cutoff):
            return False
        return known(bonds.radius) >= cutoff


def _with_angles(bonds: Bonds, angles: AngleList) -> Bonds:
    """A list of bonds with its angles, and without the bonds that have lost their reverse."""
    kept = angles.leader >= 0
    if kept.all():
        return replace(bonds, angles=angles)
    index = np.cumsum(kept) - 1
    angles = replace(angles, leader=index[angles.leader[kept]], left=index[angles.left], right=index[angles.right])
    parts = {name: getattr(bonds, name)[kept] for name in ("center", "far", "count", "far_maps", "constants")}
    return replace(bonds, **parts, angles=angles)
