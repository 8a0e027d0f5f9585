"""What a surrogate's report, predictions and model must be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.interfaces import FitReport, Surrogate
from crysim.plugins.checked.faults import CheckedState, is_number
from crysim.quadratic import BitGroup, QuadraticModel


class CheckedSurrogate(CheckedState[Surrogate], Surrogate):
    """A surrogate whose report, predictions and model are looked at."""

    kind = "surrogate"

    def __init__(self, plugin: Surrogate) -> None:
        super().__init__(plugin)
        self._num_bits: int | None = None

    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        """Fit it, and look at its report."""
        with self._calling("fit"):
            report = self._plugin.fit(bits, energies, rng)
        self._num_bits = bits.shape[1]
        if not isinstance(report, FitReport):
            self._fault(f"a fit returned a {type(report).__name__}, not a FitReport")
        for name in ("train_pcc", "validation_pcc"):
            value = getattr(report, name)
            if not is_number(value) or abs(value) > 1.0 + 1e-6:  # NaN: undefined
                self._fault(f"{name} is {value!r}, no correlation")
        if not is_number(report.validation_rmse) or report.validation_rmse < 0:
            self._fault(f"validation_rmse is {report.validation_rmse!r}")
        return report

    def predict(self, bits: Bits) -> Floats:
        """Its predictions, looked at: one finite number for each vector."""
        with self._calling("predict"):
            energies = self._plugin.predict(bits)
        self._array("its predictions", energies, (len(bits),), "f")
        if not np.isfinite(energies).all():
            self._fault("a prediction is not finite")
        return energies

    def quadratic_model(self, groups: Sequence[BitGroup]) -> QuadraticModel:
        """Its model, looked at: the groups given, and as many bits as the vectors of the last fit."""
        with self._calling("quadratic_model"):
            model = self._plugin.quadratic_model(groups)
        if not isinstance(model, QuadraticModel):
            self._fault(f"its model is a {type(model).__name__}, not a QuadraticModel")
        if self._num_bits is not None and model.num_bits != self._num_bits:
            self._fault(f"its model has {model.num_bits} bits, and it was fitted to {self._num_bits}")
        if tuple(model.groups) != tuple(groups):
            self._fault("its model has other groups than it was given")
        return model
