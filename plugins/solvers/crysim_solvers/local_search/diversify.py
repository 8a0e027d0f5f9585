"""More vectors of low energy: neighbours of a good one, and good ones far from it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from crysim.arrays import Bits, Floats
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm, solve_relaxation
from crysim.quadratic.partition import Indices, Partition
from crysim_solvers.local_search.descent import Descent
from crysim_solvers.local_search.solution_pool import Pool

_TRIES = 16
_CLOSE = 1.2


def add_neighbours(model: QuadraticModel, pool: Pool, n: int) -> None:
    """Add vectors one exchange away from the best ones until ``n`` can be chosen from the pool, or it has no more."""
    expanded: set[bytes] = set()
    for _ in range(4 * n):
        chosen = pool.choose(n)
        fresh = [x for x in chosen if x.tobytes() not in expanded]
        if len(chosen) == n or not fresh:
            return
        expanded.add(fresh[0].tobytes())
        for neighbour in neighbours(model, pool.partition, fresh[0], 4 * n):
            pool.add(neighbour)


def neighbours(model: QuadraticModel, partition: Partition, x: Bits, n: int) -> list[Indices]:
    """The ones of the ``n`` best vectors that differ from ``x`` by one exchange (of a free bit: by its flip)."""
    p = partition
    fields = p.spread(model.local_fields(x))
    ones = p.ones_of(x)
    taken = np.zeros(p.num_positions, dtype=np.bool_)
    taken[ones] = True
    group = np.repeat(np.arange(len(p.sizes)), p.counts)
    found: list[tuple[float, int, int]] = []
    for place, (one, g) in enumerate(zip(ones, group, strict=True)):
        span = slice(p.starts[g], p.starts[g] + p.sizes[g])
        gains = fields[span] - fields[one] - _coupled_to(model, p, one, span)
        gains[taken[span]] = np.inf
        order = np.argsort(gains, kind="stable")[:n]
        found.extend((float(gains[i]), place, int(p.starts[g] + i)) for i in order if np.isfinite(gains[i]))
    result: list[Indices] = []
    for _, place, target in sorted(found)[:n]:
        other = ones.copy()
        other[place] = target
        result.append(np.sort(other))
    return result


def _coupled_to(model: QuadraticModel, p: Partition, one: int, span: slice) -> Floats:
    """The couplings of the bit at position ``one`` to those of a group; 0 at slack positions."""
    bit, others = p.bits[one], p.bits[span]
    if bit < 0:
        return np.zeros(len(others))
    if model.factors is not None:
        row = model.factors[others] @ model.factors[bit]
    else:
        assert model.couplings is not None
        both = model.couplings[[bit], :] + model.couplings[:, [bit]].T
        row = np.asarray(both.toarray() if sparse.issparse(both) else both)[0, others]
    return np.asarray(np.where(others < 0, 0.0, row), dtype=np.float64)


def add_spread(form: LowRankForm, descent: Descent, pool: Pool, ones: Indices, n: int, deadline: float) -> None:
    """Add up to ``n`` vectors of low energy that differ from ``ones``, and from each other, in enough bits.

    Every position that counts and is 1 in a vector found before costs a penalty, which keeps the model low-rank; the
    penalised model is relaxed, rounded and descended in, with about the least penalty at which the vector is far
    enough away.

    Args:
        form: the model.
        descent: of it.
        pool: takes the vectors; its ``min_hamming`` and ``differ_in`` say what is enough.
        ones: of the first vector ``[num_ones]``.
        n: vectors wanted, the first included.
        deadline: `time.perf_counter_ns` after which no more are looked for.
    """
    marks = np.zeros(form.partition.num_positions)
    found = [ones]
    unit = penalty = descent.cheapest_exchange(ones)
    while len(found) < n:
        marks[found[-1]] += pool.counts[found[-1]]
        low, high = 0.0, np.inf  # penalties too small and large enough
        penalty, best = max(unit, 0.5 * penalty), None
        for _ in range(_TRIES):
            if time.perf_counter_ns() >= deadline:
                break
            penalised = replace(form, cost=form.cost + penalty * marks)
            relaxed = solve_relaxation(penalised, found[-1])
            candidate = Descent(penalised).double(penalised.best_ones(relaxed.x))
            if pool.distance(candidate, found) >= pool.min_hamming:
                high, best = penalty, candidate
            else:
                low = penalty
            if high < _CLOSE * low:
                break
            penalty = 2.0 * low if high == np.inf else 0.5 * (low + high)
        if best is None:
            return
        pool.add(best)
        found.append(best)
