"""The convexified relaxation of a model whose couplings are given one by one.

`crysim.quadratic.bounds` says what it is worth.

With Q symmetric, its diagonal zero, and s at least minus its smallest eigenvalue, A = Q + s·1 is positive
semi-definite, and on bits E(x) = offset + c·x + ½ xᵀA x with c_i = linear_i − ½ s. For any y in the cube
½ xᵀA x ≥ yᵀA x − ½ yᵀA y gives a lower bound as in `crysim.quadratic.convex_relaxation`.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from crysim.arrays import Bits, Floats
from crysim.compiled import compiled
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import Relaxed, lower_bound_of_slopes
from crysim.quadratic.partition import Indices, Partition

_STEPS_PER_BIT = 100


@compiled(fast_math="reordered")
def exchange_weights(
    matrix: Floats,
    bits: Indices,
    starts: Indices,
    sizes: Indices,
    x: Floats,
    slope: Floats,
    tolerance: float,
    steps: int,
) -> int:
    """Minimise by moving weight between two positions of a group at a time, always where the slopes differ most.

    ``slope`` is kept up to date. Returns the steps taken.
    """
    for taken in range(steps):
        best, giver, receiver = tolerance, -1, -1
        for g in range(starts.shape[0]):
            high, low = -1, -1
            for j in range(starts[g], starts[g] + sizes[g]):
                if x[j] > 0.0 and (high < 0 or slope[j] > slope[high]):
                    high = j
                if x[j] < 1.0 and (low < 0 or slope[j] < slope[low]):
                    low = j
            if high >= 0 and low >= 0 and slope[high] - slope[low] > best:
                best, giver, receiver = slope[high] - slope[low], high, low
        if giver < 0:
            return taken
        a, b = bits[giver], bits[receiver]
        curvature = matrix[a, a] + matrix[b, b] - 2.0 * matrix[a, b]
        step = min(x[giver], 1.0 - x[receiver])
        if curvature * step > best:
            step = best / curvature
        x[giver] -= step
        x[receiver] += step
        for j in range(x.shape[0]):
            slope[j] += step * (matrix[b, bits[j]] - matrix[a, bits[j]])
    return steps


def dense_couplings(model: QuadraticModel) -> Floats:
    """The symmetric ``[M, M]`` matrix Q of a coupled model, its diagonal zero."""
    couplings = model.couplings
    dense = couplings.toarray() if sparse.issparse(couplings) else np.asarray(couplings, dtype=np.float64)
    return np.asarray(dense + dense.T, dtype=np.float64)


def solve_shifted(model: QuadraticModel, start: Bits | None = None, *, tolerance: float = 1e-7) -> Relaxed:
    """Bound a coupled model; stopped after a number of steps, its bound is still a bound.

    Args:
        model: with couplings, M² of which fit into memory.
        start: a feasible vector ``[M]`` to start from.
        tolerance: of the slopes, relative to the largest.
    """
    partition = Partition.of_model(model)
    m = model.num_bits
    matrix = np.zeros((m + 1, m + 1))  # a last row of zeros for slack positions, whose bit is −1
    matrix[:m, :m] = dense_couplings(model)
    largest = float(np.abs(matrix).sum(axis=1).max())
    smallest = float(np.linalg.eigvalsh(matrix[:m, :m])[0]) if m else 0.0
    shift = max(0.0, -smallest) + 8.0 * np.finfo(np.float64).eps * m * largest  # eigvalsh errs by less
    matrix[np.arange(m), np.arange(m)] = shift
    cost = partition.spread(model.linear - 0.5 * shift)

    vector = start if start is not None else _feasible(model)
    x = np.zeros(partition.num_positions)
    x[partition.ones_of(vector)] = 1.0
    slope = cost + _product(matrix, partition, x)
    scale = float(np.abs(slope).max(initial=1e-300))
    steps = exchange_weights(
        matrix, partition.bits, partition.starts, partition.sizes, x, slope, tolerance * scale, _STEPS_PER_BIT * m
    )
    gain = _product(matrix, partition, x)
    reach = np.abs(matrix) @ np.ones(m + 1)
    sizes = partition.spread(np.abs(model.linear)) + reach[partition.bits] + shift
    return lower_bound_of_slopes(partition, model.offset, cost + gain, float(x @ gain), sizes, m, x, steps)


def _product(matrix: Floats, partition: Partition, x: Floats) -> Floats:
    by_bit = np.zeros(len(matrix))
    by_bit[partition.bits] = x
    by_bit[-1] = 0.0
    return np.asarray((matrix @ by_bit)[partition.bits])


def _feasible(model: QuadraticModel) -> Bits:
    x: Bits = model.repair(model.linear[None] < 0)[0]
    return x
