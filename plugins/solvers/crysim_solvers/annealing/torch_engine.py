"""Many replicas of a low-rank model at once in torch: for a GPU, and for many replicas on a CPU.

All replicas take the same step at the same time: a one is taken out of the group, the conditionals of all replicas
are one matrix product ``[R, K] x [K, n]``, and each replica's new place is found by the inverse of its cumulative sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm
from crysim.quadratic.partition import Indices

if TYPE_CHECKING:
    import torch


class TorchEngine:
    """Replicas on one device.

    Args:
        model: low-rank.
        device: of torch.
    """

    def __init__(self, model: QuadraticModel, device: str) -> None:
        import torch

        form = LowRankForm.of(model)
        self.partition = form.partition
        self.device = torch.device(device)
        self._linear = torch.tensor(self.partition.spread(model.linear), dtype=torch.float32, device=self.device)
        self._factors = torch.tensor(form.factors, dtype=torch.float32, device=self.device)

    def generator(self, seed: int) -> torch.Generator:
        """A generator of random numbers on the device."""
        import torch

        return torch.Generator(device=self.device).manual_seed(seed)

    def load(self, ones: NDArray[np.int64]) -> torch.Tensor:
        """Ones ``[R, num_ones]`` on the device."""
        import torch

        return torch.tensor(ones, dtype=torch.int64, device=self.device)

    def sweep(self, ones: torch.Tensor, temperatures: Floats, generator: torch.Generator) -> None:
        """Heat-bath sweeps of all replicas, one per temperature (above 0); ``ones [R, num_ones]`` changes in place."""
        import torch

        p = self.partition
        replicas = ones.shape[0]
        rows = torch.arange(replicas, device=self.device)
        for temperature in temperatures:
            z = self._factors[ones].sum(dim=1)
            first = 0
            for start, size, count in zip(p.starts.tolist(), p.sizes.tolist(), p.counts.tolist(), strict=True):
                if 0 < count < size:
                    linear = self._linear[start : start + size]
                    columns = self._factors[start : start + size].T
                    for j in range(first, first + count):
                        z -= self._factors[ones[:, j]]
                        cost = torch.addmm(linear, z, columns)
                        if count > 1:
                            others = ones[:, first : first + count] - start
                            kept = cost[rows, others[:, j - first]]
                            cost.scatter_(1, others, torch.inf)
                            cost[rows, others[:, j - first]] = kept
                        ones[:, j] = start + _draw(cost, float(temperature), generator)
                        z += self._factors[ones[:, j]]
                first += count

    def fetch(self, ones: torch.Tensor) -> Indices:
        """Ones ``[R, num_ones]`` from the device, each row sorted."""
        result: NDArray[Any] = ones.sort(dim=1).values.cpu().numpy()
        return result


def _draw(cost: torch.Tensor, temperature: float, generator: torch.Generator) -> torch.Tensor:
    """An index ``[R]`` per row of ``cost [R, n]``, with probability ∝ exp(−cost/T)."""
    import torch

    lowest = cost.min(dim=1, keepdim=True).values
    total = torch.cumsum(torch.exp((lowest - cost) / temperature), dim=1)
    mark = torch.rand((cost.shape[0], 1), generator=generator, device=cost.device) * total[:, -1:]
    # The last index may lie beyond the end by rounding; it must not be one of no weight.
    index = torch.searchsorted(total, mark, right=True)
    last = torch.searchsorted(total, total[:, -1:].contiguous())
    return torch.minimum(index, last).squeeze(1)
