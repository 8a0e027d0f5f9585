"""The samplers that `dimod:NAME` knows by name: where they live, what they cost, how they are called."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crysim.quadratic import QuadraticModel


@dataclass(frozen=True)
class Run:
    """One search: what the options of a sampler's calls are derived from.

    Attributes:
        model: what is minimised.
        penalty: the largest weight of a group.
        num_reads: reads wanted; None: the sampler's default.
        num_sweeps: sweeps of an annealer's read; None: what the time limit leaves, at most 1,000.
        time_limit: seconds for the calls together, or None.
        seconds_left: what is left of it now.
        seeds: one per call.
    """

    model: QuadraticModel
    penalty: float
    num_reads: int | None
    num_sweeps: int | None
    time_limit: float | None
    seconds_left: Callable[[], float]
    seeds: Iterator[int]

    def temperatures(self) -> tuple[float, float]:
        """The first and the last temperature of an anneal.

        From the penalty or the spread of the local fields, whichever is larger, to 0.005 of the spread. The
        samplers' own defaults start from sums of absolute couplings and end at the smallest one, which for learned
        couplings spans ten orders of magnitude: nearly every sweep is then spent above or below what matters.
        """
        probe = self.model.random_bits(8, np.random.default_rng(0))
        spread = float(np.std(self.model.local_fields(probe))) or 1.0
        return max(spread, self.penalty), 0.005 * spread

    def sweeps(self, seconds_per_pair: float) -> int:
        """Sweeps of a read: as asked, else at most 1,000 and a third of the time limit."""
        if self.num_sweeps is not None:
            return self.num_sweeps
        if self.time_limit is None:
            return 1000
        pairs = max(1.0, self.model.num_bits**2)
        return int(min(1000.0, max(10.0, self.time_limit / 3 / (seconds_per_pair * pairs))))


Calls = Callable[[Any, Any, Run, Mapping[str, Any]], Iterator[Any]]
"""(sampler, bqm, run, user's options) -> sample sets; asked for the next only while time is left."""


@dataclass(frozen=True)
class Known:
    """A sampler that has a name.

    Attributes:
        path: module and class.
        extra: of crysim, that brings it.
        bytes_per_pair: peak memory per pair of bits, measured at 2,000 and 4,000 bits with the BQM included.
        calls: how it is called.
        max_bits: of a fully connected model, or None.
        token: the environment variable of its service's token, or None.
    """

    path: str
    extra: str
    bytes_per_pair: float
    calls: Calls
    max_bits: int | None = None
    token: str | None = None


def _anneal(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    hot, cold = run.temperatures()
    given = {
        "beta_range": (1 / hot, 1 / cold),
        "num_sweeps": run.sweeps(5e-10),
        "num_reads": run.num_reads or (10 if run.time_limit is None else 1000),
        "seed": next(run.seeds),
        "interrupt_function": lambda: run.seconds_left() <= 0,
        **options,
    }
    # The sampler works on spins, and would copy a model of bits on every call.
    yield sampler.sample(bqm.change_vartype("SPIN", inplace=False), **given)


def _tabu(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    size = bqm.num_variables
    reads = run.num_reads or (10 if run.time_limit is None else 1)
    for _ in range(reads):
        given: dict[str, Any] = {"num_reads": 1, "seed": next(run.seeds)}
        if run.time_limit is None:
            # Bounded by steps, so that a seed gives one answer.
            given |= {"timeout": None, "num_restarts": 2, "coefficient_z_first": 20, "coefficient_z_restart": 20}
            given |= {"lower_bound_z": max(20 * size, 10_000)}
        else:
            given["timeout"] = max(1, int(1000 * min(run.time_limit / reads, run.seconds_left())))
        yield sampler.sample(bqm, **{**given, **options})


def _descent(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    batch = max(1, min(run.num_reads or 100, 10**6 // max(1, bqm.num_variables)))
    for _ in range(math.ceil((run.num_reads or (100 if run.time_limit is None else 10**6)) / batch)):
        yield sampler.sample(bqm, **{"num_reads": batch, "seed": next(run.seeds), **options})


def _random(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    given: dict[str, Any] = {"seed": next(run.seeds)}
    if run.time_limit is not None and run.num_reads is None:
        given |= {"time_limit": max(1e-3, run.seconds_left()), "max_num_samples": 100}
    else:
        given["num_reads"] = run.num_reads or 1000
    yield sampler.sample(bqm, **{**given, **options})


def _openjij(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    import openjij

    # From a matrix: OpenJij turns a BQM of dimod into dictionaries of pairs, minutes and gigabytes at full size.
    linear, (rows, columns, values), _ = bqm.to_numpy_vectors()
    matrix = np.zeros((len(linear), len(linear)))
    matrix[rows, columns] = values
    np.fill_diagonal(matrix, linear)
    del rows, columns, values
    dense = openjij.model.model.BinaryQuadraticModel.from_numpy_matrix(matrix, vartype="BINARY")
    del matrix
    hot, cold = run.temperatures()
    given: dict[str, Any]
    if isinstance(sampler, openjij.SQASampler):
        given = {"beta": 1 / cold, "gamma": hot, "num_sweeps": run.sweeps(1.5e-9)}
    else:
        given = {"beta_min": 1 / hot, "beta_max": 1 / cold, "num_sweeps": run.sweeps(5e-10)}
    for _ in range(run.num_reads or (10 if run.time_limit is None else 1000)):
        # With a seed every read of one call is the same: one read per call, each with its own.
        yield sampler.sample(dense, **{"num_reads": 1, "sparse": False, "seed": next(run.seeds), **given, **options})


def call_any(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    """Call a sampler that we know nothing of: with what its ``parameters`` say that it takes."""
    known = sampler.parameters
    rounds = 1 if run.time_limit is None or run.num_reads is not None or "seed" not in known else 1000
    for _ in range(rounds):
        given: dict[str, Any] = {}
        if "seed" in known:
            given["seed"] = next(run.seeds)
        if "num_reads" in known:
            given["num_reads"] = run.num_reads or 10
        if "num_sweeps" in known and run.num_sweeps is not None:
            given["num_sweeps"] = run.num_sweeps
        yield sampler.sample(bqm, **{**given, **options})


def _quantum(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    yield sampler.sample(bqm, **{"num_reads": run.num_reads or 100, "label": "crysim", **options})


def _hybrid(sampler: Any, bqm: Any, run: Run, options: Mapping[str, Any]) -> Iterator[Any]:
    given: dict[str, Any] = {"label": "crysim"}
    if run.time_limit is not None:
        given["time_limit"] = max(run.time_limit, sampler.min_time_limit(bqm))
    yield sampler.sample(bqm, **{**given, **options})


KNOWN: dict[str, Known] = {
    "sa": Known("dwave.samplers:SimulatedAnnealingSampler", "dimod", 110, _anneal),
    "tabu": Known("dwave.samplers:TabuSampler", "dimod", 115, _tabu),
    "steepest-descent": Known("dwave.samplers:SteepestDescentSampler", "dimod", 125, _descent),
    "random": Known("dwave.samplers:RandomSampler", "dimod", 55, _random),
    "openjij-sa": Known("openjij:SASampler", "openjij", 120, _openjij),
    "openjij-sqa": Known("openjij:SQASampler", "openjij", 120, _openjij),
    # A clique of about 180 bits is what fits the couplers of an Advantage.
    "dwave": Known("dwave.system:DWaveSampler", "dwave", 60, _quantum, max_bits=180, token="DWAVE_API_TOKEN"),  # noqa: S106
    "dwave-hybrid": Known("dwave.system:LeapHybridSampler", "dwave", 60, _hybrid, token="DWAVE_API_TOKEN"),  # noqa: S106
}
"""By the name that users type after ``dimod:``."""
