"""The network's layers with frozen weights: gated networks on atoms and on bonds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import silu

Convert = Callable[[torch.Tensor], torch.Tensor]
"""Copies a parameter to the device and dtype of the network."""


@dataclass(frozen=True)
class Linear:
    """``x @ weight + bias``."""

    weight: torch.Tensor
    bias: torch.Tensor | None

    @classmethod
    def from_module(cls, module: Any, convert: Convert) -> Linear:
        """Copy a ``torch.nn.Linear``; the weight is transposed to ``[in, out]``."""
        bias = None if module.bias is None else convert(module.bias)
        return cls(convert(module.weight).T.contiguous(), bias)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight if self.bias is None else torch.addmm(self.bias, x, self.weight)


@dataclass(frozen=True)
class GatedMLP:
    """matgl's gated MLP: two towers, SiLU between layers, the value times the gate's sigmoid.

    Attributes:
        values, gates: the layers of the two towers.
        activate_last: whether the value's last layer has a SiLU.
    """

    values: tuple[Linear, ...]
    gates: tuple[Linear, ...]
    activate_last: bool

    @classmethod
    def from_matgl(cls, module: Any, convert: Convert) -> GatedMLP:
        """Copy a ``matgl.layers.GatedMLP``."""

        def tower(layers: Any) -> tuple[Linear, ...]:
            return tuple(Linear.from_module(layer, convert) for layer in layers if isinstance(layer, torch.nn.Linear))

        return cls(tower(module.layers), tower(module.gates), bool(module.activate_last))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """``[n, in]`` to ``[n, out]``."""
        return self.after_first(self.values[0](x), self.gates[0](x))

    def after_first(self, value: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        """The rest of the network, from what the first layers of the two towers return."""
        for value_layer, gate_layer in zip(self.values[1:], self.gates[1:], strict=True):
            value, gate = value_layer(silu(value)), gate_layer(silu(gate))
        return (silu(value) if self.activate_last else value) * torch.sigmoid(gate)


class BondNetwork:
    """A gated MLP of (centre's features, far end's features, bond's features), weighted by the bond's length.

    The first layer is a sum of three products; the two that depend on one atom alone are made once per atom
    (`project`) and handed to the bonds.
    """

    def __init__(self, gated: Any, weight: Any, num_node_features: int, convert: Convert) -> None:
        self._gated = GatedMLP.from_matgl(gated, convert)
        self._radial = Linear.from_module(weight, convert)
        n = num_node_features
        first = torch.cat([self._gated.values[0].weight, self._gated.gates[0].weight], dim=1)
        self.center_weight, self.far_weight, self._edge_weight = first[:n], first[n : 2 * n], first[2 * n :]
        biases = [self._gated.values[0].bias, self._gated.gates[0].bias]
        self.bias = torch.cat([b if b is not None else first.new_zeros(first.shape[1] // 2) for b in biases])

    @property
    def width(self) -> int:
        """Columns of what `__call__` takes for each end: both towers' first layers."""
        return int(self.bias.shape[0])

    def __call__(self, ends: torch.Tensor, edges: torch.Tensor, radial: torch.Tensor) -> torch.Tensor:
        """Messages ``[U, out]``.

        Args:
            ends: the first layer's share of both ends, bias included, ``[U, width]``.
            edges: bond features ``[U, features]``.
            radial: basis functions of the bond lengths ``[U, n]``.
        """
        first = torch.addmm(ends, edges, self._edge_weight)
        half = self.width // 2
        return self._gated.after_first(first[:, :half], first[:, half:]) * self._radial(radial)
