"""Compiled moves on models whose couplings are given one by one: local fields are kept, and a move updates them.

``fields [M + 1]`` holds linear_i + Σ_j Q_ij x_j by bit, its last entry, for slack positions (bit −1), always 0.
The couplings are symmetric with a zero diagonal: dense ``[M + 1, M + 1]``, last row and column zero, or in CSR form.
"""

from __future__ import annotations

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.compiled import compiled
from crysim.quadratic.partition import Indices
from crysim_solvers.local_search.low_rank_kernels import Reals, Words, draw


@compiled(fast_math="reordered")
def dense_sweeps(
    matrix: Reals,
    fields: Floats,
    bits: Indices,
    starts: Indices,
    sizes: Indices,
    counts: Indices,
    ones: Indices,
    taken: Bits,
    temperatures: Floats,
    state: Words,
) -> int:
    """Heat-bath sweeps as in `crysim_solvers.local_search.low_rank_kernels.sweeps`, with dense couplings."""
    cost = np.empty(max(1, sizes.max()))
    weights = np.empty(cost.shape[0])
    moved = 0
    for t in range(temperatures.shape[0]):
        moved = 0
        first = 0
        for g in range(starts.shape[0]):
            start, size, count = starts[g], sizes[g], counts[g]
            if count < size:
                for j in range(first, first + count):
                    old = ones[j]
                    row = matrix[bits[old]]
                    for i in range(size):
                        b = bits[start + i]
                        cost[i] = fields[b] - row[b]
                        if taken[start + i] and start + i != old:
                            cost[i] = np.inf
                    new = start + draw(cost, size, temperatures[t], weights, state)
                    if temperatures[t] <= 0.0 and not cost[new - start] < cost[old - start]:
                        new = old  # at T = 0 a tie must not move a one for ever
                    if new != old:
                        moved += 1
                        ones[j] = new
                        taken[old] = False
                        taken[new] = True
                        other = matrix[bits[new]]
                        for b in range(fields.shape[0]):
                            fields[b] += other[b] - row[b]
            first += count
    return moved


@compiled(fast_math="reordered")
def sparse_sweeps(
    pointer: Indices,
    columns: Indices,
    values: Floats,
    fields: Floats,
    bits: Indices,
    starts: Indices,
    sizes: Indices,
    counts: Indices,
    ones: Indices,
    taken: Bits,
    temperatures: Floats,
    state: Words,
) -> int:
    """Heat-bath sweeps with couplings in CSR form, ``pointer [M + 2]``: the last row, of slack positions, is empty."""
    cost = np.empty(max(1, sizes.max()))
    weights = np.empty(cost.shape[0])
    moved = 0
    for t in range(temperatures.shape[0]):
        moved = 0
        first = 0
        for g in range(starts.shape[0]):
            start, size, count = starts[g], sizes[g], counts[g]
            if count < size:
                for j in range(first, first + count):
                    old = ones[j]
                    a = bits[old] if bits[old] >= 0 else fields.shape[0] - 1
                    for e in range(pointer[a], pointer[a + 1]):
                        fields[columns[e]] -= values[e]
                    taken[old] = False
                    for i in range(size):
                        cost[i] = np.inf if taken[start + i] else fields[bits[start + i]]
                    new = start + draw(cost, size, temperatures[t], weights, state)
                    if temperatures[t] <= 0.0 and not cost[new - start] < cost[old - start]:
                        new = old
                    if new != old:
                        moved += 1
                    ones[j] = new
                    taken[new] = True
                    a = bits[new] if bits[new] >= 0 else fields.shape[0] - 1
                    for e in range(pointer[a], pointer[a + 1]):
                        fields[columns[e]] += values[e]
            first += count
    return moved
