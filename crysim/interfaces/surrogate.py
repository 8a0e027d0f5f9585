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
        """What the next fit depends on besides its data (warm-start weights), or None."""
        return None

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take up a state that `state` returned."""
