"""Branch and bound on a low-rank model: the search for a vector below a cutoff, in portions."""

from __future__ import annotations

import numpy as np

from crysim.quadratic.convex_relaxation import LowRankForm, Relaxed
from crysim.quadratic.partition import Indices

_MAX_DEPTH = 600


class TreeSearch:
    """A depth-first search for vectors of energy below ``cutoff``, the lowest if it runs to its end.

    Attributes:
        cutoff: vectors below it are looked for; it falls to the energy of each one found.
        ones: ``[num_ones]`` of the best vector found, or None.
        nodes: looked at so far.
    """

    def __init__(self, form: LowRankForm, relaxed: Relaxed, cutoff: float) -> None:
        from crysim.quadratic.convex_kernels import AT_ONE, AT_ZERO, BETWEEN, new_scratch
        from crysim_solvers.convex.branch_kernels import Levels

        self.cutoff = cutoff
        self.ones: Indices | None = None
        self.nodes = 0
        self._form = form
        p = form.partition
        room = cutoff - relaxed.lower_bound
        one = relaxed.zero_cost > room
        zero = relaxed.one_cost > room
        self._impossible = room <= 0 or bool((one & zero).any())
        # Groups that lose all their freedom are decided; only the others are searched.
        left = p.counts - np.add.reduceat(one, p.starts, dtype=np.int64)
        room_left = p.sizes - np.add.reduceat(one | zero, p.starts, dtype=np.int64)
        self._impossible |= bool((left < 0).any() or (left > room_left).any())
        decided = np.repeat((left == 0) | (left == room_left), p.sizes)
        filled = np.repeat(left == room_left, p.sizes)
        one |= ~one & ~zero & filled
        index = np.flatnonzero(~(one | zero | decided)).astype(np.int64)
        group = np.repeat(np.arange(len(p.sizes)), p.sizes)[index]
        groups, sizes = np.unique(group, return_counts=True)
        fixed = np.flatnonzero(one).astype(np.int64)

        n, g, k = len(index), len(groups), form.factors.shape[1]
        rows = min(n, _MAX_DEPTH) + 2
        self._levels = Levels(
            positions=np.zeros((rows, n), dtype=np.int64),
            pointer=np.zeros((rows, g + 1), dtype=np.int64),
            counts=np.zeros((rows, g), dtype=np.int64),
            x=np.zeros((rows, n)),
            mark=np.zeros((rows, n), dtype=np.int8),
            slope=np.zeros((rows, n)),
            upper=np.zeros((rows, g)),
            lower=np.zeros((rows, g)),
            z0=np.zeros((rows, k)),
            constant=np.zeros(rows),
            bound=np.zeros(rows),
            branch=np.zeros(rows, dtype=np.int64),
            value=np.zeros(rows, dtype=np.int64),
            phase=np.zeros(rows, dtype=np.int64),
            ones=np.zeros((rows, p.num_ones), dtype=np.int64),
            num_ones=np.zeros(rows, dtype=np.int64),
            depth=np.zeros(1, dtype=np.int64),
            abandoned=np.full(1, np.inf),
            gains=np.zeros((2, p.num_positions)),
            trials=np.zeros((2, p.num_positions), dtype=np.int64),
            fate=np.zeros(n, dtype=np.int8),
        )
        root = self._levels
        root.positions[0] = index
        root.pointer[0] = np.concatenate([[0], np.cumsum(sizes)])
        root.counts[0] = left[groups]
        x = relaxed.x[index]
        root.x[0] = x
        root.mark[0] = np.where(x <= 0.0, AT_ZERO, np.where(x >= 1.0, AT_ONE, BETWEEN))
        root.z0[0] = form.factors[fixed].sum(axis=0)
        root.constant[0] = form.offset + form.cost[fixed].sum()
        root.ones[0, : len(fixed)] = fixed
        root.num_ones[0] = len(fixed)
        root.phase[0] = -1
        self._best = np.zeros(p.num_ones, dtype=np.int64)
        self._scratch = new_scratch(k, g)
        self._tolerance = 1e-9 * max(abs(room), 1e-6 * float(np.abs(form.cost).max(initial=0.0)))
        if self._impossible:
            root.depth[0] = -1

    @property
    def num_open(self) -> int:
        """Positions that the root leaves open."""
        return int(self._levels.positions.shape[1])

    @property
    def exhausted(self) -> bool:
        """No vector below `cutoff` is left but the one in `ones`, up to `lower_bound`."""
        return bool(self._levels.depth[0] < 0)

    @property
    def lower_bound(self) -> float:
        """What no vector is below, once the search is exhausted."""
        return min(self.cutoff, float(self._levels.abandoned[0]))

    def run(self, max_nodes: int) -> bool:
        """Look at up to ``max_nodes`` more nodes; returns whether a better vector was found."""
        from crysim_solvers.convex.branch_kernels import search

        if self.exhausted:
            return False
        cutoff, nodes = search(
            self._levels,
            self._form.cost,
            self._form.factors,
            self._tolerance,
            self.cutoff,
            max_nodes,
            self._best,
            self._scratch,
        )
        self.nodes += nodes
        if cutoff >= self.cutoff:
            return False
        self.cutoff = cutoff
        self.ones = np.sort(self._best)
        return True
