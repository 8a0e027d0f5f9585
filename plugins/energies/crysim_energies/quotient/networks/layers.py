"""The network's layers with frozen weights: gated networks on atoms and on bonds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import silu

aten = torch.ops.aten

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
        value, gate = self.values[0](x), self.gates[0](x)
        for value_layer, gate_layer in zip(self.values[1:], self.gates[1:], strict=True):
            value, gate = value_layer(silu(value)), gate_layer(silu(gate))
        return (silu(value) if self.activate_last else value) * torch.sigmoid(gate)


class BondNetwork:
    """A gated MLP of (centre's features, far end's features, bond's features), weighted by the bond's length.

    The first layer is a sum of three products; the two that depend on one atom alone are made once per atom and handed
    to the bonds. Weights are stacked by tower, value and gate, so that one batched product serves both.

    Attributes:
        center_weight, far_weight: the first layer's share of the two ends' features, ``[2, features, hidden]``.
        bias: of the first layer, ``[2, 1, hidden]``.
        edge_weight: the first layer's share of the bond's features, ``[2, features, hidden]``.
        layers: weights ``[2, in, out]`` and biases ``[2, 1, out]`` of the further layers.
        radial_weight: ``[basis functions, out]``.
    """

    def __init__(self, gated: Any, weight: Any, num_node_features: int, convert: Convert) -> None:
        mlp = GatedMLP.from_matgl(gated, convert)
        weights = [torch.stack([v.weight, g.weight]) for v, g in zip(mlp.values, mlp.gates, strict=True)]
        biases = [stacked_biases(v, g) for v, g in zip(mlp.values, mlp.gates, strict=True)]
        n = num_node_features
        self.center_weight, self.far_weight, self.edge_weight = (
            part.contiguous() for part in (weights[0][:, :n], weights[0][:, n : 2 * n], weights[0][:, 2 * n :])
        )
        self.bias = biases[0]
        self.layers = list(zip(weights[1:], biases[1:], strict=True))
        self.radial_weight = Linear.from_module(weight, convert).weight
        # transposed copies: products with them are faster than with transposed views
        self.edge_transposed = self.edge_weight.transpose(1, 2).contiguous()
        self.layers_transposed = [w.transpose(1, 2).contiguous() for w, _ in self.layers]

    def __call__(
        self, center: torch.Tensor, far: torch.Tensor, edges: torch.Tensor, radial: torch.Tensor, ends: BondEnds
    ) -> torch.Tensor:
        """Messages ``[U, out]``.

        Args:
            center, far: the first layer's share of every atom as a centre (bias included) and as a far end,
                ``[2, R, hidden]``.
            edges: bond features ``[U, features]``.
            radial: basis functions of the bond lengths ``[U, n]``.
            ends: which atoms the bonds join.
        """
        message: torch.Tensor = _BondMessage.apply(  # type: ignore[no-untyped-call]
            self, center, far, edges, radial, ends
        )
        return message


@dataclass(frozen=True)
class BondEnds:
    """Rows of the centre's and the far end's features in arrays ``[2 R, ...]`` stacked by tower, ``[2 U]`` each."""

    center: torch.Tensor
    far: torch.Tensor

    @classmethod
    def of(cls, center: torch.Tensor, far: torch.Tensor, num_atoms: int) -> BondEnds:
        """From the atoms at both ends ``[U]``."""
        return cls(torch.cat([center, center + num_atoms]), torch.cat([far, far + num_atoms]))


class _BondMessage(torch.autograd.Function):
    """`BondNetwork` with its derivatives written out: half the time of automatic differentiation, and less memory."""

    @staticmethod
    def forward(
        ctx: Any,
        network: BondNetwork,
        center: torch.Tensor,
        far: torch.Tensor,
        edges: torch.Tensor,
        radial: torch.Tensor,
        ends: BondEnds,
    ) -> torch.Tensor:
        hidden = center.shape[2]
        x = center.reshape(-1, hidden).index_select(0, ends.center)
        x += far.reshape(-1, hidden).index_select(0, ends.far)
        x = torch.baddbmm(x.view(2, -1, hidden), edges.expand(2, *edges.shape), network.edge_weight)
        inputs = [x]
        for weight, bias in network.layers:
            x = torch.baddbmm(bias, silu(x), weight)
            inputs.append(x)
        value, gate = silu(x[0]), torch.sigmoid(x[1])
        scale = radial @ network.radial_weight
        ctx.network, ctx.ends, ctx.num_atoms = network, ends, center.shape[1]
        ctx.save_for_backward(value, gate, scale, *inputs)
        return (value * gate).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *pulls: torch.Tensor) -> Any:
        (pull,) = pulls
        network, ends = ctx.network, ctx.ends
        value, gate, scale, *inputs = ctx.saved_tensors
        to_scale = (value * gate).mul_(pull)
        pull = pull * scale
        x = torch.empty_like(inputs[-1])
        aten.sigmoid_backward.grad_input(pull * value, gate, grad_input=x[1])
        aten.silu_backward.grad_input(pull.mul_(gate), inputs[-1][0], grad_input=x[0])
        for transposed, before in zip(reversed(network.layers_transposed), reversed(inputs[:-1]), strict=True):
            x = torch.bmm(x, transposed)
            aten.silu_backward.grad_input(x, before, grad_input=x)
        to_edges = torch.addmm(x[0] @ network.edge_transposed[0], x[1], network.edge_transposed[1])
        flat = x.view(-1, x.shape[2])
        atoms = flat.new_zeros(2 * ctx.num_atoms, flat.shape[1])
        to_center = atoms.index_add(0, ends.center, flat).view(2, ctx.num_atoms, -1)
        to_far = atoms.index_add_(0, ends.far, flat).view(2, ctx.num_atoms, -1)
        return None, to_center, to_far, to_edges, to_scale @ network.radial_weight.T, None


def stacked_biases(value: Linear, gate: Linear) -> torch.Tensor:
    """The biases of two layers, zero where a layer has none, ``[2, 1, out]``."""
    width = value.weight.shape[1]
    biases = [value.weight.new_zeros(width) if layer.bias is None else layer.bias for layer in (value, gate)]
    return torch.stack(biases)[:, None, :]
