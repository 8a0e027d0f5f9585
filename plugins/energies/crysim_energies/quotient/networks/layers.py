"""Layers with frozen weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import silu

from crysim.interfaces import Blend

Convert = Callable[[torch.Tensor], torch.Tensor]
"""Copies a parameter to the device and dtype of the network."""


def with_blend(rows: torch.Tensor, elements: Sequence[str], blend: Blend) -> torch.Tensor:
    """A copy of what each element has, ``[elements, ...]``: that of a blend's first element is the mean of all.

    Raises:
        ValueError: an element of the blend is not there.
    """
    found = rows.clone()
    shares = [(elements.index(element), share) for element, share in blend.shares]
    found[shares[0][0]] = sum(share * rows[place] for place, share in shares)
    return found


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
        return cls(
            linear_layers(module.layers, convert), linear_layers(module.gates, convert), bool(module.activate_last)
        )

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """``[n, in]`` to ``[n, out]``."""
        value, gate = self.values[0](x), self.gates[0](x)
        for value_layer, gate_layer in zip(self.values[1:], self.gates[1:], strict=True):
            value, gate = value_layer(silu(value)), gate_layer(silu(gate))
        return (silu(value) if self.activate_last else value) * torch.sigmoid(gate)


def linear_layers(layers: Iterable[Any], convert: Convert) -> tuple[Linear, ...]:
    """Copy the ``torch.nn.Linear`` among some modules."""
    return tuple(Linear.from_module(layer, convert) for layer in layers if isinstance(layer, torch.nn.Linear))


def stacked_biases(value: Linear, gate: Linear) -> torch.Tensor:
    """The biases of two layers, zero where a layer has none, ``[2, 1, out]``."""
    width = value.weight.shape[1]
    biases = [value.weight.new_zeros(width) if layer.bias is None else layer.bias for layer in (value, gate)]
    return torch.stack(biases)[:, None, :]
