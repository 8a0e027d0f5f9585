"""Compiled search for pairs of exchanges that pay together though neither pays alone.

An exchange takes the 1 from position a to position i of the same group: z moves by d = w_i − w_a, the energy by
Δ = s_i − s_a + ½|d|², with s the slopes c + W z. Two exchanges change the energy by Δ + Δ' + d·d': a pair pays where
one makes up for what the other does to z.
"""

from __future__ import annotations

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.compiled import compiled
from crysim.quadratic.partition import Indices


@compiled(fast_math="reordered")
def exchange_costs(
    cost: Floats,
    factors: Floats,
    norms: Floats,
    starts: Indices,
    sizes: Indices,
    counts: Indices,
    ones: Indices,
    taken: Bits,
    slope: Floats,
    out: Floats,
) -> None:
    """``out`` = Δ of every single exchange, one after the other, infinity where i is taken.

    In order of the ones (``ones [num_ones]``, sorted) of groups that are not all 1, and of the group's positions.
    """
    rank = factors.shape[1]
    z = np.zeros(rank)
    for j in range(ones.shape[0]):
        for k in range(rank):
            z[k] += factors[ones[j], k]
    for i in range(cost.shape[0]):
        total = cost[i]
        for k in range(rank):
            total += factors[i, k] * z[k]
        slope[i] = total
    number, first = 0, 0
    for g in range(starts.shape[0]):
        start, size = starts[g], sizes[g]
        if counts[g] < size:
            for j in range(first, first + counts[g]):
                a = ones[j]
                for i in range(start, start + size):
                    dot = 0.0
                    for k in range(rank):
                        dot += factors[i, k] * factors[a, k]
                    change = slope[i] - slope[a] + 0.5 * (norms[i] + norms[a]) - dot
                    out[number] = np.inf if taken[i] else change
                    number += 1
        first += counts[g]


@compiled(fast_math="reordered")
def best_pair(
    factors: Floats,
    starts: Indices,
    sizes: Indices,
    counts: Indices,
    ones: Indices,
    costs: Floats,
    threshold: float,
    chosen: Indices,
) -> float:
    """The pair of exchanges that gains most, of those whose Δ is at most ``threshold``.

    ``chosen`` receives, for both, the index into ``ones`` of what is taken out and the position that comes in.
    Returns the change in energy; 0 if no pair gains.
    """
    rank = factors.shape[1]
    size = 0
    for e in range(costs.shape[0]):
        if costs[e] <= threshold:
            size += 1
    out = np.empty(size, dtype=np.int64)
    into = np.empty(size, dtype=np.int64)
    delta = np.empty(size)
    shift = np.empty((size, rank))
    size, e, first = 0, 0, 0
    for g in range(starts.shape[0]):
        if counts[g] < sizes[g]:
            for j in range(first, first + counts[g]):
                for i in range(starts[g], starts[g] + sizes[g]):
                    if costs[e] <= threshold:
                        out[size], into[size], delta[size] = j, i, costs[e]
                        for k in range(rank):
                            shift[size, k] = factors[i, k] - factors[ones[j], k]
                        size += 1
                    e += 1
        first += counts[g]
    best = 0.0
    for e in range(size):
        for f in range(e):
            change = delta[e] + delta[f]
            for k in range(rank):
                change += shift[e, k] * shift[f, k]
            if change < best and out[e] != out[f] and into[e] != into[f]:
                best = change
                chosen[0], chosen[1], chosen[2], chosen[3] = out[e], into[e], out[f], into[f]
    return best
