"""Compiled arithmetic of a crystal's free parameters: small arrays, called at every step of every crystal."""

from __future__ import annotations

from math import sqrt

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled


@compiled(fast_math="reordered")
def strained(lattice: Floats, basis: Floats, step: Floats) -> Floats:
    """``lattice @ exp(strain)`` for the logarithmic strain ``sum_k step[k] basis[k]``."""
    strain = np.zeros((3, 3))
    for k in range(len(basis)):
        strain += step[k] * basis[k]
    result = lattice.copy()
    term = lattice.copy()
    for order in range(1, 40):
        term = term @ strain / order
        result += term
        if np.abs(term).max() <= 1e-17 * np.abs(result).max():
            break
    return result


@compiled(fast_math="reordered")
def step_length(
    lattice: Floats, basis: Floats, maps: Floats, axes: Ints, step: Floats, max_move: float, max_strain: float
) -> float:
    """The largest move of an atom within the cell over ``max_move``, or component of the strain over ``max_strain``.

    Args:
        lattice: ``[3, 3]``, rows, Å.
        basis: strains ``[k, 3, 3]``.
        maps: of free coordinates to a representative's coordinates ``[s, 3, 3]``.
        axes: the parameter of each site's free coordinate on each axis ``[s, 3]``, or -1.
        step: ``[p]``.
        max_move: Å.
        max_strain: no unit.
    """
    strain = np.zeros((3, 3))
    for k in range(len(basis)):
        strain += step[k] * basis[k]
    largest = float(np.abs(strain).max()) / max_strain
    for s in range(len(maps)):
        move = np.zeros(3)
        for axis in range(3):
            if axes[s, axis] >= 0:
                move += step[axes[s, axis]] * maps[s, :, axis]
        largest = max(largest, sqrt(((move @ lattice) ** 2).sum()) / max_move)
    return largest


@compiled(fast_math="reordered")
def largest_force(
    lattice: Floats, basis: Floats, maps: Floats, axes: Ints, multiplicities: Ints, gradient: Floats
) -> float:
    """The largest force on an atom or on the cell: see `AsymmetricUnit.max_force`."""
    virial = np.zeros((3, 3))
    for k in range(len(basis)):
        virial += gradient[k] * basis[k]
    largest: float = sqrt((virial**2).sum(axis=1).max()) / multiplicities.sum()
    for s in range(len(maps)):
        free = 0
        moves = np.zeros((3, 3))
        slopes = np.zeros(3)
        for axis in range(3):
            if axes[s, axis] >= 0:
                moves[free] = np.ascontiguousarray(maps[s, :, axis]) @ lattice
                slopes[free] = gradient[axes[s, axis]] / multiplicities[s]
                free += 1
        if free:
            metric = moves[:free] @ moves[:free].T
            squared = float(slopes[:free] @ np.linalg.solve(metric, slopes[:free]))
            largest = max(largest, sqrt(max(squared, 0.0)))
    return largest


@compiled(fast_math="reordered")
def reach(
    lattice: Floats, points: Floats, old_lattice: Floats, old_points: Floats, maps: Floats, radius: float
) -> float:
    """Within what distance all pairs are known, if all within ``radius`` were known before a motion.

    A pair is at least the smallest stretch of the cell times its old distance apart, less what its two atoms have
    moved within the cell.
    """
    deformation = np.linalg.solve(old_lattice, lattice)
    stretch = sqrt(max(np.linalg.eigvalsh(deformation @ deformation.T)[0], 0.0))
    farthest = 0.0
    for s in range(len(maps)):
        move = (maps[s] @ (points[s] - old_points[s])) @ lattice
        farthest = max(farthest, sqrt((move**2).sum()))
    return stretch * radius - 2 * farthest


@compiled(fast_math="reordered")
def update_inverse(inverse: Floats, step: Floats, change: Floats) -> None:
    """BFGS update, in place, of an inverse Hessian ``[p, p]`` by a step and the gradient's change along it."""
    curvature = step @ change
    product = inverse @ change
    scale = (1 + change @ product / curvature) / curvature
    for i in range(len(step)):
        for j in range(len(step)):
            cross = product[i] * step[j] + step[i] * product[j]
            inverse[i, j] += scale * step[i] * step[j] - cross / curvature
