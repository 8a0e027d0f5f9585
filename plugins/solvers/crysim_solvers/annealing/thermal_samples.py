"""Vectors drawn at a temperature from a low-rank model, each from a start of its own all over the model.

Gumbel noise of scale T on the energies of all vectors would make the lowest one a draw from exp(−E/T) (Gumbel's
trick). Noise on the linear terms alone does so within a group whose vectors have one 1 if nothing else is coupled to
it, keeps the model low-rank, and gives independent starts in different basins. Heat-bath sweeps at T, which leave
exp(−E/T) as it is, then bring each start nearer to that distribution.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from crysim.arrays import Floats
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm, solve_relaxation
from crysim.quadratic.partition import Indices
from crysim_solvers.annealing.engines import LowRankEngine
from crysim_solvers.local_search.descent import Descent
from crysim_solvers.local_search.solution_pool import Pool

SWEEPS = 100
_TRIES = 4
"""Draws per vector wanted, at most: those too near to others are left out."""


def add_draws(
    model: QuadraticModel,
    form: LowRankForm,
    pool: Pool,
    start: Indices,
    n: int,
    temperature: float,
    rng: np.random.Generator,
    deadline: float,
) -> int:
    """Add up to ``n`` vectors drawn at a temperature to a pool; at least one, however late it is.

    Args:
        model, form: the model twice.
        pool: takes the vectors that are far enough from those before them.
        start: ones ``[num_ones]`` that the relaxations start from.
        n: vectors wanted.
        temperature: T, in units of the model.
        rng: of the noise and the sweeps.
        deadline: `time.perf_counter_ns` after which no more are drawn.

    Returns:
        how many were drawn.
    """
    engine = LowRankEngine(model)
    for draw in range(1, _TRIES * n + 1):
        ones = _noisy_minimum(form, temperature * rng.gumbel(size=len(form.cost)), start)
        state = rng.integers(0, 2**63, size=1, dtype=np.uint64)
        for _ in range(0, SWEEPS, engine.chunk):
            engine.sweep(ones, np.full(min(engine.chunk, SWEEPS), temperature), state)
            if time.perf_counter_ns() >= deadline:
                break
        if pool.is_far(ones):
            pool.add(ones)
        if len(pool) >= n or time.perf_counter_ns() >= deadline:
            return draw
    return _TRIES * n


def _noisy_minimum(form: LowRankForm, noise: Floats, start: Indices) -> Indices:
    """A low vector of the model with ``noise [P]`` taken from its linear terms."""
    noisy = replace(form, cost=form.cost - noise)
    return Descent(noisy).single(noisy.best_ones(solve_relaxation(noisy, start).x))
