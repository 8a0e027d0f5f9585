"""An elastic network's stiffness in a crystal's free parameters: the first guess of the energy's second derivatives.

Every bond is a spring whose stiffness falls off with its length, as in the preconditioner of Packwood et al.
(J. Chem. Phys. 144, 164109 (2016)); its matrix in strains and free coordinates puts cell and atoms on one scale.
"""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters

SPRING = 4.0
"""eV/Å² of a bond between nearest neighbours."""
DECAY = 2.0
"""How fast springs soften: exp(-DECAY (r / r_0 - 1)), r_0 the distance of the representative's nearest neighbour."""
TRANSVERSE = 0.1
"""Stiffness of a bond against moves across it, relative to that along it."""
GROUND = 0.05
"""eV/Å² by which every atom is tied to its place, which settles moves that stretch no bond."""


def stiffness(unit: AsymmetricUnit, parameters: Parameters, bonds: Bonds) -> Floats:
    """The matrix ``[p, p]`` of the elastic network in the free parameters: eV, positive definite."""
    coordinates = unit.coordinates(parameters)
    # a site's map times the lattice: Å by which an atom moves per unit of each free coordinate
    far_maps = np.swapaxes(bonds.far_maps, 1, 2) @ parameters.lattice
    center_maps = np.swapaxes(unit.maps, 1, 2) @ parameters.lattice
    fractional = (bonds.far_maps @ parameters.points[bonds.far][:, :, None])[:, :, 0] + bonds.constants
    vectors = (fractional - coordinates[bonds.center]) @ parameters.lattice
    matrix = np.zeros((unit.num_parameters, unit.num_parameters))
    weights = bonds.count * unit.multiplicities[bonds.center] / 2  # a bond is listed at both ends
    lengths = np.maximum(np.sqrt((vectors**2).sum(axis=1)), 1e-3)  # atoms may start at one place
    nearest = np.full(len(unit.free), np.inf)
    np.minimum.at(nearest, bonds.center, lengths)
    springs = SPRING * weights * np.exp(-DECAY * (lengths / nearest[bonds.center] - 1))
    _add_springs(
        matrix,
        unit.basis,
        unit.axes,
        bonds.center,
        bonds.far,
        springs,
        TRANSVERSE,
        vectors,
        lengths,
        np.ascontiguousarray(far_maps),
        center_maps,
    )
    _tie_atoms(matrix, unit.axes, GROUND * unit.multiplicities.astype(np.float64), center_maps)
    strains = np.arange(unit.num_strains)
    matrix[strains, strains] += GROUND * unit.crystal.num_atoms * np.cbrt(abs(np.linalg.det(parameters.lattice))) ** 2
    return matrix


@compiled(fast_math="reordered")
def _add_springs(
    matrix: Floats,
    basis: Floats,
    axes: Ints,
    center: Ints,
    far: Ints,
    springs: Floats,
    transverse: float,
    vectors: Floats,
    lengths: Floats,
    far_maps: Floats,
    center_maps: Floats,
) -> None:
    """Add every bond's spring; a bond's vector moves with the strains and with the free coordinates of its ends."""
    strains = len(basis)
    moves = np.empty((strains + 6, 3))
    columns = np.empty(strains + 6, dtype=np.int64)
    for k in range(strains):
        columns[k] = k
    for b in range(len(center)):
        unit = vectors[b] / lengths[b]
        used = strains
        for k in range(strains):
            move = vectors[b] @ basis[k]
            for j in range(3):
                moves[k, j] = move[j]
        for axis in range(3):
            if axes[far[b], axis] >= 0:
                columns[used] = axes[far[b], axis]
                for j in range(3):
                    moves[used, j] = far_maps[b, axis, j]
                used += 1
        for axis in range(3):
            if axes[center[b], axis] >= 0:
                columns[used] = axes[center[b], axis]
                for j in range(3):
                    moves[used, j] = -center_maps[center[b], axis, j]
                used += 1
        for i in range(used):
            along = moves[i] @ unit
            for j in range(i + 1):
                value = transverse * (moves[i] @ moves[j]) + (1 - transverse) * along * (moves[j] @ unit)
                matrix[columns[i], columns[j]] += springs[b] * value
                if i != j:
                    matrix[columns[j], columns[i]] += springs[b] * value


@compiled(fast_math="reordered")
def _tie_atoms(matrix: Floats, axes: Ints, springs: Floats, maps: Floats) -> None:
    """Add a spring between every atom and its place."""
    for s in range(len(axes)):
        for i in range(3):
            for j in range(3):
                if axes[s, i] >= 0 and axes[s, j] >= 0:
                    matrix[axes[s, i], axes[s, j]] += springs[s] * (maps[s, i] @ maps[s, j])
