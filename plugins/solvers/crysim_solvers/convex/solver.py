"""Solver ``convex``: relax, round, exchange, and branch on what the bound leaves open."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crysim import hookimpl
from crysim.errors import check_at_least, check_positive
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm, Relaxed, solve_relaxation

if TYPE_CHECKING:
    from crysim.quadratic.partition import Indices
    from crysim_solvers.convex.tree import TreeSearch
    from crysim_solvers.local_search.descent import Descent
    from crysim_solvers.local_search.solution_pool import Pool

_FIRST_PORTION = 500
_ROUNDINGS = 8
_NODES_PER_ROUNDING = 16_000
_PAIRS = 2
_NOISE = (0.5, 1.0, 0.25)
_SHARES = (0.5, 0.75)
_PROOF = 1e-9


class Convex(IsingSolver):
    """Exact minimisation of low-rank models (factorization machines) by their convex relaxation.

    The relaxation (`crysim.quadratic.convex_relaxation`) gives a lower bound and, rounded and descended from by
    exchanges, a vector within some tenths of a per cent of it, both in milliseconds. Two branch-and-bound searches then
    take turns: one for vectors well below the best one known, which either finds one or raises the bound, and one for
    any better vector, which proves the best one optimal when it ends. Stops when the gap is closed, or at
    ``max_nodes``.

    All of this stands on the couplings W Wᵀ being positive semi-definite, which those of a factorization machine are
    whatever it was trained on. Couplings given one by one (quadratic regression) are not: such models are refused, and
    `crysim.quadratic.bounds` has a looser bound for them.

    Args:
        max_nodes: of the searches together; the answer does not depend on the machine's speed unless a time limit
            cuts in.
        gap: stop when the best energy is within this of the bound, in units of the model.
        min_hamming: bits in which any two vectors of an answer differ at least.
        differ_in: names of groups, separated by commas: only their bits count for ``min_hamming``.
            ``crystal-system,space-group`` gives answers of different space groups, ``grid-*`` of different sites.
        temperature: draw from exp(−E/T) instead of minimising, about (`crysim_solvers.annealing.thermal_samples`), in
            units of the model. The bound, and the gap of the best vector drawn, are reported as ever; ``max_nodes`` and
            ``gap`` have no say.
    """

    name: ClassVar[str] = "convex"

    def __init__(
        self,
        *,
        max_nodes: int = 100_000,
        gap: float = 0.0,
        min_hamming: int = 1,
        differ_in: str | None = None,
        temperature: float | None = None,
    ) -> None:
        check_at_least("solver 'convex'", ("max_nodes", max_nodes, 0), ("gap", gap, 0), ("min_hamming", min_hamming, 1))
        check_positive("solver 'convex'", temperature=temperature)
        self.max_nodes = max_nodes
        self.gap = gap
        self.min_hamming = min_hamming
        self.differ_in = differ_in
        self.temperature = temperature

    def refuses(self, model: QuadraticModel) -> str | None:
        """Couplings given one by one are not convex."""
        if model.is_low_rank:
            return None
        return (
            "solver 'convex' needs a low-rank model (surrogate 'fm'): couplings given one by one are not convex; "
            "use 'annealer'"
        )

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Find the best vector, a bound, and further vectors on the way."""
        self.check_model(model)
        from crysim_solvers.local_search.descent import Descent

        begin = time.perf_counter_ns()
        deadline = begin + (np.inf if time_limit is None else 1e9 * time_limit)
        pool = self._pool(model)
        form = LowRankForm.of(model)
        relaxed = solve_relaxation(form)
        bounded = time.perf_counter_ns()
        run = _Run(form, relaxed, Descent(form), pool, np.random.default_rng(seed), deadline)
        run.round_off(first=True)
        timing = {"bound": bounded - begin, "round": time.perf_counter_ns() - bounded}
        if self.temperature is None:
            self._minimise(model, run, num_samples, timing)
        else:
            pool = self._draw(model, run, num_samples, timing)
        bits = pool.choose(num_samples)
        energies = model.energies(bits)
        return SampleSet(
            bits,
            energies,
            {"total": time.perf_counter_ns() - begin, **timing},
            lower_bound=min(run.lower, float(energies[0])),
            optimal=self.temperature is None and run.closed,
            info={
                "nodes": run.nodes,
                "roundings": run.roundings,
                "open": run.num_open,
                "root_bound": relaxed.lower_bound,
                "history": [(round(1e-9 * (t - begin), 6), upper, lower) for t, upper, lower in run.history],
            },
        )

    def _pool(self, model: QuadraticModel) -> Pool:
        from crysim_solvers.local_search.solution_pool import Pool, bits_of_groups

        differ_in = None if self.differ_in is None else bits_of_groups(model, self.differ_in)
        return Pool(model, self.min_hamming, differ_in)

    def _minimise(self, model: QuadraticModel, run: _Run, num_samples: int, timing: dict[str, int]) -> None:
        """Fill the run's pool: others far away, then whatever is better, then neighbours."""
        from crysim_solvers.local_search.diversify import add_neighbours, add_spread

        begin = time.perf_counter_ns()
        if num_samples > 1 and (self.min_hamming > 2 or self.differ_in is not None):
            add_spread(run.form, run.descent, run.pool, run.best, num_samples, run.deadline)
        spread = time.perf_counter_ns()
        run.search(self.max_nodes, self.gap)
        add_neighbours(model, run.pool, num_samples)
        timing |= {"spread": spread - begin, "search": time.perf_counter_ns() - spread}

    def _draw(self, model: QuadraticModel, run: _Run, num_samples: int, timing: dict[str, int]) -> Pool:
        """A pool of vectors drawn at the temperature."""
        from crysim_solvers.annealing.thermal_samples import add_draws

        assert self.temperature is not None
        begin = time.perf_counter_ns()
        pool = self._pool(model)
        add_draws(model, run.form, pool, run.best, num_samples, self.temperature, run.rng, run.deadline)
        run.history.clear()
        timing["draw"] = time.perf_counter_ns() - begin
        return pool


@dataclass(eq=False)
class _Run:
    """One solve: the best vector and the bound, and the methods that improve them."""

    form: LowRankForm
    relaxed: Relaxed
    descent: Descent
    pool: Pool
    rng: np.random.Generator
    deadline: float

    def __post_init__(self) -> None:
        self.lower = self.relaxed.lower_bound
        self.upper = np.inf
        self.best: Indices = self.form.greedy_ones()
        self.nodes = 0
        self.roundings = 0
        self.num_open = self.form.partition.num_positions
        self.history: list[tuple[int, float, float]] = []

    @property
    def proof(self) -> float:
        """The difference in energy below which two vectors count as equally good."""
        return _PROOF * (1.0 + abs(self.upper))

    @property
    def closed(self) -> bool:
        """The best vector is proven optimal."""
        return bool(self.upper - self.lower <= 3.0 * self.proof)

    @property
    def late(self) -> bool:
        """The time limit is reached."""
        return time.perf_counter_ns() >= self.deadline

    def take(self, ones: Indices) -> bool:
        """Enter a vector; returns whether it is the best so far."""
        self.pool.add(ones)
        energy = float(self.form.energies(ones[None])[0])
        if energy >= self.upper - self.proof:
            return False
        self.best, self.upper = ones, energy
        self.note()
        return True

    def note(self) -> None:
        """Remember when the energy or the bound became what they are."""
        self.history.append((time.perf_counter_ns(), self.upper, self.lower))

    def round_off(self, *, first: bool = False) -> None:
        """Round the relaxed solution, with noise but for the very first time, and descend by exchanges.

        The best of the rounded vectors, if they are new, go on to pairs of exchanges.
        """
        x = self.relaxed.x
        fresh: list[Indices] = []
        for i in range(_ROUNDINGS):
            if self.late and np.isfinite(self.upper):
                return
            noise = 0.0 if first and i == 0 else _NOISE[i % len(_NOISE)]
            ones = self.descent.single(self.form.best_ones(x + noise * self.rng.random(len(x))))
            self.roundings += 1
            new = self.pool.add(ones)
            self.take(ones)
            if new:
                fresh.append(ones)
        if not fresh:
            return
        energies = self.form.energies(np.array(fresh))
        for i in np.argsort(energies, kind="stable")[:_PAIRS]:
            if self.late:
                return
            self.take(self.descent.double(fresh[i]))

    def search(self, max_nodes: int, gap: float) -> None:
        """Branch and bound until the gap is closed, or nodes or time run out.

        Two searches take turns, in portions that double: one below a cutoff halfway between bound and best, and one
        for anything better than the best.
        """
        from crysim_solvers.convex.tree import TreeSearch

        root = self.lower
        shares = list(_SHARES)
        low: TreeSearch | None = None
        high: TreeSearch | None = None
        portion = _FIRST_PORTION
        while not self.closed and self.upper - self.lower > gap and self.nodes < max_nodes and not self.late:
            while low is None and shares:
                cutoff = root + shares[0] * (self.upper - root)
                if cutoff > self.lower + self.proof:
                    low = TreeSearch(self.form, self.relaxed, cutoff)
                else:
                    shares.pop(0)
            if low is not None:
                found = self._explore(low, portion, max_nodes)
                if low.exhausted and not found:
                    shares.pop(0)
                if found or low.exhausted:
                    low = None
                if found:
                    high = None
                    continue
            if high is None:
                high = TreeSearch(self.form, self.relaxed, self.upper - self.proof)
                self.num_open = high.num_open
            self._explore(high, portion, max_nodes)
            if high.exhausted:
                return
            if low is not None and low.cutoff >= self.upper:
                low = None
            for _ in range(max(1, portion // _NODES_PER_ROUNDING)):
                self.round_off()
            high.cutoff = min(high.cutoff, self.upper - self.proof)
            portion *= 2

    def _explore(self, tree: TreeSearch, portion: int, max_nodes: int) -> bool:
        """Search on for a portion of nodes; returns whether a vector below the cutoff was found."""
        chunk = max(4, min(200, 100_000 // max(1, tree.num_open)))
        found = False
        stop = min(tree.nodes + portion, tree.nodes + max_nodes - self.nodes)
        before = tree.nodes
        while tree.nodes < stop and not tree.exhausted and not self.late:
            if tree.run(chunk):
                assert tree.ones is not None
                found = True
                self.take(tree.ones)
                self.take(self.descent.double(tree.ones))
                tree.cutoff = min(tree.cutoff, self.upper)
        self.nodes += tree.nodes - before
        if tree.exhausted:
            self.lower = max(self.lower, min(tree.lower_bound, self.upper) - self.proof)
            self.note()
        return found


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Convex]
