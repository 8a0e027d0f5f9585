"""What an Ising solver's answer must be."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.interfaces import IsingSolver, SampleSet
from crysim.plugins.checked.faults import Checked, is_number, is_seconds
from crysim.quadratic import QuadraticModel

TOLERANCE = 1e-6
"""Of an energy, relative to 1 + |E|: rounding of sums in another order is far below it, a wrong energy far above."""


class CheckedSolver(Checked[IsingSolver], IsingSolver):
    """A solver whose answers are looked at: shapes, groups, energies, order, distinctness, bounds and proofs."""

    kind = "solver"

    def refuses(self, model: QuadraticModel) -> str | None:
        """The solver's own reason, looked at: a text, or None."""
        with self._calling("refuses"):
            reason = self._plugin.refuses(model)
        if reason is not None and not isinstance(reason, str):
            self._fault(f"refuses returned a {type(reason).__name__}, not a text or None")
        return reason

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """The solver's answer, looked at; one without a vector is the caller's to judge."""
        with self._calling("solve"):
            samples = self._plugin.solve(model, num_samples=num_samples, time_limit=time_limit, seed=seed)
        if not isinstance(samples, SampleSet):
            self._fault(f"it returned a {type(samples).__name__}, not a SampleSet")
        if isinstance(samples.energies, np.ndarray) and samples.energies.shape == (0,):
            return samples
        self._check_vectors(model, samples.bits, samples.energies, num_samples)
        self._check_claims(model, samples)
        self._check_notes(samples)
        return samples

    def _check_vectors(self, model: QuadraticModel, bits: Bits, energies: Floats, num_samples: int) -> None:
        n = len(bits) if isinstance(bits, np.ndarray) and bits.ndim else 0
        self._array("its vectors", bits, (n, model.num_bits), "b")
        self._array("its energies", energies, (n,), "f")
        if n > num_samples:
            self._fault(f"{n} vectors were returned where {num_samples} were asked for")
        broken = model.violations(bits)
        if broken.any():
            row = int(np.argmax(broken > 0))
            self._fault(f"vector {row} is not feasible: its groups are {broken[row]} ones away from their counts")
        true = model.energies(bits)
        wrong = ~(np.abs(energies - true) <= TOLERANCE * (1.0 + np.abs(true)))  # NaN is wrong, too
        if wrong.any():
            row = int(np.argmax(wrong))
            self._fault(f"vector {row} has the energy {true[row]:.6g}, not {energies[row]:.6g}")
        if (np.diff(energies) < -TOLERANCE * (1.0 + np.abs(energies[1:]))).any():
            self._fault("the vectors are not in the order of their energies, best first")
        if len({row.tobytes() for row in np.packbits(bits, axis=1)}) < n:
            self._fault("a vector stands twice among the answers")

    def _check_claims(self, model: QuadraticModel, samples: SampleSet) -> None:
        """A bound is no higher, and an optimum no worse, than what feasible vectors at hand have."""
        bound, best = samples.lower_bound, float(samples.energies[0])
        if bound is not None and not (is_number(bound) and isfinite(bound)):
            self._fault(f"the lower bound is {bound!r}, not a finite number")
        if not isinstance(samples.optimal, bool | np.bool_):
            self._fault(f"'optimal' is {samples.optimal!r}, not a truth value")
        if not samples.optimal and bound is None:
            return
        tolerance = TOLERANCE * (1.0 + abs(best))
        lower = best + lowest_exchange(model, samples.bits[0])
        if bound is not None and bound > lower + tolerance:
            self._fault(f"the lower bound {bound:.6g} is above the energy {lower:.6g} of a feasible vector")
        if samples.optimal and lower < best - tolerance:
            self._fault(f"{best:.6g} is called optimal: one exchange of bits gives {lower:.6g}")
        if samples.optimal and bound is not None and bound < best - max(tolerance, 1e-4 * (1.0 + abs(best))):
            self._fault(f"{best:.6g} is called optimal, and the lower bound is {bound:.6g}")

    def _check_notes(self, samples: SampleSet) -> None:
        timing = samples.timing
        if not isinstance(timing, Mapping) or "total" not in timing:
            self._fault("its timing has no 'total'")
        if not all(isinstance(phase, str) and is_seconds(value) for phase, value in timing.items()):
            self._fault("its timing is not in nanoseconds, 0 or more")
        self._json("its info", samples.info)


def lowest_exchange(model: QuadraticModel, x: Bits) -> float:
    """By how much the best exchange of two bits of a group, or flip of a free bit, lowers the energy: 0 or less."""
    fields = model.local_fields(x)
    free = np.ones(model.num_bits, dtype=np.bool_)
    lowest = 0.0
    for group in model.groups:
        free[group.slice] = False
        off = ~x[group.slice]
        if not off.any():
            continue
        for bit in group.start + np.flatnonzero(x[group.slice]):
            change = (fields - model.coupling_row(int(bit)))[group.slice][off].min() - fields[bit]
            lowest = min(lowest, float(change))
    if free.any():
        lowest = min(lowest, float(np.where(x, -fields, fields)[free].min()))
    return lowest
