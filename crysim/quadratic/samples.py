"""What an Ising solver found: distinct feasible vectors of a model, best first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crysim.arrays import Bits, Floats


@dataclass(frozen=True)
class SampleSet:
    """What a solver found: distinct feasible vectors, best first.

    Attributes:
        bits: ``[n, M]``.
        energies: ``[n]`` of the model, recomputed by ``QuadraticModel.energies``.
        timing: nanoseconds by phase; ``"total"`` always (dimod's convention).
        lower_bound: no feasible vector has a lower energy; None if the solver proves nothing.
        optimal: the first vector is proven optimal.
        info: counts and notes that can be written as JSON (sweeps, repaired, ...).
    """

    bits: Bits
    energies: Floats
    timing: Mapping[str, int]
    lower_bound: float | None = None
    optimal: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """Energy of the best vector minus the lower bound; None if there is no bound."""
        if self.lower_bound is None or not len(self.energies):
            return None
        return max(0.0, float(self.energies[0]) - self.lower_bound)
