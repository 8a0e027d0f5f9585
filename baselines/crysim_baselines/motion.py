"""From one structure to another: which atom goes where, and how the cell changes."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal


def align(x: Floats, target: Crystal, lattice: Floats, *, shift: bool = False) -> Floats:
    """The least fractional moves ``[n, 3]`` that bring atoms at ``x`` onto those of a crystal.

    Atoms of one element are interchangeable: they are paired so that the sum of squared moves (in Å, each to the
    nearest image) is least. With ``shift`` the crystal's origin is free: shifts that bring an atom of its rarest
    element onto the first one of ``x`` are tried.

    Args:
        x: ``[n, 3]``, elements in the order of the target's composition.
        target: where to go.
        lattice: ``[3, 3]`` in which moves are measured.
    """
    composition = target.composition
    ends = np.cumsum(composition.counts)
    spans = [slice(end - count, end) for end, count in zip(ends, composition.counts, strict=True)]
    goal = target.frac_coords
    shifts = np.zeros((1, 3))
    if shift:
        rarest = spans[int(np.argmin(composition.counts))]
        shifts = x[rarest.start] - goal[rarest]
    best = np.inf
    moves = np.zeros_like(x)
    for one in shifts:
        cost, found = _paired(x, goal + one, spans, lattice, best)
        if cost < best:
            best, moves = cost, found
    return moves


def lattice_towards(first: Crystal, second: Crystal, weight: float) -> Floats:
    """The lattice ``[3, 3]`` whose metric tensor is ``weight`` of the way from one to another; so it has a volume."""
    metrics = [crystal.lattice @ crystal.lattice.T for crystal in (first, second)]
    return np.asarray(np.linalg.cholesky((1.0 - weight) * metrics[0] + weight * metrics[1]))


def _paired(x: Floats, goal: Floats, spans: list[slice], lattice: Floats, limit: float) -> tuple[float, Floats]:
    from scipy.optimize import linear_sum_assignment

    moves = np.empty_like(x)
    total = 0.0
    for span in spans:
        steps = goal[None, span] - x[span, None]
        steps -= np.rint(steps)
        costs = ((steps @ lattice) ** 2).sum(axis=-1)
        rows, columns = linear_sum_assignment(costs)
        total += float(costs[rows, columns].sum())
        if total >= limit:
            break
        moves[span] = steps[rows, columns]
    return total, moves
