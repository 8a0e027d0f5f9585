"""Enumeration of all feasible vectors of a small model: the oracle for the other solvers."""

from __future__ import annotations

import math
import time
from itertools import combinations
from typing import ClassVar

import numpy as np

from crysim import hookimpl
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import QuadraticModel
from crysim.quadratic.partition import Indices, Partition

_CHUNK = 1 << 14


class Exact(IsingSolver):
    """Looks at every feasible vector.

    Args:
        max_vectors: models with more feasible vectors are refused.
    """

    name: ClassVar[str] = "exact"

    def __init__(self, *, max_vectors: int = 2_000_000) -> None:
        self.max_vectors = max_vectors

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why the model is too large, or None."""
        count = num_feasible(Partition.of_model(model))
        if count <= self.max_vectors:
            return None
        return (
            f"solver 'exact' looks at every feasible vector, at most {self.max_vectors:,} (max_vectors); "
            f"this model of {model.num_bits} bits has 1e{math.log10(count):.0f}: use 'convex' or 'annealer'"
        )

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Find the ``num_samples`` vectors of lowest energy; at the time limit, the best of those seen."""
        self.check_model(model)
        begin = time.perf_counter_ns()
        partition = Partition.of_model(model)
        choices = [
            start
            + np.array(list(combinations(range(size), count)), dtype=np.int64).reshape(
                math.comb(int(size), int(count)), count
            )
            for start, size, count in zip(partition.starts, partition.sizes, partition.counts, strict=True)
        ]
        total = num_feasible(partition)
        bits = np.zeros((0, model.num_bits), dtype=np.bool_)
        energies = np.zeros(0)
        seen = 0
        while seen < total:
            index = np.arange(seen, min(seen + _CHUNK, total))
            seen += len(index)
            chunk = partition.bits_of(_unrank(index, choices))
            bits = np.concatenate([bits, chunk])
            energies = np.concatenate([energies, model.energies(chunk)])
            order = np.argsort(energies, kind="stable")[:num_samples]
            bits, energies = bits[order], energies[order]
            if time_limit is not None and time.perf_counter_ns() - begin > 1e9 * time_limit:
                break
        complete = seen == total
        return SampleSet(
            bits,
            energies,
            {"total": time.perf_counter_ns() - begin},
            lower_bound=float(energies[0]) if complete else None,
            optimal=complete,
            info={"vectors": seen},
        )


def num_feasible(partition: Partition) -> int:
    """The number of feasible vectors, exactly."""
    return math.prod(math.comb(int(n), int(k)) for n, k in zip(partition.sizes, partition.counts, strict=True))


def _unrank(index: Indices, choices: list[Indices]) -> Indices:
    """The ones ``[n, num_ones]`` of the vectors of the given numbers, the last group counting fastest."""
    columns: list[Indices] = []
    for choice in reversed(choices):
        index, digit = np.divmod(index, len(choice))
        columns.append(choice[digit])
    return np.concatenate(columns[::-1], axis=1) if columns else np.zeros((len(index), 0), dtype=np.int64)


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Exact]
