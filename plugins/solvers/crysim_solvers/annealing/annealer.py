"""Solver ``annealer``: simulated annealing that keeps every 'exactly k' group by construction."""

from __future__ import annotations

import time
from ctypes.util import find_library
from typing import ClassVar, NamedTuple

import numpy as np

from crysim import hookimpl
from crysim.arrays import Floats
from crysim.errors import InputError
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import QuadraticModel
from crysim.quadratic.partition import Indices
from crysim_solvers.local_search.solution_pool import Pool

_LEAST_BITS_ON_GPU = 2000
"""An estimate: below, starting the GPU's kernels takes longer than what they compute."""
_PAIRED = 3
_DESCENDED = 16


class _Work(NamedTuple):
    """What a solve gives to whoever anneals: at most ``limit`` replicas down the ``ladder`` of temperatures."""

    model: QuadraticModel
    pool: Pool
    ladder: Floats
    num_samples: int
    limit: int
    deadline: float
    rng: np.random.Generator


class Annealer(IsingSolver):
    """Annealing with exact conditionals: a group's one is drawn anew from its Boltzmann distribution given the rest.

    Each replica starts at a random vector, is cooled geometrically from the spread of the local fields to ``final``
    times that, and ends in a minimum under exchanges. The search ends when ``patience`` replicas in turn brought
    nothing better. A move costs K operations per bit of its group with a low-rank model, and one per bit with
    couplings given one by one, whose local fields are kept. In compiled code, one replica after the other; on a GPU,
    ``replicas`` at a time (low-rank models). On a CPU, torch is not faster than the compiled code at any number of
    replicas (1.4 times slower per sweep at 7,677 bits, with 256 of them), so it is not used there.

    Args:
        sweeps: temperatures of one replica.
        final: last temperature over the first.
        patience: replicas without progress after which the search ends.
        max_replicas: replicas at most, or four for every vector wanted, if that is more.
        temperature: draw from the Boltzmann distribution at this temperature (units of the model) instead of
            minimising: each vector returned is the end of a replica cooled to it and held there for ``sweeps`` more.
        min_hamming: bits in which any two vectors of an answer differ at least.
        device: ``cpu`` the compiled code, or a device of torch; ``auto`` takes a GPU, if there is one, from 2,000
            bits on.
        replicas: at a time, on a GPU.
    """

    name: ClassVar[str] = "annealer"

    def __init__(
        self,
        *,
        sweeps: int = 300,
        final: float = 0.005,
        patience: int = 4,
        max_replicas: int = 32,
        temperature: float | None = None,
        min_hamming: int = 1,
        device: str = "auto",
        replicas: int = 256,
    ) -> None:
        for key, value, fine in (
            ("sweeps", sweeps, sweeps >= 1),
            ("final", final, 0 < final <= 1),
            ("patience", patience, patience >= 1),
            ("max_replicas", max_replicas, max_replicas >= 1),
            ("temperature", temperature, temperature is None or temperature > 0),
            ("min_hamming", min_hamming, min_hamming >= 1),
            ("replicas", replicas, replicas >= 1),
        ):
            if not fine:
                raise InputError(f"option '{key}' of solver 'annealer' is {value}: it is out of range")
        self.sweeps = sweeps
        self.final = final
        self.patience = patience
        self.max_replicas = max_replicas
        self.temperature = temperature
        self.min_hamming = min_hamming
        self.device = device
        self.replicas = replicas

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Find low vectors, or draw them at the ``temperature``."""
        from crysim_solvers.annealing.engines import field_spread

        begin = time.perf_counter_ns()
        deadline = begin + (np.inf if time_limit is None else 1e9 * time_limit)
        rng = np.random.default_rng(seed)
        pool = Pool(model, self.min_hamming)
        ladder = self._ladder(field_spread(model, rng))
        limit = max(self.max_replicas, 4 * num_samples)
        run = self._on_device if self._device(model) else self._compiled
        replicas = run(_Work(model, pool, ladder, num_samples, limit, deadline, rng))
        annealed = time.perf_counter_ns()
        bound = self._finish(model, pool, num_samples, deadline)
        bits = pool.choose(num_samples)
        energies = model.energies(bits)
        end = time.perf_counter_ns()
        return SampleSet(
            bits,
            energies,
            {"total": end - begin, "anneal": annealed - begin, "finish": end - annealed},
            lower_bound=None if bound is None else min(bound, float(energies[0])),
            info={"replicas": replicas, "sweeps": replicas * len(ladder), "device": self._device(model) or "cpu"},
        )

    def _ladder(self, spread: float) -> Floats:
        """The temperatures of one replica."""
        if self.temperature is None:
            return np.asarray(spread * np.geomspace(1.0, self.final, self.sweeps))
        cooling = np.geomspace(max(spread, self.temperature), self.temperature, self.sweeps)
        return np.concatenate([cooling, np.full(self.sweeps, self.temperature)])

    def _device(self, model: QuadraticModel) -> str:
        """The device of torch to use, or nothing for the compiled code."""
        if self.device == "cpu" or not model.is_low_rank:
            return ""
        if self.device != "auto":
            return self.device
        # Importing torch takes seconds: not where there is no GPU to be seen.
        if model.num_bits < _LEAST_BITS_ON_GPU or find_library("cuda") is None:
            return ""
        import torch

        return "cuda" if torch.cuda.is_available() else ""

    def _compiled(self, work: _Work) -> int:
        """Replicas one after the other in compiled code; returns their number."""
        from crysim_solvers.annealing.engines import engine_for

        model, pool, ladder, num_samples, limit, deadline, rng = work
        engine = engine_for(model)
        best, idle = np.inf, 0
        for replica in range(1, limit + 1):
            ones = pool.partition.ones_of(model.random_bits(1, rng)[0])
            state = rng.integers(0, 2**63, size=1, dtype=np.uint64)
            for first in range(0, len(ladder), engine.chunk):
                engine.sweep(ones, ladder[first : first + engine.chunk], state)
                if time.perf_counter_ns() >= deadline:
                    break
            energy = self._enter(model, pool, ones if self.temperature else engine.descend(ones))
            idle = 0 if energy < best - 1e-9 * abs(best) else idle + 1
            best = min(best, energy)
            if time.perf_counter_ns() >= deadline or self._enough(pool, num_samples, idle):
                return replica
        return limit

    def _on_device(self, work: _Work) -> int:
        """Replicas side by side in torch; returns their number."""
        from crysim_solvers.annealing.engines import engine_for
        from crysim_solvers.annealing.torch_engine import TorchEngine

        model, pool, ladder, num_samples, limit, deadline, rng = work
        engine = TorchEngine(model, self._device(model))
        descent = engine_for(model)
        generator = engine.generator(int(rng.integers(2**62)))
        best, idle, done = np.inf, 0, 0
        while True:
            start = [pool.partition.ones_of(x) for x in model.random_bits(self.replicas, rng)]
            ones = engine.load(np.array(start))
            for temperature in ladder:
                engine.sweep(ones, np.array([temperature]), generator)
                if time.perf_counter_ns() >= deadline:
                    break
            done += self.replicas
            ends = engine.fetch(ones)
            order = np.argsort(model.energies(pool.partition.bits_of(ends)), kind="stable")
            energy = np.inf
            if self.temperature:
                for row in ends:  # in the order drawn: the lowest are not favoured
                    if len(pool) < num_samples:
                        energy = min(energy, self._enter(model, pool, row))
            else:
                for i in order[: max(_DESCENDED, num_samples)]:
                    energy = min(energy, self._enter(model, pool, descent.descend(ends[i])))
            idle = 0 if energy < best - 1e-9 * abs(best) else idle + 1
            best = min(best, energy)
            late = time.perf_counter_ns() >= deadline
            if late or done >= limit * self.replicas or self._enough(pool, num_samples, idle):
                return done

    def _enter(self, model: QuadraticModel, pool: Pool, ones: Indices) -> float:
        """Take up the end of a replica; returns its energy. When drawing, those too near to others are left out."""
        if self.temperature is None or pool.is_far(ones):
            pool.add(ones)
        return float(model.energies(pool.partition.bits_of(ones[None]))[0])

    def _enough(self, pool: Pool, num_samples: int, idle: int) -> bool:
        if self.temperature is not None:
            return len(pool) >= num_samples
        return idle >= self.patience and (len(pool) >= num_samples or idle >= 4 * self.patience)

    def _finish(self, model: QuadraticModel, pool: Pool, num_samples: int, deadline: float) -> float | None:
        """Improve the best vectors by pairs of exchanges, add others if there are too few, bound a low-rank model."""
        from crysim_solvers.local_search.diversify import add_neighbours

        if not model.is_low_rank:
            if self.temperature is None:
                add_neighbours(model, pool, num_samples)
            return None
        from crysim.quadratic.convex_relaxation import LowRankForm, solve_relaxation
        from crysim_solvers.local_search.descent import Descent
        from crysim_solvers.local_search.diversify import add_spread

        form = LowRankForm.of(model)
        if self.temperature is None:
            descent = Descent(form)
            for x in pool.choose(_PAIRED):
                if time.perf_counter_ns() < deadline:
                    pool.add(descent.double(pool.partition.ones_of(x)))
            best = pool.partition.ones_of(pool.choose(1)[0])
            if self.min_hamming > 2 and len(pool.choose(num_samples)) < num_samples:
                add_spread(form, descent, pool, best, num_samples, deadline)
            add_neighbours(model, pool, num_samples)
        best = pool.partition.ones_of(pool.choose(1)[0])
        return solve_relaxation(form, best).lower_bound


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Annealer]
