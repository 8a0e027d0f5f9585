"""More vectors of low energy: neighbours of a good one, and good ones far from it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from crysim.partition import Indices
from crysim.relaxation import LowRankForm, solve_relaxation
from crysim_solvers.polish import Polisher
from crysim_solvers.pool import Pool

_TRIES = 16
_CLOSE = 1.2


def add_neighbours(polisher: Polisher, pool: Pool, ones: Indices, n: int) -> None:
    """Add the ``n`` cheapest single exchanges of a vector to the pool."""
    for neighbour in polisher.neighbours(ones, n):
        pool.add(neighbour)


def add_spread(form: LowRankForm, polisher: Polisher, pool: Pool, ones: Indices, n: int, deadline: float) -> None:
    """Add up to ``n`` vectors of low energy that differ from ``ones``, and from each other, in enough bits.

    Every position that is 1 in a vector found before costs a penalty, which keeps the model low-rank; the penalised
    model is relaxed, rounded and descended in, with about the least penalty at which the vector is far enough away.

    Args:
        form: the model.
        polisher: of it.
        pool: takes the vectors; its ``min_hamming`` says what is enough.
        ones: of the first vector ``[num_ones]``.
        n: vectors wanted, the first included.
        deadline: `time.perf_counter_ns` after which no more are looked for.
    """
    marks = np.zeros(form.partition.num_positions)
    found = [ones]
    unit = penalty = polisher.cheapest_exchange(ones)
    while len(found) < n:
        marks[found[-1]] += 1.0
        low, high = 0.0, np.inf  # penalties too small and large enough
        penalty, best = max(unit, 0.5 * penalty), None
        for _ in range(_TRIES):
            if time.perf_counter_ns() >= deadline:
                break
            penalised = replace(form, cost=form.cost + penalty * marks)
            relaxed = solve_relaxation(penalised, found[-1])
            candidate = Polisher(penalised).double(penalised.best_ones(relaxed.x))
            if _distance(pool, candidate, found) >= pool.min_hamming:
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


def _distance(pool: Pool, ones: Indices, others: list[Indices]) -> int:
    """Bits in which a vector differs from the nearest of others."""
    bits = pool.partition.bits_of(np.array([ones, *others]))
    return int((bits[1:] != bits[0]).sum(axis=1).min())
