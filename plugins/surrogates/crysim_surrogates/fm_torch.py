"""A factorization machine in torch: the reference implementation, and the one for CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.errors import InputError
from crysim_surrogates.objective import TINY
from crysim_surrogates.settings import TrainingSettings
from crysim_surrogates.sparse_bits import SparseBits

if TYPE_CHECKING:
    import torch

Parameters = NDArray[np.float32]
"""``[M + 1, K + 1]``: row i is (h_i, w_i); the last row is (b, 0, ..., 0)."""


def check_device(device: str) -> None:
    """Raise InputError unless torch can compute on the device."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"device '{device}' of surrogate 'fm' is not to be had here ({reason}): use 'cpu'") from None


class TorchTrainer:
    """Adam on the parameters of equation 21, by automatic differentiation.

    Args:
        data: training vectors.
        target: their standardised energies ``[n]``.
        held: validation vectors.
        parameters: where to start; the arithmetic is in their precision (float64 shows what is rounding).
        settings: of the training.
        device: of torch.
    """

    def __init__(
        self,
        data: SparseBits,
        target: Floats,
        held: SparseBits,
        parameters: Parameters,
        settings: TrainingSettings,
        device: str = "cpu",
    ) -> None:
        import torch

        self._torch = torch
        self._device = device
        self._settings = settings
        self._ones = torch.as_tensor(data.padded(), device=device)
        self._held = torch.as_tensor(held.padded(), device=device)
        start = torch.as_tensor(parameters, device=device)
        self._target = torch.as_tensor(target, dtype=start.dtype, device=device)
        # The embedding's last row stands for "no bit" and stays zero; the constant b is a parameter of its own.
        table = start.clone()
        table[-1] = 0.0
        self._table = table.requires_grad_()
        self._constant = start[-1, 0].clone().requires_grad_()
        self._adam = torch.optim.Adam([self._table, self._constant], lr=1.0, weight_decay=settings.weight_decay)

    def epoch(self, order: NDArray[np.int64], rates: Floats) -> None:
        """One step per learning rate over consecutive batches of the training rows in ``order``."""
        shuffled = self._torch.as_tensor(order, device=self._device)
        for batch, rate in zip(self._torch.tensor_split(shuffled, len(rates)), rates, strict=True):
            for group in self._adam.param_groups:
                group["lr"] = float(rate)
            self._adam.zero_grad(set_to_none=True)
            self._loss(self._predict(self._ones[batch]), self._target[batch]).backward()  # type: ignore[no-untyped-call]
            self._adam.step()

    def held_values(self) -> Floats:
        """Equation 21 for the validation vectors, ``[n]``."""
        with self._torch.no_grad():
            return np.asarray(self._predict(self._held).cpu().numpy(), dtype=np.float64)

    def _predict(self, ones: torch.Tensor) -> torch.Tensor:
        embedding_bag = self._torch.nn.functional.embedding_bag
        none = self._table.shape[0] - 1
        sums = embedding_bag(ones, self._table, mode="sum", padding_idx=none)
        norms = (self._table[:, 1:] ** 2).sum(dim=1, keepdim=True)
        squares = embedding_bag(ones, norms, mode="sum", padding_idx=none)
        values: torch.Tensor = self._constant + sums[:, 0] + 0.5 * ((sums[:, 1:] ** 2).sum(dim=1) - squares[:, 0])
        return values

    def _loss(self, predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        mse = ((predicted - target) ** 2).mean()
        p, y = predicted - predicted.mean(), target - target.mean()
        pcc = (p @ y) / ((p @ p) * (y @ y)).clamp_min(TINY).sqrt()
        settings = self._settings
        if settings.loss == "mse":
            return settings.error_weight * mse - settings.correlation_weight * pcc.abs()
        return settings.error_weight * mse.clamp_min(TINY).sqrt() - settings.correlation_weight * pcc

    @property
    def parameters(self) -> Parameters:
        """The parameters as they are now, a copy."""
        values = np.array(self._table.detach().cpu().numpy())
        values[-1, 0] = float(self._constant.detach())
        return values

    @parameters.setter
    def parameters(self, values: Parameters) -> None:
        torch = self._torch
        with torch.no_grad():
            self._constant.copy_(torch.as_tensor(values[-1, 0]))
            self._table.copy_(torch.as_tensor(values))
            self._table[-1] = 0.0
