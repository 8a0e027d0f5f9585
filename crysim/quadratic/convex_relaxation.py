"""The convex relaxation of a low-rank model over its 'exactly k' groups.

On bits, x_i² = x_i, so the diagonal of W Wᵀ can be moved into the linear terms, and the energy of equation 21 is

    E(x) = offset + c·x + ½|Wᵀx|²,    c_i = linear_i − ½|w_i|²,

a convex function. Its minimum over 0 ≤ x ≤ 1 with Σ x = k in every group is below the energy of every feasible vector.
For any y in K dimensions ½|z|² ≥ y·z − ½|y|², so

    L(y) = offset − ½|y|² + Σ_g (the k smallest of c + W y in group g)

is a lower bound too, and at y = Wᵀx of the minimum it equals the minimum: the bound is a matter of K numbers, and
checking it takes one product with W. For any feasible x, E(x) = L(y) + Σ (its reduced costs) + ½|Wᵀx − y|²: what a bit
adds to L(y) when it is forced to 1 or to 0 tells which bits no better vector can have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crysim.arrays import Floats
from crysim.errors import InputError
from crysim.quadratic import QuadraticModel
from crysim.quadratic.partition import Indices, Partition


@dataclass(frozen=True, eq=False)
class LowRankForm:
    """A low-rank model as E = offset + c·x + ½|Wᵀx|² by position.

    Attributes:
        partition: positions and their groups.
        cost: ``[P]`` c.
        factors: ``[P, K]`` W, one row after the other in memory.
        offset: the constant.
    """

    partition: Partition
    cost: Floats
    factors: Floats
    offset: float

    @classmethod
    def of(cls, model: QuadraticModel) -> LowRankForm:
        """The form of a model with factors.

        Raises:
            InputError: the model has couplings instead.
        """
        if model.factors is None:
            raise InputError("only a low-rank model has a convex form")
        partition = Partition.of_model(model)
        return cls(
            partition,
            partition.spread(model.linear - 0.5 * model.factor_norms),
            np.ascontiguousarray(partition.spread(model.factors), dtype=np.float64),
            model.offset,
        )

    def energies(self, ones: Indices) -> Floats:
        """Energies of vectors given by their ones ``[n, num_ones]``, for comparing, not for reporting."""
        z = self.factors[ones].sum(axis=1)
        return np.asarray(self.offset + self.cost[ones].sum(axis=1) + 0.5 * np.einsum("nk,nk->n", z, z))

    def greedy_ones(self) -> Indices:
        """The ones ``[num_ones]`` of the vector that is best without couplings."""
        alone = self.cost + 0.5 * np.einsum("pk,pk->p", self.factors, self.factors)
        return self.best_ones(-alone)

    def best_ones(self, score: Floats) -> Indices:
        """The ones ``[num_ones]`` of the vector that has in every group the k positions of highest score."""
        p = self.partition
        group = np.repeat(np.arange(len(p.sizes)), p.sizes)
        order = np.lexsort((-score, group))
        rank = np.arange(p.num_positions) - p.starts[group]
        return np.sort(order[rank < p.counts[group]]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The minimum of the relaxation.

    Attributes:
        lower_bound: no feasible vector has a lower energy; rounding errors are allowed for.
        x: ``[P]`` the relaxed solution; about K positions and one per group are not whole.
        zero_cost, one_cost: ``[P]`` what the bound rises by, at least, when a position is forced to 0 and to 1.
        rounds: of the active-set method.
    """

    lower_bound: float
    x: Floats
    zero_cost: Floats
    one_cost: Floats
    rounds: int


def solve_relaxation(
    form: LowRankForm, start: Indices | None = None, *, tolerance: float = 1e-10, max_rounds: int = 2000
) -> Relaxed:
    """Minimise the relaxation; stopped early, its bound is still a bound.

    Args:
        form: the model.
        start: ones ``[num_ones]`` of a vector to start from, the better the faster; None: a greedy one.
        tolerance: of the slopes, relative to the largest.
        max_rounds: of the active-set method.
    """
    from crysim.quadratic.convex_kernels import AT_ONE, new_scratch, relax

    p = form.partition
    rank = form.factors.shape[1]
    ones = form.greedy_ones() if start is None else start
    x = np.zeros(p.num_positions)
    x[ones] = 1.0
    # A group that is all 0 or all 1 is decided.
    decided = (p.counts == 0) | (p.counts == p.sizes)
    index = np.flatnonzero(~np.repeat(decided, p.sizes)).astype(np.int64)
    pointer = np.concatenate([[0], np.cumsum(np.where(decided, 0, p.sizes))]).astype(np.int64)
    counts = np.where(decided, 0, p.counts)
    fixed = x.copy()
    fixed[index] = 0.0
    inner = x[index]
    mark = np.where(inner > 0.5, AT_ONE, 0).astype(np.int8)
    slope, upper, lower = np.zeros(len(index)), np.zeros(len(counts)), np.zeros(len(counts))
    scratch = new_scratch(rank, len(counts))
    z0 = fixed @ form.factors
    scale = float(np.abs(form.cost).max(initial=1e-300))
    _, _, rounds = relax(
        form.cost,
        form.factors,
        index,
        pointer,
        counts,
        z0,
        inner,
        mark,
        slope,
        upper,
        lower,
        tolerance * scale,
        np.inf,
        max_rounds,
        scratch,
    )
    x[index] = inner
    y = scratch.z
    slope_of_all = form.cost + form.factors @ y
    norms = np.einsum("pk,pk->p", form.factors, form.factors)
    sizes = np.abs(form.cost) + np.abs(form.factors) @ np.abs(y) + norms
    return lower_bound_of_slopes(p, form.offset, slope_of_all, float(y @ y), sizes, rank, x, rounds)


def lower_bound_of_slopes(
    partition: Partition, offset: float, slope: Floats, square: float, sizes: Floats, terms: int, x: Floats, rounds: int
) -> Relaxed:
    """The bound that slopes prove, and reduced costs, with a margin for the rounding of every sum involved.

    Args:
        partition: positions and groups.
        offset: of the model.
        slope: ``[P]`` of the linear function that f touches from above.
        square: |y|² where it touches.
        sizes: ``[P]`` the absolute values of what a slope is the sum of, and ``terms`` how many these are.
        x, rounds: are passed on.
    """
    p = partition
    group = np.repeat(np.arange(len(p.sizes)), p.sizes)
    order = np.lexsort((slope, group))
    ranked = slope[order]
    ends = p.starts + p.counts  # in `ranked`, one past each group's k smallest
    smallest = ranked[np.arange(p.num_positions) < ends[group]]
    value = offset - 0.5 * square + float(smallest.sum())

    inside, outside = p.counts > 0, p.counts < p.sizes
    last_in = np.where(inside, ranked[np.where(inside, ends - 1, 0)], -np.inf)  # what a newcomer pushes out
    first_out = np.where(outside, ranked[np.where(outside, ends, 0)], np.inf)  # what comes in for one that leaves
    one_cost = np.maximum(slope - last_in[group], 0.0)
    zero_cost = np.maximum(first_out[group] - slope, 0.0)

    largest = np.maximum.reduceat(sizes, p.starts) if len(p.starts) else np.zeros(0)
    magnitude = abs(offset) + square + float(p.counts @ largest)
    margin = 8.0 * np.finfo(np.float64).eps * (p.num_ones + terms + 8) * magnitude
    return Relaxed(float(value - margin), x, zero_cost, one_cost, rounds)
