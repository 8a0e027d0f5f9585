"""Compiled parts of the convex relaxation of a low-rank model; `crysim.quadratic.bounds` says what they solve.

Minimise f(x) = c·x + ½|z₀ + Wᵀx|² over 0 ≤ x ≤ 1 with Σ x = k in every group. A kernel sees a list of *open*
positions, group after group: ``index [n]`` points into the rows of ``cost [P]`` and ``factors [P, K]``, and group g
is ``index[pointer[g]:pointer[g + 1]]`` with ``counts[g]`` ones, more than none and fewer than all unless it is empty.
All other positions are 0, or in z₀.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.compiled import compiled
from crysim.quadratic.partition import Indices

Marks = NDArray[np.int8]

AT_ZERO, AT_ONE, BETWEEN = 0, 1, 2

# Relative to the largest curvature: what keeps the steps finite where the curvature is zero. Such steps are then
# long, and end where a position meets its bound.
_CURVATURE_FLOOR = 1e-11
_SNAP = 1e-11
ENTERING = 32
"""Groups that may take part anew in one round."""


class Scratch(NamedTuple):
    """Memory that the kernels work in.

    Attributes:
        members, anchors: ``[C]`` positions between their bounds, and who pays for each.
        rows, matrix, step, move: ``[C, K]``, ``[C, C]``, ``[C]``, ``[C]`` the equations of one step.
        shift, z: ``[K]`` change of z, and z = z₀ + Wᵀx.
        worst, better: ``[G]`` the positions where a group's thresholds are taken.
    """

    members: Indices
    anchors: Indices
    rows: Floats
    matrix: Floats
    step: Floats
    move: Floats
    shift: Floats
    z: Floats
    worst: Indices
    better: Indices


def new_scratch(rank: int, num_groups: int) -> Scratch:
    """Room for every case: of the positions between their bounds at most 2 K stay after a round."""
    size = 2 * rank + 2 * min(ENTERING, num_groups) + 8
    return Scratch(
        members=np.zeros(size, dtype=np.int64),
        anchors=np.zeros(size, dtype=np.int64),
        rows=np.zeros((size, rank)),
        matrix=np.zeros((size, size)),
        step=np.zeros(size),
        move=np.zeros(size),
        shift=np.zeros(rank),
        z=np.zeros(rank),
        worst=np.zeros(num_groups, dtype=np.int64),
        better=np.zeros(num_groups, dtype=np.int64),
    )


@compiled(fast_math="reordered")
def point(factors: Floats, index: Indices, z0: Floats, x: Floats, z: Floats) -> None:
    """``z`` = z₀ + Wᵀx."""
    rank = factors.shape[1]
    for k in range(rank):
        z[k] = z0[k]
    for j in range(index.shape[0]):
        if x[j] != 0.0:
            for k in range(rank):
                z[k] += x[j] * factors[index[j], k]


@compiled(fast_math="reordered")
def price(
    cost: Floats,
    factors: Floats,
    index: Indices,
    pointer: Indices,
    mark: Marks,
    z: Floats,
    slope: Floats,
    upper: Floats,
    lower: Floats,
    scratch: Scratch,
) -> float:
    """Slopes ``c_i + w_i·z`` of the open positions, and per group two thresholds.

    ``upper`` is the largest slope that carries weight, ``lower`` the smallest that could take more. At the minimum no
    ``upper`` exceeds its ``lower``; returns the largest excess.
    """
    rank = factors.shape[1]
    worst_excess = 0.0
    for g in range(pointer.shape[0] - 1):
        high, low = -np.inf, np.inf
        worst, better = -1, -1
        for j in range(pointer[g], pointer[g + 1]):
            i = index[j]
            total = cost[i]
            for k in range(rank):
                total += factors[i, k] * z[k]
            slope[j] = total
            if mark[j] != AT_ZERO and total > high:
                high, worst = total, j
            if mark[j] != AT_ONE and total < low:
                low, better = total, j
        upper[g], lower[g] = high, low
        scratch.worst[g], scratch.better[g] = worst, better
        worst_excess = max(worst_excess, high - low)
    return worst_excess


@compiled(fast_math="reordered")
def group_minimum(slope: Floats, start: int, stop: int, count: int, level: float) -> float:
    """A lower bound of the sum of the ``count`` smallest slopes, exact if ``level`` lies between them and the rest."""
    total = count * level
    for j in range(start, stop):
        total += min(slope[j] - level, 0.0)
    return total


@compiled(fast_math="reordered")
def dual_value(
    pointer: Indices, counts: Indices, z0: Floats, y: Floats, slope: Floats, upper: Floats, lower: Floats
) -> float:
    """A value that f does not fall below: y·z₀ − ½|y|² + Σ_g (k smallest of c + W y); ``slope`` is c + W y."""
    total = 0.0
    for k in range(y.shape[0]):
        total += y[k] * z0[k] - 0.5 * y[k] * y[k]
    for g in range(counts.shape[0]):
        start, stop = pointer[g], pointer[g + 1]
        if start < stop:
            low = group_minimum(slope, start, stop, counts[g], lower[g])
            if upper[g] > lower[g]:
                low = max(low, group_minimum(slope, start, stop, counts[g], upper[g]))
            total += low
    return total


@compiled(fast_math="reordered")
def solve_spd(matrix: Floats, size: int, right: Floats) -> None:
    """Solve ``matrix[:size, :size] d = right`` in place by Cholesky's method; the lower triangle is destroyed."""
    for i in range(size):
        for j in range(i):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = total * matrix[j, j]
        total = matrix[i, i]
        for k in range(i):
            total -= matrix[i, k] * matrix[i, k]
        matrix[i, i] = 1.0 / np.sqrt(max(total, 1e-300))  # the inverse of the diagonal is what is needed
    for i in range(size):
        total = right[i]
        for k in range(i):
            total -= matrix[i, k] * right[k]
        right[i] = total * matrix[i, i]
    for i in range(size - 1, -1, -1):
        right[i] *= matrix[i, i]
        for k in range(i):
            right[k] -= matrix[i, k] * right[i]


@compiled(fast_math="reordered")
def _room(x: float, step: float) -> float:
    """The longest multiple of ``step`` that keeps ``x`` within [0, 1]."""
    if step > 0.0:
        return (1.0 - x) / step
    if step < 0.0:
        return -x / step
    return np.inf


@compiled(fast_math="reordered")
def _snap(j: int, x: Floats, mark: Marks, step: float) -> None:
    """Put a position that moved to its bound onto it; one that has just entered there, and moves inwards, stays."""
    if x[j] <= _SNAP and step < 0.0:
        x[j], mark[j] = 0.0, AT_ZERO
    elif x[j] >= 1.0 - _SNAP and step > 0.0:
        x[j], mark[j] = 1.0, AT_ONE


@compiled(fast_math="reordered")
def _pair_up(pointer: Indices, x: Floats, mark: Marks, members: Indices, total: int, scratch: Scratch) -> int:
    """Give every position between its bounds an anchor of its group; anchors lead their runs in ``members``.

    A position alone in its group is put onto the bound that the group's sum says. Returns how many are left.
    """
    anchors = scratch.anchors
    kept, a, g = 0, 0, 0
    while a < total:
        while members[a] >= pointer[g + 1]:
            g += 1
        b, middle = a, a
        while b < total and members[b] < pointer[g + 1]:
            if abs(x[members[b]] - 0.5) < abs(x[members[middle]] - 0.5):
                middle = b
            b += 1
        if b == a + 1:
            j = members[a]
            mark[j] = AT_ONE if x[j] > 0.5 else AT_ZERO
            x[j] = 1.0 if x[j] > 0.5 else 0.0
        else:
            anchor = members[middle]
            members[middle] = members[a]
            members[kept] = anchor
            anchors[kept] = anchor
            kept += 1
            for i in range(a + 1, b):
                members[kept] = members[i]
                anchors[kept] = anchor
                kept += 1
        a = b
    return kept


@compiled(fast_math="reordered")
def equalise(
    factors: Floats,
    index: Indices,
    pointer: Indices,
    x: Floats,
    mark: Marks,
    slope: Floats,
    total: int,
    scratch: Scratch,
) -> None:
    """Minimise f over the first ``total`` of ``scratch.members``, dropping those that meet a bound on the way.

    In every group one such position is the anchor that pays for the others, so group sums stay. ``slope`` must be
    right for these positions, and is kept so; ``x`` and ``mark`` are brought up to date.
    """
    rank = factors.shape[1]
    members, anchors, rows, matrix = scratch.members, scratch.anchors, scratch.rows, scratch.matrix
    step, move, shift = scratch.step, scratch.move, scratch.shift
    while True:
        total = _pair_up(pointer, x, mark, members, total, scratch)
        size = 0
        largest, steepest = 0.0, 0.0
        for a in range(total):
            j, anchor = members[a], anchors[a]
            if j == anchor:
                continue
            i, r = index[j], index[anchor]
            for k in range(rank):
                rows[size, k] = factors[i, k] - factors[r, k]
            step[size] = slope[anchor] - slope[j]
            steepest = max(steepest, abs(step[size]))
            for b in range(size + 1):
                dot = 0.0
                for k in range(rank):
                    dot += rows[size, k] * rows[b, k]
                matrix[size, b] = dot
            largest = max(largest, matrix[size, size])
            size += 1
        if size == 0 or steepest == 0.0:
            return
        ridge = _CURVATURE_FLOOR * (largest if largest > 0.0 else steepest)
        for a in range(size):
            matrix[a, a] += ridge
        solve_spd(matrix, size, step)

        for k in range(rank):
            shift[k] = 0.0
        for a in range(size):
            for k in range(rank):
                shift[k] += step[a] * rows[a, k]
        a, lead = 0, 0
        for b in range(total):  # spread the steps over the members, anchors included
            if members[b] == anchors[b]:
                lead = b
                move[b] = 0.0
            else:
                move[b] = step[a]
                move[lead] -= step[a]
                a += 1
        reach = 1.0
        for b in range(total):
            reach = min(reach, _room(x[members[b]], move[b]))
        kept = 0
        for b in range(total):
            j = members[b]
            x[j] += reach * move[b]
            _snap(j, x, mark, move[b])
            if mark[j] == BETWEEN:
                change = 0.0
                for k in range(rank):
                    change += factors[index[j], k] * shift[k]
                slope[j] += reach * change
                members[kept] = j
                kept += 1
        if kept == total:
            return
        total = kept


@compiled(fast_math="reordered")
def relax(
    cost: Floats,
    factors: Floats,
    index: Indices,
    pointer: Indices,
    counts: Indices,
    z0: Floats,
    x: Floats,
    mark: Marks,
    slope: Floats,
    upper: Floats,
    lower: Floats,
    tolerance: float,
    enough: float,
    max_rounds: int,
    scratch: Scratch,
) -> tuple[float, float, int]:
    """Minimise f from the feasible ``x`` by an active-set method.

    A round prices all open positions, lets in every group the best position below one and the worst one above zero
    take part, and minimises over all that take part. It ends when no exchange gains more than ``tolerance``, when the
    dual value reaches ``enough`` (the caller needs no more), or after ``max_rounds``.

    Returns:
        the best dual value, the last one (to which ``slope``, ``upper`` and ``lower`` belong), the rounds taken.
    """
    best = -np.inf
    rounds = 0
    members = scratch.members
    while True:
        point(factors, index, z0, x, scratch.z)
        excess = price(cost, factors, index, pointer, mark, scratch.z, slope, upper, lower, scratch)
        last = dual_value(pointer, counts, z0, scratch.z, slope, upper, lower)
        best = max(best, last)
        if excess <= tolerance or best >= enough or rounds >= max_rounds:
            return best, last, rounds
        rounds += 1
        # With many groups, only those that gain most: what takes part must fit the scratch memory.
        least = tolerance if counts.shape[0] <= ENTERING else max(tolerance, 0.5 * excess)
        entered = 0
        for g in range(counts.shape[0]):
            if upper[g] - lower[g] > least and entered < ENTERING:
                entered += 1
                mark[scratch.worst[g]] = BETWEEN
                mark[scratch.better[g]] = BETWEEN
        total = 0
        for j in range(index.shape[0]):
            if mark[j] == BETWEEN and total < members.shape[0]:
                members[total] = j
                total += 1
        equalise(factors, index, pointer, x, mark, slope, total, scratch)
