"""Descent by exchanges: what every vector goes through before it is returned."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.quadratic.convex_relaxation import LowRankForm
from crysim.quadratic.partition import Indices

_PAIR_CANDIDATES = 1200
_MAX_PAIRS = 50


class Descent:
    """Exchanges of a 1 and a 0 within a group, one or two at a time, as long as they lower the energy."""

    def __init__(self, form: LowRankForm) -> None:
        self.form = form
        self._norms: Floats = np.einsum("pk,pk->p", form.factors, form.factors)
        self._alone: Floats = form.cost + 0.5 * self._norms
        self._columns = np.ascontiguousarray(form.factors.T)
        p = form.partition
        self._groups = (p.starts, p.sizes, p.counts)
        self._gain = 1e-12 * (1.0 + float(np.abs(form.cost).max(initial=0.0)))

    def single(self, ones: Indices) -> Indices:
        """The vector ``[num_ones]`` after exchanges, each one's best place in turn, until none lowers the energy."""
        from crysim_solvers.local_search.low_rank_kernels import sweeps

        ones, taken = self._copy(ones)
        state = np.zeros(1, dtype=np.uint64)
        while sweeps(self._alone, self._columns, *self._groups, ones, taken, np.zeros(1), state):
            pass
        return np.sort(ones)

    def double(self, ones: Indices) -> Indices:
        """The vector after single exchanges and pairs of cheap ones, the best pair first."""
        from crysim_solvers.local_search.exchange_kernels import best_pair

        chosen = np.zeros(4, dtype=np.int64)
        ones = self.single(ones)
        for _ in range(_MAX_PAIRS):
            costs = self._exchange_costs(ones)
            if len(costs) < 2:
                break
            place = min(_PAIR_CANDIDATES, len(costs)) - 1
            threshold = min(float(np.partition(costs, place)[place]), np.finfo(np.float64).max)
            if best_pair(self.form.factors, *self._groups, ones, costs, threshold, chosen) > -self._gain:
                break
            ones = ones.copy()
            ones[chosen[0]], ones[chosen[2]] = chosen[1], chosen[3]
            ones = self.single(np.sort(ones))
        return ones

    def cheapest_exchange(self, ones: Indices) -> float:
        """What the cheapest exchange costs that is not free; 1 if there is none."""
        costs = self._exchange_costs(ones)
        costs = costs[np.isfinite(costs) & (costs > self._gain)]
        return float(costs.min()) if len(costs) else 1.0

    def _exchange_costs(self, ones: Indices) -> Floats:
        """Δ of every single exchange: one by one, of those that can move, over the positions of its group."""
        from crysim_solvers.local_search.exchange_kernels import exchange_costs

        p = self.form.partition
        _, taken = self._copy(ones)
        costs = np.empty(int((p.counts * p.sizes)[p.counts < p.sizes].sum()))
        slope = np.empty(p.num_positions)
        exchange_costs(self.form.cost, self.form.factors, self._norms, *self._groups, ones, taken, slope, costs)
        return costs

    def _copy(self, ones: Indices) -> tuple[Indices, Bits]:
        taken = np.zeros(self.form.partition.num_positions, dtype=np.bool_)
        taken[ones] = True
        return ones.copy(), taken
