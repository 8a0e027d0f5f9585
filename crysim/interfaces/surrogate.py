"""Surrogates: bit vectors and energies to a quadratic model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.interfaces.plugin import Plugin
from crysim.quadratic import BitGroup, QuadraticModel


@dataclass(frozen=True)
class FitReport:
    """How a fit went, for the journal and for figure S3 of the paper.

    Attributes:
        epochs: passes over the data.
        train_pcc, validation_pcc: Pearson correlation of predicted and given energies (NaN if undefined).
        validation_rmse: in the units of the energies given.
        seconds: wall time.
    """

    epochs: int
    train_pcc: float
    validation_pcc: float
    validation_rmse: float
    seconds: float


class Surrogate(Plugin, ABC):
    """A quadratic regression from bit vectors to energies.

    Order of calls: ``__init__(**options)``, then any number of `fit`, each followed by `predict` and
    `quadratic_model`. A fit starts from scratch unless an option says that it starts from the last one's weights.

    The smallest one is linear, by ridge regression (it holds nothing back, and says that validation is undefined):

    >>> import time
    >>> import numpy as np
    >>> from crysim.interfaces import FitReport, Surrogate
    >>> from crysim.quadratic import BitGroup, QuadraticModel
    >>> class Linear(Surrogate):
    ...     name = "linear"
    ...
    ...     def __init__(self, *, ridge: float = 1e-6) -> None:
    ...         self.ridge = ridge
    ...
    ...     def fit(self, bits, energies, rng):
    ...         start = time.perf_counter()
    ...         x = bits - bits.mean(axis=0)
    ...         self._mean, self._scale = energies.mean(), energies.std() or 1.0
    ...         target = (energies - self._mean) / self._scale
    ...         self._h = np.linalg.solve(x.T @ x + self.ridge * np.eye(x.shape[1]), x.T @ target)
    ...         self._offset = float(-bits.mean(axis=0) @ self._h)
    ...         pcc = float(np.corrcoef(self.predict(bits), energies)[0, 1])
    ...         return FitReport(1, pcc, float("nan"), float("nan"), time.perf_counter() - start)
    ...
    ...     def predict(self, bits):
    ...         return self._mean + self._scale * self.quadratic_model(()).energies(bits)
    ...
    ...     def quadratic_model(self, groups):
    ...         couplings = np.zeros((len(self._h), 1))
    ...         return QuadraticModel(self._h, factors=couplings, groups=tuple(groups), offset=self._offset)
    >>> bits = np.eye(4, dtype=np.bool_)
    >>> energies = np.array([-3.0, -1.0, 0.5, 2.0])
    >>> surrogate = Linear()
    >>> report = surrogate.fit(bits, energies, np.random.default_rng(0))
    >>> surrogate.predict(bits).round(3).tolist()
    [-3.0, -1.0, 0.5, 2.0]
    >>> int(np.argmin(surrogate.quadratic_model([BitGroup("one", 0, 4)]).linear))
    0
    """

    tuning_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """What ``crysim tune`` tries: values by option; for ``"a,b"`` pairs of values for the options a and b together."""

    @abstractmethod
    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        """Fit to vectors ``[n, M]`` and energies ``[n]`` (eV per cell, finite)."""

    @abstractmethod
    def predict(self, bits: Bits) -> Floats:
        """Energies ``[n]`` (eV per cell) of vectors ``[n, M]``."""

    @abstractmethod
    def quadratic_model(self, groups: Sequence[BitGroup]) -> QuadraticModel:
        """The fitted function as a model, in units of the standardised energy, with the encoder's groups.

        Its order of vectors is that of `predict`; its scale is what the solver sees.
        """

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """What predictions, and the next fit besides its data, depend on (warm-start weights), or None."""
        return None

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take up a state that `state` returned."""
