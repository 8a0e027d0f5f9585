"""Compiled depth-first branch and bound on the convex relaxation of a low-rank model.

Looks for vectors below a *cutoff* among the open positions. Each level of the search holds its own list of open
positions (those that its reduced costs leave open) and a relaxed solution, from which its children start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.compiled import compiled
from crysim.quadratic.convex_kernels import AT_ONE, AT_ZERO, BETWEEN, Marks, Scratch, relax
from crysim.quadratic.partition import Indices

OPEN, ZERO, ONE = -1, 0, 1


class Levels(NamedTuple):
    """The stack of a depth-first search: row d of every array belongs to depth d.

    Attributes:
        positions, pointer, counts: ``[D, P]``, ``[D, G + 1]``, ``[D, G]`` open positions as in
            `crysim.quadratic.convex_kernels`.
        x, mark, slope: ``[D, P]`` the relaxed solution there.
        upper, lower: ``[D, G]`` thresholds there.
        z0, constant, bound: ``[D, K]``, ``[D]``, ``[D]`` what the fixed ones add, and the level's lower bound.
        branch, value, phase: ``[D]`` the position (in the level's list) branched on, the value that it has in the
            child entered last, and how many children were entered (−1: the level is not bounded yet).
        ones, num_ones: ``[D, ones]``, ``[D]`` positions fixed to 1.
        depth: ``[1]`` the level that comes next, −1 when the search is over.
        abandoned: ``[1]`` the least bound of the levels that had too few rows below them; infinity if none.
        gains, trials: ``[2, P]`` by value and position: gains in the bound per unit of change, summed; how many.
        fate: ``[P]`` memory for what becomes of each position of a level.
    """

    positions: Indices
    pointer: Indices
    counts: Indices
    x: Floats
    mark: Marks
    slope: Floats
    upper: Floats
    lower: Floats
    z0: Floats
    constant: Floats
    bound: Floats
    branch: Indices
    value: Indices
    phase: Indices
    ones: Indices
    num_ones: Indices
    depth: Indices
    abandoned: Floats
    gains: Floats
    trials: Indices
    fate: NDArray[np.int8]


@compiled(fast_math="reordered")
def descend(source: int, target: int, fate: NDArray[np.int8], levels: Levels, cost: Floats, factors: Floats) -> None:
    """Write level ``target``: level ``source`` less the positions that ``fate`` fixes (in place if they are one)."""
    rank = factors.shape[1]
    groups = levels.counts.shape[1]
    constant = levels.constant[source]
    num_ones = levels.num_ones[source]
    if source != target:
        levels.z0[target] = levels.z0[source]
        levels.ones[target, :num_ones] = levels.ones[source, :num_ones]
    kept = 0
    for g in range(groups):
        start, stop = levels.pointer[source, g], levels.pointer[source, g + 1]
        count = levels.counts[source, g]
        first, still_open = kept, 0
        for j in range(start, stop):
            if fate[j] == ONE:
                count -= 1
            elif fate[j] == OPEN:
                still_open += 1
        whole = count == 0 or count == still_open
        rest = ONE if count > 0 else ZERO
        for j in range(start, stop):
            end = fate[j]
            if end == OPEN and whole:
                end = rest
            i = levels.positions[source, j]
            if end == ONE:
                constant += cost[i]
                for k in range(rank):
                    levels.z0[target, k] += factors[i, k]
                levels.ones[target, num_ones] = i
                num_ones += 1
            elif end == OPEN:
                levels.positions[target, kept] = i
                levels.x[target, kept] = levels.x[source, j]
                levels.mark[target, kept] = levels.mark[source, j]
                levels.slope[target, kept] = levels.slope[source, j]
                kept += 1
        levels.pointer[target, g] = first
        levels.counts[target, g] = 0 if whole else count
    levels.constant[target] = constant
    levels.num_ones[target] = num_ones
    levels.pointer[target, groups] = kept


@compiled(fast_math="reordered")
def restore(d: int, levels: Levels) -> None:
    """Make the relaxed solution of level ``d`` sum to k again in every group, at little cost.

    Positions between the bounds take up the difference first, then those at a bound, by slope.
    """
    x, mark, slope = levels.x[d], levels.mark[d], levels.slope[d]
    for g in range(levels.counts.shape[1]):
        start, stop = levels.pointer[d, g], levels.pointer[d, g + 1]
        if start == stop:
            continue
        missing = float(levels.counts[d, g])
        for j in range(start, stop):
            missing -= x[j]
        while abs(missing) > 1e-12:
            chosen = -1
            for j in range(start, stop):
                if mark[j] == (AT_ONE if missing > 0 else AT_ZERO) or (
                    mark[j] == BETWEEN and (x[j] >= 1.0 if missing > 0 else x[j] <= 0.0)
                ):
                    continue
                if chosen >= 0 and (mark[chosen] == BETWEEN) != (mark[j] == BETWEEN):
                    if mark[j] == BETWEEN:
                        chosen = j
                    continue
                if chosen < 0 or (slope[j] < slope[chosen] if missing > 0 else slope[j] > slope[chosen]):
                    chosen = j
            if chosen < 0:
                break
            change = min(missing, 1.0 - x[chosen]) if missing > 0 else max(missing, -x[chosen])
            x[chosen] += change
            missing -= change
            mark[chosen] = BETWEEN
            if x[chosen] <= 0.0:
                x[chosen], mark[chosen] = 0.0, AT_ZERO
            elif x[chosen] >= 1.0:
                x[chosen], mark[chosen] = 1.0, AT_ONE


@compiled(fast_math="reordered")
def bound_level(
    d: int,
    levels: Levels,
    cost: Floats,
    factors: Floats,
    tolerance: float,
    cutoff: float,
    rounds: int,
    scratch: Scratch,
) -> tuple[float, float]:
    """The best lower bound of level ``d`` after at most ``rounds`` rounds, and the one that its slopes belong to."""
    n = levels.pointer[d, levels.counts.shape[1]]
    best, last, _ = relax(
        cost,
        factors,
        levels.positions[d, :n],
        levels.pointer[d],
        levels.counts[d],
        levels.z0[d],
        levels.x[d, :n],
        levels.mark[d, :n],
        levels.slope[d, :n],
        levels.upper[d],
        levels.lower[d],
        tolerance,
        cutoff - levels.constant[d],
        rounds,
        scratch,
    )
    return levels.constant[d] + best, levels.constant[d] + last


@compiled(fast_math="reordered")
def fix(d: int, levels: Levels, fate: NDArray[np.int8], room: float) -> int:
    """Set the fate of what no vector below the cutoff can have by reduced cost; returns how many stay between."""
    between = 0
    for g in range(levels.counts.shape[1]):
        upper, lower = levels.upper[d, g], levels.lower[d, g]
        for j in range(levels.pointer[d, g], levels.pointer[d, g + 1]):
            fate[j] = OPEN
            if levels.mark[d, j] == BETWEEN:
                between += 1
            elif levels.mark[d, j] == AT_ZERO:
                if levels.slope[d, j] - upper > room:
                    fate[j] = ZERO
            elif lower - levels.slope[d, j] > room:
                fate[j] = ONE
    return between


@compiled(fast_math="reordered")
def learn(levels: Levels, i: int, value: int, change: float, gain: float) -> None:
    """Remember what moving position ``i`` by ``change`` to ``value`` gained in the bound."""
    levels.gains[value, i] += gain / max(change, 1e-6)
    levels.trials[value, i] += 1


@compiled(fast_math="reordered")
def expected(levels: Levels, i: int, value: int, change: float, typical: float) -> float:
    """What moving position ``i`` by ``change`` to ``value`` should gain in the bound."""
    trials = levels.trials[value, i]
    if trials == 0:
        return change * typical
    return float(change * levels.gains[value, i] / trials)


@compiled(fast_math="reordered")
def evaluate(
    d: int,
    levels: Levels,
    cost: Floats,
    factors: Floats,
    tolerance: float,
    cutoff: float,
    best_ones: Indices,
    scratch: Scratch,
) -> float:
    """Bound level ``d`` and choose what to branch on (``branch[d]``, −1 if the level is done with).

    Returns the energy of a vector below the cutoff if the level is one, and then writes ``best_ones``; else infinity.
    """
    groups = levels.counts.shape[1]
    fate = levels.fate
    levels.branch[d] = -1
    while True:
        n = levels.pointer[d, groups]
        if n == 0:
            energy = float(levels.constant[d])
            for k in range(factors.shape[1]):
                energy += 0.5 * float(levels.z0[d, k]) ** 2
            levels.bound[d] = energy
            if energy < cutoff:
                best_ones[:] = levels.ones[d, : best_ones.shape[0]]
                return energy
            return np.inf
        levels.bound[d], last = bound_level(d, levels, cost, factors, tolerance, cutoff, 200, scratch)
        if levels.bound[d] >= cutoff:
            return np.inf
        between = fix(d, levels, fate, cutoff - last + tolerance * best_ones.shape[0])
        if between == 0:  # the relaxed solution is a vector
            for j in range(n):
                fate[j] = ONE if levels.mark[d, j] == AT_ONE else ZERO
            descend(d, d, fate, levels, cost, factors)
            continue
        descend(d, d, fate, levels, cost, factors)
        if levels.pointer[d, groups] == 0:
            continue
        levels.branch[d] = choose(d, levels)
        return np.inf


@compiled(fast_math="reordered")
def choose(d: int, levels: Levels) -> int:
    """The position of level ``d`` that should raise the bound most in both children, by the gains seen so far."""
    n = levels.pointer[d, levels.counts.shape[1]]
    typical, seen = 0.0, 0
    for j in range(n):
        i = levels.positions[d, j]
        if levels.mark[d, j] == BETWEEN:
            for value in range(2):
                if levels.trials[value, i]:
                    typical += levels.gains[value, i] / levels.trials[value, i]
                    seen += 1
    typical = typical / seen if seen else 1.0
    best, best_score = -1, -1.0
    for j in range(n):
        if levels.mark[d, j] == BETWEEN:
            i, x = levels.positions[d, j], levels.x[d, j]
            down = expected(levels, i, 0, x, typical)
            up = expected(levels, i, 1, 1.0 - x, typical)
            score = max(down, 1e-12) * max(up, 1e-12)
            if score > best_score:
                best, best_score = j, score
    return best


@compiled(fast_math="reordered")
def search(
    levels: Levels,
    cost: Floats,
    factors: Floats,
    tolerance: float,
    cutoff: float,
    max_nodes: int,
    best_ones: Indices,
    scratch: Scratch,
) -> tuple[float, int]:
    """Go on with the search for at most ``max_nodes`` nodes; returns the cutoff, lower if a vector was found.

    The search is over when ``levels.depth[0]`` is −1: no vector below the returned value exists but the one in
    ``best_ones``. Also returns the number of nodes.
    """
    fate = levels.fate
    nodes = 0
    while levels.depth[0] >= 0 and nodes < max_nodes:
        d = levels.depth[0]
        if levels.phase[d] < 0:
            nodes += 1
            energy = evaluate(d, levels, cost, factors, tolerance, cutoff, best_ones, scratch)
            if d > 0:
                up = d - 1
                value = levels.value[up]
                change = abs(levels.x[up, levels.branch[up]] - value)
                i = levels.positions[up, levels.branch[up]]
                learn(levels, i, value, change, min(levels.bound[d], cutoff) - levels.bound[up])
            cutoff = min(cutoff, energy)
            levels.phase[d] = 0
        done = levels.branch[d] < 0 or levels.phase[d] == 2 or levels.bound[d] >= cutoff
        if levels.bound[d] < cutoff and levels.num_ones[d] < best_ones.shape[0] and d + 1 == levels.positions.shape[0]:
            levels.abandoned[0] = min(levels.abandoned[0], levels.bound[d])
        if done:
            levels.depth[0] = d - 1
            continue
        j = levels.branch[d]
        n = levels.pointer[d, levels.counts.shape[1]]
        fate[:n] = OPEN
        likely = 1 if levels.x[d, j] >= 0.5 else 0
        value = likely if levels.phase[d] == 0 else 1 - likely
        fate[j] = value
        levels.value[d] = value
        levels.phase[d] += 1
        descend(d, d + 1, fate, levels, cost, factors)
        restore(d + 1, levels)
        levels.phase[d + 1] = -1
        levels.depth[0] = d + 1
    return cutoff, nodes
