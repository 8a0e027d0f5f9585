"""What every solver of someone else's does with the answers: repair, count, recompute, sort."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from crysim.interfaces import SampleSet
from crysim.quadratic import QuadraticModel

_MIN_REPAIRED = 20
"""Broken reads that are repaired if there are so many, or as many as are wanted: each costs a short descent."""


def collect(
    model: QuadraticModel,
    reads: Any,
    *,
    num_samples: int,
    begin: int,
    timing: Mapping[str, int] | None = None,
    info: Mapping[str, Any] | None = None,
    lower_bound: float | None = None,
    optimal: bool = False,
) -> SampleSet:
    """The distinct feasible vectors of a solver's reads, best first, every energy recomputed from the model.

    Args:
        model: what was minimised.
        reads: ``[n, M]`` vectors as the solver returned them, its own energies not looked at.
        num_samples: how many are wanted.
        begin: `time.perf_counter_ns` at the start.
        timing: nanoseconds by phase so far.
        info: to be returned, with ``reads``, ``feasible`` (reads that kept every group) and ``repaired``
            (broken reads that were mended by `QuadraticModel.repair`) added.
        lower_bound, optimal: what the solver proved.
    """
    bits = np.asarray(reads, dtype=np.bool_).reshape(-1, model.num_bits)
    since = time.perf_counter_ns()
    violations = model.violations(bits)
    broken = np.flatnonzero(violations)
    # The least broken first; of equally broken ones, those of lowest energy.
    broken = broken[np.lexsort((model.energies(bits[broken]), violations[broken]))][: max(_MIN_REPAIRED, num_samples)]
    good = np.concatenate([bits[violations == 0], model.repair(bits[broken])])
    good = np.unique(good, axis=0)
    energies = model.energies(good)
    order = np.argsort(energies, kind="stable")[:num_samples]
    now = time.perf_counter_ns()
    counts = {"reads": len(bits), "feasible": int(np.count_nonzero(violations == 0)), "repaired": len(broken)}
    phases = {**(timing or {}), "repair": now - since, "total": now - begin}
    return SampleSet(good[order], energies[order], phases, lower_bound, optimal, {**(info or {}), **counts})
