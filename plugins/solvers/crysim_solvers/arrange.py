"""Quadratic problems of other libraries, whose groups may have their variables anywhere, as models of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.interfaces import IsingSolver, SampleSet
from crysim.plugins import plugin_manager
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.bounds import with_quick_lower_bound
from crysim.quadratic.convert import from_terms
from crysim.quadratic.partition import Indices


@dataclass(frozen=True)
class ExactlyK:
    """Of these variables exactly ``k`` are 1."""

    variables: tuple[int, ...]
    k: int
    name: str = ""


@dataclass(frozen=True, eq=False)
class Arranged:
    """A model whose bit i is variable ``order[i]`` of the problem."""

    model: QuadraticModel
    order: Indices

    def back(self, bits: Bits) -> Bits:
        """Vectors ``[n, M]`` in the order of the problem's variables."""
        vectors = np.empty_like(bits)
        vectors[:, self.order] = bits
        return vectors


def arrange(
    linear: Floats, rows: Any, columns: Any, values: Any, offset: float, groups: Sequence[ExactlyK]
) -> Arranged:
    """Put each group's variables side by side, and the free ones behind.

    Args:
        linear: ``[M]``.
        rows, columns, values: pairs of different variables and their couplings; a pair given twice adds up.
        offset: the constant.
        groups: disjoint.
    """
    members = [variable for group in groups for variable in group.variables]
    free = np.setdiff1d(np.arange(len(linear)), members)
    order = np.concatenate([np.array(members, dtype=np.int64), free.astype(np.int64)])
    place = np.empty(len(linear), dtype=np.int64)
    place[order] = np.arange(len(linear))
    starts = np.cumsum([0, *(len(group.variables) for group in groups)])
    bit_groups = [
        BitGroup(group.name or f"group {number}", int(start), len(group.variables), group.k)
        for number, (group, start) in enumerate(zip(groups, starts, strict=False))
    ]
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    model = from_terms(linear[order], place[rows], place[columns], values, offset, bit_groups)
    return Arranged(model, order)


def run_solver(
    solver: str, options: dict[str, Any], model: QuadraticModel, num_samples: int, time_limit: float | None, seed: int
) -> SampleSet:
    """One of crysim's solvers by name on a model; the answer is bounded if the model is low-rank."""
    built: IsingSolver = plugin_manager().build("solver", solver, options)
    samples = built.solve(model, num_samples=num_samples, time_limit=time_limit, seed=seed)
    return with_quick_lower_bound(model, samples)
