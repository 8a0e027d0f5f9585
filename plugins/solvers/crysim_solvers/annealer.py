"""Simulated annealing that keeps every 'exactly k' group by construction."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np

from crysim import hookimpl
from crysim.interfaces import IsingSolver, SampleSet
from crysim.partition import Indices, Partition
from crysim.quadratic import QuadraticModel


class Annealer(IsingSolver):
    """Annealing with exact conditionals: a group's one is drawn anew from its Boltzmann distribution given the rest.

    Runs replicas one after the other from random vectors, cools each geometrically from the spread of the local
    fields to ``final`` times that, and ends each in a minimum under single exchanges. Stops when ``patience``
    replicas in turn brought no better vector.

    Args:
        sweeps: temperatures of one replica.
        final: last temperature over the first.
        patience: replicas without progress after which the search ends.
        max_replicas: replicas at most.
    """

    name: ClassVar[str] = "annealer"

    def __init__(self, *, sweeps: int = 300, final: float = 0.005, patience: int = 4, max_replicas: int = 32) -> None:
        self.sweeps = sweeps
        self.final = final
        self.patience = patience
        self.max_replicas = max_replicas

    def solve(
        self,
        model: QuadraticModel,
        *,
        num_samples: int = 1,
        time_limit: float | None = None,
        seed: int = 0,
    ) -> SampleSet:
        from crysim_solvers.low_rank_kernels import sweeps

        begin = time.perf_counter_ns()
        deadline = time.perf_counter() + (np.inf if time_limit is None else time_limit)
        rng = np.random.default_rng(seed)
        low_rank = model if model.is_low_rank else _as_low_rank(model)
        assert low_rank.factors is not None
        partition = Partition.of_model(model)
        linear = np.ascontiguousarray(partition.spread(low_rank.linear))
        factors = np.ascontiguousarray(partition.spread(low_rank.factors).T)
        linear32, factors32 = linear.astype(np.float32), factors.astype(np.float32)
        groups = (partition.starts, partition.sizes, partition.counts)

        probe = model.random_bits(32, rng)
        spread = float(np.std(model.local_fields(probe))) or 1.0
        ladder = spread * np.geomspace(1.0, self.final, self.sweeps)
        found: list[Indices] = []
        best, idle = np.inf, 0
        while partition.num_positions and len(found) < self.max_replicas:
            ones = partition.ones_of(model.random_bits(1, rng)[0])
            taken = np.zeros(partition.num_positions, dtype=np.bool_)
            taken[ones] = True
            state = rng.integers(0, 2**63, size=1, dtype=np.uint64)
            for chunk in np.array_split(ladder, max(1, self.sweeps // 20)):
                sweeps(linear32, factors32, *groups, ones, taken, chunk, state)
                if time.perf_counter() > deadline:
                    break
            while sweeps(linear, factors, *groups, ones, taken, np.zeros(1), state):
                pass
            found.append(ones)
            energy = float(model.energies(partition.bits_of(ones[None]))[0])
            idle = 0 if energy < best - 1e-9 * abs(best) else idle + 1
            best = min(best, energy)
            if time.perf_counter() > deadline or (idle >= self.patience and len(found) >= num_samples):
                break
        bits = partition.bits_of(np.array(found)) if found else model.random_bits(1, rng)
        bits = np.unique(bits, axis=0)
        energies = model.energies(bits)
        order = np.argsort(energies, kind="stable")[:num_samples]
        info: dict[str, Any] = {"replicas": len(found), "sweeps": self.sweeps * len(found)}
        return SampleSet(bits[order], energies[order], {"total": time.perf_counter_ns() - begin}, info=info)


def _as_low_rank(model: QuadraticModel) -> QuadraticModel:
    """The same energies with factors: the couplings' eigenvectors, their diagonal shifted to be positive."""
    couplings = model.couplings
    assert couplings is not None
    dense = np.asarray(couplings.toarray() if not isinstance(couplings, np.ndarray) else couplings)
    values, vectors = np.linalg.eigh(dense + dense.T)
    return QuadraticModel(
        model.linear,
        factors=vectors * np.sqrt(values - min(0.0, float(values[0]))),
        groups=model.groups,
        offset=model.offset,
    )


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Annealer]
