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
        if largest_magnitude(term) <= 1e-17 * largest_magnitude(result):
            break
    return result


@compiled(fast_math="reordered")
def largest_magnitude(matrix: Floats) -> float:
    """``np.abs(matrix).max()`` of a matrix ``[3, 3]``, which numba takes longer to compile than all around it."""
    largest = 0.0
    for i in range(3):
        for j in range(3):
            magnitude = abs(matrix[i, j])
            if magnitude > largest or magnitude != magnitude:  # not a number: neither is the largest
                largest = magnitude
    return largest


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
    largest = largest_magnitude(strain) / max_strain
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
    atoms = 0
    for s in range(len(multiplicities)):
        atoms += multiplicities[s]
    largest = 0.0
    for i in range(3):
        squared = 0.0
        for j in range(3):
            virial = 0.0
            for k in range(len(basis)):
                virial += gradient[k] * basis[k, i, j]
            squared += virial * virial
        largest = max(largest, sqrt(squared) / atoms)
    moves = np.empty((3, 3))
    slopes = np.empty(3)
    for s in range(len(maps)):
        free = 0
        for axis in range(3):
            if axes[s, axis] >= 0:
                for j in range(3):
                    moves[free, j] = (
                        maps[s, 0, axis] * lattice[0, j]
                        + maps[s, 1, axis] * lattice[1, j]
                        + maps[s, 2, axis] * lattice[2, j]
                    )
                slopes[free] = gradient[axes[s, axis]] / multiplicities[s]
                free += 1
        # the force is the combination of the moves that has these slopes along them: move by move, what is orthogonal
        # to those before
        squared = 0.0
        for i in range(free):
            for before in range(i):
                along = 0.0
                for j in range(3):
                    along += moves[i, j] * moves[before, j]
                for j in range(3):
                    moves[i, j] -= along * moves[before, j]
                slopes[i] -= along * slopes[before]
            length = sqrt(moves[i, 0] * moves[i, 0] + moves[i, 1] * moves[i, 1] + moves[i, 2] * moves[i, 2])
            for j in range(3):
                moves[i, j] /= length
            slopes[i] /= length
            squared += slopes[i] * slopes[i]
        largest = max(largest, sqrt(squared))
    return largest


@compiled(fast_math="reordered")
def reach(
    lattice: Floats, points: Floats, old_lattice: Floats, old_points: Floats, maps: Floats, radius: float
) -> float:
    """Within what distance all pairs are known, if all within ``radius`` were known before a motion.

    A pair is at least the smallest stretch of the cell times its old distance apart, less what its two atoms have
    moved within the cell.
    """
    # a vector with the fractional coordinates f was (f old), and is (f lattice) = (f old) deformation
    deformation = np.zeros((3, 3))
    volume = 0.0
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        for axis in range(3):
            q, r = (axis + 1) % 3, (axis + 2) % 3
            cofactor = old_lattice[j, q] * old_lattice[k, r] - old_lattice[j, r] * old_lattice[k, q]
            if i == 0:
                volume += old_lattice[0, axis] * cofactor
            for column in range(3):
                deformation[axis, column] += cofactor * lattice[i, column]
    product = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            for k in range(3):
                product[i, j] += deformation[i, k] * deformation[j, k]
    stretch = sqrt(max(smallest_eigenvalue(product), 0.0)) / abs(volume)
    farthest = 0.0
    move = np.empty(3)
    for s in range(len(maps)):
        for j in range(3):
            move[j] = 0.0
        for i in range(3):
            change = 0.0
            for axis in range(3):
                change += maps[s, i, axis] * (points[s, axis] - old_points[s, axis])
            for j in range(3):
                move[j] += change * lattice[i, j]
        farthest = max(farthest, sqrt(move[0] * move[0] + move[1] * move[1] + move[2] * move[2]))
    return stretch * radius - 2 * farthest


@compiled(fast_math="reordered")
def smallest_eigenvalue(matrix: Floats) -> float:
    """Of a symmetric matrix ``[3, 3]``, which is overwritten: by Jacobi's rotations, to rounding."""
    for _ in range(20):
        left = 0.0
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            if matrix[i, j] == 0.0:
                continue
            left += abs(matrix[i, j])
            ratio = (matrix[j, j] - matrix[i, i]) / (2.0 * matrix[i, j])
            tangent = 1.0 / (abs(ratio) + sqrt(1.0 + ratio * ratio))
            if ratio < 0.0:
                tangent = -tangent
            cosine = 1.0 / sqrt(1.0 + tangent * tangent)
            sine = tangent * cosine
            matrix[i, i] -= tangent * matrix[i, j]
            matrix[j, j] += tangent * matrix[i, j]
            matrix[i, j] = matrix[j, i] = 0.0
            at_i, at_j = matrix[i, k], matrix[j, k]
            matrix[i, k] = matrix[k, i] = cosine * at_i - sine * at_j
            matrix[j, k] = matrix[k, j] = sine * at_i + cosine * at_j
        if left <= 1e-16 * abs(matrix[0, 0] + matrix[1, 1] + matrix[2, 2]):
            break
    return float(min(matrix[0, 0], matrix[1, 1], matrix[2, 2]))


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
