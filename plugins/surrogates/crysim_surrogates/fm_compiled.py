"""A factorization machine on one CPU core: the same steps as `fm_torch`, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim_surrogates.fm_torch import Parameters
from crysim_surrogates.settings import TrainingSettings
from crysim_surrogates.sparse_bits import SparseBits


class CompiledTrainer:
    """Adam on the parameters of equation 21, with the gradient written out.

    Args:
        data, target, held, parameters, settings: as `crysim_surrogates.fm_torch.TorchTrainer` takes them.
    """

    def __init__(
        self, data: SparseBits, target: Floats, held: SparseBits, parameters: Parameters, settings: TrainingSettings
    ) -> None:
        from crysim_surrogates import fm_kernels

        self._kernels = fm_kernels
        self._starts, self._ones = data.starts, data.ones.view(np.uint32)
        self._target = target.astype(parameters.dtype)
        self._held = held
        self._settings = settings
        self._rank = (0,) * settings.rank
        self._steps = 0
        h = np.empty(data.num_bits + 1, parameters.dtype)
        W = np.empty((data.num_bits, settings.rank), parameters.dtype)
        self._h, self._W, self._terms = h, W, np.empty_like(h)
        self._gradients = np.zeros_like(h), np.zeros_like(W)
        self._moments = np.zeros((2, *h.shape), h.dtype), np.zeros((2, *W.shape), W.dtype)
        self.parameters = parameters

    def epoch(self, order: NDArray[np.int64], rates: Floats) -> None:
        """One step per learning rate over consecutive batches of the training rows in ``order``."""
        settings = self._settings
        steps = len(rates)
        sizes = np.full(steps, len(order) // steps) + (np.arange(steps) < len(order) % steps)
        self._kernels.run_epoch(
            self._starts,
            self._ones,
            self._target,
            order,
            np.concatenate(([0], np.cumsum(sizes))),
            rates,
            self._rank,
            (self._h, self._W, self._terms),
            self._gradients,
            self._moments,
            self._steps + 1,
            settings.weight_decay,
            (settings.loss == "rmse", settings.error_weight, settings.correlation_weight),
        )
        self._steps += steps

    def held_values(self) -> Floats:
        """Equation 21 for the validation vectors, ``[n]``."""
        n = len(self._held)
        z = np.empty((n, len(self._rank)), self._W.dtype)
        values = np.empty(n, self._W.dtype)
        ones = self._held.ones.view(np.uint32)
        self._kernels.forward(self._held.starts, ones, np.arange(n), self._W, self._terms, self._rank, z, values)
        return values.astype(np.float64)

    @property
    def parameters(self) -> Parameters:
        """The parameters as they are now, a copy."""
        values = np.zeros((len(self._h), self._W.shape[1] + 1), self._h.dtype)
        values[:, 0] = self._h
        values[:-1, 1:] = self._W
        return values

    @parameters.setter
    def parameters(self, values: Parameters) -> None:
        self._h[:] = values[:, 0]
        self._W[:] = values[:-1, 1:]
        self._kernels.row_terms(self._h, self._W, self._terms)
