"""Lower bounds for quadratic models: what any solver's answer is worth.

A low-rank model (a factorization machine) is convex once its diagonal is linear, because its couplings W Wᵀ are
positive semi-definite: `crysim.quadratic.convex_relaxation` bounds it within milliseconds, whatever its size, and the
gap between the bound and a good vector is some tenths of a per cent of the energies' range.

Couplings given one by one (quadratic regression) are not positive semi-definite. They are made so by adding s to the
diagonal and taking ½ s x_i from the linear terms, which changes nothing on bits, with −s the smallest eigenvalue. The
bound is then valid, but as loose as that shift; above ``MAX_COUPLED_BITS`` bits, where an eigenvalue costs too much,
there is none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm, Relaxed, solve_relaxation
from crysim.quadratic.partition import Partition
from crysim.quadratic.samples import SampleSet

MAX_COUPLED_BITS = 2000
_CLOSED = 1e-9
"""A gap that is less than this, relative to the energy, is rounding."""


@dataclass(frozen=True, eq=False)
class LowerBound:
    """No feasible vector of a model has a lower energy.

    Attributes:
        value: in the units of the model, its offset included.
        zero_cost, one_cost: ``[M]`` value + one_cost[i] bounds the vectors with bit i = 1 (zero_cost: = 0).
        relaxed: ``[M]`` the relaxed solution, between 0 and 1.
        seconds: wall time.
    """

    value: float
    zero_cost: Floats
    one_cost: Floats
    relaxed: Floats
    seconds: float


def lower_bound(model: QuadraticModel, start: Bits | None = None) -> LowerBound | None:
    """Bound a model from below; None where there is no bound for it (see the module).

    Args:
        model: low-rank, or coupled with at most ``MAX_COUPLED_BITS`` bits.
        start: a feasible vector ``[M]``; a good one makes the bound faster, not better.
    """
    begin = time.perf_counter()
    if model.is_low_rank:
        form = LowRankForm.of(model)
        relaxed = solve_relaxation(form, None if start is None else form.partition.ones_of(start))
    elif model.num_bits <= MAX_COUPLED_BITS:
        from crysim.quadratic.coupled_relaxation import solve_shifted

        relaxed = solve_shifted(model, start)
    else:
        return None
    return _by_bit(Partition.of_model(model), relaxed, time.perf_counter() - begin)


def with_lower_bound(model: QuadraticModel, samples: SampleSet) -> SampleSet:
    """The answer of any solver with a lower bound, the better one if it has one already.

    Where the bound meets the best energy, but for rounding, the answer is optimal, whoever found it.
    """
    best = samples.bits[0] if len(samples.energies) else None
    found = lower_bound(model, best)
    known = [b for b in (samples.lower_bound, None if found is None else found.value) if b is not None]
    if not known:
        return samples
    highest, optimal = max(known), samples.optimal
    if best is not None:
        energy = float(samples.energies[0])
        optimal = optimal or energy - highest <= _CLOSED * (1.0 + abs(energy))
    if (highest, optimal) == (samples.lower_bound, samples.optimal):
        return samples
    return replace(samples, lower_bound=highest, optimal=optimal)


def with_quick_lower_bound(model: QuadraticModel, samples: SampleSet) -> SampleSet:
    """`with_lower_bound` where that takes milliseconds: the model is low-rank and the answer has no bound yet."""
    return with_lower_bound(model, samples) if model.is_low_rank and samples.lower_bound is None else samples


def _by_bit(partition: Partition, relaxed: Relaxed, seconds: float) -> LowerBound:
    kept = partition.bits >= 0
    order = partition.bits[kept]
    values = np.empty((3, partition.num_bits))
    for row, by_position in enumerate((relaxed.zero_cost, relaxed.one_cost, relaxed.x)):
        values[row, order] = by_position[kept]
    return LowerBound(relaxed.lower_bound, values[0], values[1], values[2], seconds)
