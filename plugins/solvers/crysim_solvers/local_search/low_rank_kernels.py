"""Compiled moves on low-rank models: what a move costs is one product of the group's factors with z = Wᵀx.

The energy of setting position i, everything else given, is h_i + w_i·z (z without i). All kernels hold the factors
transposed, ``[K, P]``, so that the inner loop runs over the positions of a group. ``ones`` lists the positions of the
ones, group after group; ``taken`` marks them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Bits, Floats
from crysim.compiled import compiled
from crysim.quadratic.partition import Indices

Reals = NDArray[np.floating[Any]]
Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)

# Weights under exp(-20) of the largest are left out of a conditional: less than the sums' own rounding in float32.
_NEGLIGIBLE = 20.0


@compiled(fast_math="reordered")
def uniform(state: Words) -> float:
    """A uniform number in [0, 1) from splitmix64; ``state`` is ``uint64 [1]``."""
    state[0] += _GOLDEN
    s = state[0]
    s = (s ^ (s >> _S30)) * _MIX1
    s = (s ^ (s >> _S27)) * _MIX2
    s = s ^ (s >> _S31)
    return float(s >> _S11) * (1.0 / 9007199254740992.0)


@compiled(fast_math="reordered")
def conditional(linear: Reals, factors: Reals, start: int, size: int, z: Reals, out: Reals) -> None:
    """``out[:size]`` = h_i + w_i·z of the positions of one group."""
    rank = factors.shape[0]
    for i in range(size):
        out[i] = linear[start + i]
    k = 0
    while k + 3 < rank:
        a, b, c, d = z[k], z[k + 1], z[k + 2], z[k + 3]
        wa = factors[k, start : start + size]
        wb = factors[k + 1, start : start + size]
        wc = factors[k + 2, start : start + size]
        wd = factors[k + 3, start : start + size]
        for i in range(size):
            out[i] += a * wa[i] + b * wb[i] + c * wc[i] + d * wd[i]
        k += 4
    while k < rank:
        a = z[k]
        wa = factors[k, start : start + size]
        for i in range(size):
            out[i] += a * wa[i]
        k += 1


@compiled(fast_math="reordered")
def draw(cost: Reals, size: int, temperature: float, weights: Floats, state: Words) -> int:
    """An index drawn with probability ∝ exp(−cost/T); costs of infinity are never drawn. T = 0: the smallest."""
    best = 0
    for i in range(1, size):
        if cost[i] < cost[best]:
            best = i
    if temperature <= 0.0:
        return best
    lowest = cost[best]
    reach = lowest + _NEGLIGIBLE * temperature
    inverse = -1.0 / temperature
    total = 0.0
    for i in range(size):
        if cost[i] < reach:
            total += np.exp((cost[i] - lowest) * inverse)
        weights[i] = total
    mark = uniform(state) * total
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) // 2
        if weights[middle] > mark:
            high = middle
        else:
            low = middle + 1
    return low


@compiled(fast_math="reordered")
def refresh(factors: Reals, ones: Indices, z: Reals) -> None:
    """``z`` = Wᵀx from scratch, against drift."""
    for k in range(factors.shape[0]):
        total = 0.0
        for j in range(ones.shape[0]):
            total += factors[k, ones[j]]
        z[k] = total


@compiled(fast_math="reordered")
def sweeps(
    linear: Reals,
    factors: Reals,
    starts: Indices,
    sizes: Indices,
    counts: Indices,
    ones: Indices,
    taken: Bits,
    temperatures: Floats,
    state: Words,
) -> int:
    """Heat-bath sweeps over all ones, one sweep per temperature; ``ones`` and ``taken`` are brought up to date.

    Each one in turn is taken out and put back among the zeros of its group, drawn from the exact conditional: a
    one-hot group is so resampled whole, and a k-of-n group has the place of each of its ones resampled.
    Returns the number of ones that moved in the last sweep.
    """
    rank = factors.shape[0]
    z = np.empty(rank, dtype=factors.dtype)
    cost = np.empty(max(1, sizes.max()), dtype=factors.dtype)
    weights = np.empty(cost.shape[0])
    moved = 0
    for t in range(temperatures.shape[0]):
        refresh(factors, ones, z)
        moved = 0
        first = 0
        for g in range(starts.shape[0]):
            start, size, count = starts[g], sizes[g], counts[g]
            if count < size:
                for j in range(first, first + count):
                    old = ones[j]
                    taken[old] = False
                    for k in range(rank):
                        z[k] -= factors[k, old]
                    conditional(linear, factors, start, size, z, cost)
                    if count > 1:
                        for other in range(first, first + count):
                            if other != j:
                                cost[ones[other] - start] = np.inf
                    new = start + draw(cost, size, temperatures[t], weights, state)
                    # At T = 0 a tie must not move a one for ever.
                    if temperatures[t] <= 0.0 and not cost[new - start] < cost[old - start]:
                        new = old
                    if new != old:
                        moved += 1
                    ones[j] = new
                    taken[new] = True
                    for k in range(rank):
                        z[k] += factors[k, new]
            first += count
    return moved
