"""The rounds of `dimod:SAMPLER`: sample, raise the penalties of groups that most reads break, sample again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convert import to_bqm
from crysim_solvers.dimod.samplers import Run

ROUNDS = 5
_LOOKED_AT = 20
"""Reads of a round, the lowest ones, that say which groups are broken."""


class Search:
    """One call of the solver.

    Tight penalties hold at good vectors, but nothing says that the penalised minimum is one of them: a small model's
    may be infeasible, and then every read ends there. Raising what is broken is what tells.

    Args:
        weights: of the groups, to begin with.
        calls: (bqm, run) -> sample sets.
        num_reads, num_sweeps, time_limit, seed: of the call.
        begin: `time.perf_counter_ns` at the start; the time limit counts from there.
        rounds: at most.

    Attributes:
        weights: of the last round.
        raised: how often weights were raised.
        timing: nanoseconds of building and of sampling.
    """

    def __init__(
        self,
        model: QuadraticModel,
        weights: Floats,
        calls: Callable[[Any, Run], Iterator[Any]],
        *,
        num_reads: int | None,
        num_sweeps: int | None,
        time_limit: float | None,
        seed: int,
        begin: int,
        rounds: int = ROUNDS,
    ) -> None:
        self.weights = weights
        self.raised = 0
        self.timing = {"build": time.perf_counter_ns() - begin, "sample": 0}
        self._model, self._calls = model, calls
        self._num_reads, self._num_sweeps, self._time_limit = num_reads, num_sweeps, time_limit
        self._begin, self._rounds = begin, rounds
        self._seeds = (int(np.random.default_rng([seed, n]).integers(2**31)) for n in itertools.count())

    def run(self) -> Bits:
        """Every read, ``[n, M]``."""
        reads: list[Bits] = []
        bqm: Any = None
        for number in range(self._rounds):
            begin = time.perf_counter()
            bqm = to_bqm(self._model, self.weights) if bqm is None else bqm
            built = time.perf_counter()
            # A round has half of what is left, the last one all.
            seconds = self._seconds_left() / (1 if number == self._rounds - 1 else 2)
            fresh, energies = self._round(bqm, seconds)
            reads.append(fresh)
            sampled = time.perf_counter()
            self.timing["build"] += round(1e9 * (built - begin))
            self.timing["sample"] += round(1e9 * (sampled - built))
            broken = self._often_broken(fresh[np.argsort(energies, kind="stable")[:_LOOKED_AT]])
            ended_by_itself = self._time_limit is None or sampled - built < 0.9 * seconds
            if self._seconds_left() <= built - begin or (ended_by_itself and not broken.any()):
                break
            if broken.any() and number < self._rounds - 1:
                self.weights = np.where(broken, 2.0 * self.weights, self.weights)
                self.raised += 1
                bqm = None
        return np.concatenate(reads)

    def _round(self, bqm: Any, seconds: float) -> tuple[Bits, Floats]:
        """Reads ``[n, M]`` and their penalised energies."""
        end = time.perf_counter() + seconds

        def seconds_left() -> float:
            return end - time.perf_counter()

        run = Run(
            model=self._model,
            penalty=float(self.weights.max(initial=0.0)),
            num_reads=self._num_reads,
            num_sweeps=self._num_sweeps,
            time_limit=None if self._time_limit is None else max(0.0, seconds),
            seconds_left=seconds_left,
            seeds=self._seeds,
        )
        reads, energies = [], []
        for sampleset in self._calls(bqm, run):
            reads.append(_bits_of(sampleset, self._model.num_bits))
            energies.append(np.asarray(sampleset.record.energy, dtype=np.float64))
            if seconds_left() <= 0:
                break
        return np.concatenate(reads), np.concatenate(energies)

    def _seconds_left(self) -> float:
        if self._time_limit is None:
            return float("inf")
        return self._time_limit - (time.perf_counter_ns() - self._begin) / 1e9

    def _often_broken(self, reads: Bits) -> Bits:
        """Which groups at least half of the reads break, ``[G]``."""
        wrong = [np.count_nonzero(reads[:, g.slice], axis=1) != g.k for g in self._model.groups]
        return np.array([2 * np.count_nonzero(group) >= len(reads) for group in wrong], dtype=np.bool_)


def _bits_of(sampleset: Any, num_bits: int) -> Bits:
    """Vectors ``[n, M]`` of a sample set of the variables 0 … M−1, in any order, of bits or spins."""
    samples = np.asarray(sampleset.record.sample)
    bits = np.zeros((len(samples), num_bits), dtype=np.bool_)
    bits[:, np.array(list(sampleset.variables), dtype=np.int64)] = samples > 0
    return bits
