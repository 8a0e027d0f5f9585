"""Penalties that make 'exactly k' groups part of the energy, for solvers that know no constraints.

A group's penalty is P (sum of its bits − k)². `group_penalties` gives weights P that are *safe*: every infeasible
vector can be made feasible, bit by bit, without raising the penalised energy, so its minimum is a feasible vector.
`tight_penalties` gives lower ones, at which heuristics still move.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.quadratic import QuadraticModel

_BLOCK_BYTES = 64 * 2**20


def coupling_rows(model: QuadraticModel, start: int, stop: int) -> Floats:
    """Rows ``[start, stop)`` of the symmetric couplings with a zero diagonal, ``[stop - start, M]``, dense."""
    if model.factors is not None:
        rows = model.factors[start:stop] @ model.factors.T
        rows[np.arange(stop - start), np.arange(start, stop)] = 0.0
        return np.asarray(rows)
    couplings = model.couplings
    assert couplings is not None
    if isinstance(couplings, np.ndarray):
        return np.asarray(couplings[start:stop] + couplings[:, start:stop].T)
    return np.asarray((couplings[start:stop] + couplings[:, start:stop].T).toarray())


def row_blocks(num_bits: int) -> list[tuple[int, int]]:
    """Ranges of rows whose dense couplings take at most 64 MiB."""
    rows = max(1, _BLOCK_BYTES // (8 * max(1, num_bits)))
    return [(start, min(start + rows, num_bits)) for start in range(0, num_bits, rows)]


def penalties_of(model: QuadraticModel, kind: Literal["tight", "safe"], scale: float = 1.0) -> Floats:
    """`tight_penalties` or `group_penalties`."""
    return tight_penalties(model, scale) if kind == "tight" else group_penalties(model, scale)


def group_penalties(model: QuadraticModel, scale: float = 1.0) -> Floats:
    """A penalty weight per group, ``[len(model.groups)]``, above which the penalised minimum is feasible.

    Let a group have d ones too many or too few, and the others be right. Of the bits whose flip mends it by one, at
    least one costs no more than F: for a one too few the k-th smallest of the bits' largest possible local fields,
    for a one too many minus the (k+1)-th smallest of their least possible ones (the worst k bits may be taken).
    Deviations of several bits, in one group or in several (d_g, d_h), change the fields on the way by at most
    |d_g| |d_h| q_gh with q_gh the largest coupling between the groups, and |d_g d_h| ≤ (d_g² + d_h²)/2. So

        P_g = F_g + ½ Σ_h q_gh   (h over all groups, g itself included)

    pays for any deviation. A local field is bounded with every other group at its best or worst k bits, in O(M²).

    Args:
        model: low-rank or with couplings.
        scale: factor on the safe weights; heuristics often do better with less, at the price of repairs.
    """
    groups = model.groups
    if not groups:
        return np.zeros(0)
    highest, lowest, strongest = _field_bounds(model)
    weights = np.zeros(len(groups))
    for number, group in enumerate(groups):
        if group.size == 0:
            continue
        high, low = np.sort(highest[group.slice]), np.sort(lowest[group.slice])
        missing = high[group.k - 1] if group.k > 0 else 0.0
        surplus = -low[group.k] if group.k < group.size else 0.0
        weights[number] = max(0.0, missing, surplus) + 0.5 * strongest[number].sum()
    # A model without couplings and fields still needs its groups kept.
    floor = 1e-3 * float(weights.max(initial=0.0)) or 1.0
    return scale * np.maximum(weights * (1.0 + 1e-9), floor)


def _field_bounds(model: QuadraticModel) -> tuple[Floats, Floats, Floats]:
    """The largest and least local field of each bit over feasible vectors, and the strongest couplings of groups."""
    groups = model.groups
    highest, lowest = model.linear.copy(), model.linear.copy()
    strongest = np.zeros((len(groups), len(groups)))
    free = np.ones(model.num_bits, dtype=np.bool_)
    owner = np.full(model.num_bits, -1)
    for number, group in enumerate(groups):
        free[group.slice] = False
        owner[group.slice] = number
    for start, stop in row_blocks(model.num_bits):
        rows = coupling_rows(model, start, stop)
        for number, group in enumerate(groups):
            part = rows[:, group.slice]
            if part.shape[1] == 0:
                continue
            highest[start:stop] += _largest(part, group.k)
            lowest[start:stop] -= _largest(-part, group.k)
            most = np.abs(part).max(axis=1)
            members = owner[start:stop]
            np.maximum.at(strongest[:, number], members[members >= 0], most[members >= 0])
        if free.any():
            part = rows[:, free]
            highest[start:stop] += np.maximum(part, 0.0).sum(axis=1)
            lowest[start:stop] += np.minimum(part, 0.0).sum(axis=1)
    return highest, lowest, strongest


def _largest(values: Floats, k: int) -> Floats:
    """The sum of each row's k largest values."""
    if k == 0:
        return np.zeros(len(values))
    if k == 1:
        return np.asarray(values.max(axis=1))
    return np.asarray(np.partition(values, values.shape[1] - k, axis=1)[:, -k:].sum(axis=1))


def tight_penalties(model: QuadraticModel, scale: float = 1.0, num_vectors: int = 8, seed: int = 0) -> Floats:
    """The least weights at which good feasible vectors are local minima of the penalised energy.

    Good vectors are minima under exchanges within the groups, found from random ones. At such a vector a bit more
    in a group gains the negative of its lowest local field among zeros, a bit less the highest among its ones; the
    penalty has to be above both. That is a tenth of what `group_penalties` guards against at full size.

    Args:
        model: low-rank or with couplings.
        scale: factor on the weights.
        num_vectors: good vectors that are looked at.
        seed: of the random vectors.
    """
    vectors = [descend(model, x) for x in model.random_bits(num_vectors, np.random.default_rng(seed))]
    weights = np.zeros(len(model.groups))
    for x in vectors:
        fields = model.local_fields(x)
        for number, group in enumerate(model.groups):
            part, taken = fields[group.slice], x[group.slice]
            weights[number] = max(
                weights[number],
                np.max(-part, initial=0.0, where=~taken),
                np.max(part, initial=0.0, where=taken),
            )
    # A group without any gain in the vectors seen is still guarded.
    floor = 0.1 * float(weights.max(initial=0.0)) or 1.0
    return scale * 1.05 * np.maximum(weights, floor)


def descend(model: QuadraticModel, bits: Bits) -> Bits:
    """A minimum under exchanges of two bits of one group, from a feasible vector ``[M]``, which is left as it is."""
    x = np.array(bits, dtype=np.bool_)
    fields = model.local_fields(x)
    improved = True
    while improved:
        improved = False
        for group in model.groups:
            for bit in group.start + np.flatnonzero(x[group.slice]):
                row = model.coupling_row(int(bit))
                change = np.where(x[group.slice], np.inf, (fields - row)[group.slice]) - fields[bit]
                best = group.start + int(np.argmin(change))
                if change[best - group.start] < -1e-12 * (1.0 + abs(fields[bit])):
                    x[bit], x[best] = False, True
                    fields += model.coupling_row(best) - row
                    improved = True
    return x
