"""A gated network on rows that are put together from several tables: messages of bonds and of angles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import silu

from crysim_energies.quotient.networks.layers import Convert, GatedMLP, Linear, linear_layers, stacked_biases

aten = torch.ops.aten


class GatedRows:
    """A gated MLP of the features of several things side by side, times a scale: M3GNet's and CHGNet's.

    The first layer is a sum of products with each thing's features. What an atom or a bond contributes is made once
    and handed to all rows that it takes part in. Weights are stacked by tower, value and gate, so that one batched
    product serves both.

    Args:
        values, gates: the layers of the two towers; a SiLU is between them and after the last value.
        sizes: how many features of each thing the input has, in their order.

    Attributes:
        parts: the first layer's weights for each thing, ``[2, features, hidden]``.
        bias: of the first layer, ``[2, 1, hidden]``; whoever makes the tables adds it to one of them.
        layers: weights ``[2, in, out]`` and biases ``[2, 1, out]`` of the further layers.
        norm: scale and shift ``[2, 1, out]`` of the layer norm before the activations, if there is one.
    """

    def __init__(self, values: Sequence[Linear], gates: Sequence[Linear], sizes: Sequence[int]) -> None:
        pairs = list(zip(values, gates, strict=True))
        weights = [torch.stack([value.weight, gate.weight]) for value, gate in pairs]
        biases = [stacked_biases(value, gate) for value, gate in pairs]
        self.parts = [part.contiguous() for part in torch.split(weights[0], list(sizes), dim=1)]
        self.bias = biases[0]
        self.layers = list(zip(weights[1:], biases[1:], strict=True))
        self.norm: tuple[torch.Tensor, torch.Tensor] | None = None
        self.eps = 0.0
        # transposed copies: products with them are faster than with transposed views
        self.transposed = [part.transpose(1, 2).contiguous() for part in self.parts]
        self.layers_transposed = [weight.transpose(1, 2).contiguous() for weight, _ in self.layers]

    @classmethod
    def from_matgl(cls, module: Any, sizes: Sequence[int], convert: Convert) -> GatedRows:
        """Copy a ``matgl.layers.GatedMLP`` whose last value has a SiLU."""
        mlp = GatedMLP.from_matgl(module, convert)
        return cls(mlp.values, mlp.gates, sizes)

    @classmethod
    def from_chgnet(cls, module: Any, sizes: Sequence[int], convert: Convert) -> GatedRows:
        """Copy chgnet's ``GatedMLP``."""
        network = cls(
            linear_layers(module.mlp_core.layers, convert), linear_layers(module.mlp_gate.layers, convert), sizes
        )
        if module.bn1 is not None:
            norms = (module.bn1, module.bn2)
            network.eps = float(module.bn1.eps)
            scale, shift = (torch.stack([convert(getattr(n, name)) for n in norms]) for name in ("weight", "bias"))
            network.norm = scale[:, None, :], shift[:, None, :]
        return network

    def table(self, part: int, features: torch.Tensor, *, bias: bool = False) -> torch.Tensor:
        """What things with features ``[n, f]`` contribute to the first layer, ``[2, n, hidden]``."""
        stacked = features.expand(2, *features.shape)
        return torch.baddbmm(self.bias, stacked, self.parts[part]) if bias else torch.bmm(stacked, self.parts[part])

    def __call__(
        self,
        tables: Sequence[torch.Tensor],
        rows: Sequence[torch.Tensor],
        scale: torch.Tensor | None = None,
        own: tuple[int, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Outputs ``[n, out]``.

        Args:
            tables: contributions of things, ``[2, things, hidden]`` each.
            rows: of the tables laid out as ``[2 things, hidden]``, for both towers one after the other, ``[2 n]`` each
                (`both_towers`).
            scale: ``[n, out]``, multiplies the outputs.
            own: a part of the input that every row has for itself, and its features ``[n, f]``.
        """
        part, features = own or (0, None)
        result: torch.Tensor = _Gated.apply(  # type: ignore[no-untyped-call]
            self, list(rows), part, features, scale, *tables
        )
        return result


def both_towers(index: torch.Tensor, num_things: int) -> torch.Tensor:
    """Rows for both towers, ``[2 n]``, in a table of two towers one after the other."""
    return torch.cat([index, index + num_things])


class _Gated(torch.autograd.Function):
    """`GatedRows` with its derivatives written out."""

    @staticmethod
    def forward(
        ctx: Any,
        network: GatedRows,
        rows: list[torch.Tensor],
        part: int,
        features: torch.Tensor | None,
        scale: torch.Tensor | None,
        *tables: torch.Tensor,
    ) -> torch.Tensor:
        hidden = tables[0].shape[2]
        x = tables[0].reshape(-1, hidden).index_select(0, rows[0])
        for table, row in zip(tables[1:], rows[1:], strict=True):
            x += table.reshape(-1, hidden).index_select(0, row)
        x = x.view(2, -1, hidden)
        if features is not None:
            x = torch.baddbmm(x, features.expand(2, *features.shape), network.parts[part])
        inputs = [x]
        for weight, bias in network.layers:
            x = torch.baddbmm(bias, silu(x), weight)
            inputs.append(x)
        statistics: list[torch.Tensor] = []
        if network.norm is not None:
            width = [x.shape[2]]
            x, *statistics = torch.native_layer_norm(x, width, None, None, network.eps)
            x = torch.addcmul(network.norm[1], x, network.norm[0])
        value, gate = silu(x[0]), torch.sigmoid(x[1])
        out = value * gate
        ctx.network, ctx.rows, ctx.part = network, rows, part
        ctx.sizes = [table.shape[1] for table in tables]
        ctx.has_features, ctx.has_scale = features is not None, scale is not None
        ctx.save_for_backward(x[0], value, gate, *([scale] if scale is not None else []), *statistics, *inputs)
        return out if scale is None else out.mul_(scale)

    @staticmethod
    def backward(ctx: Any, *pulls: torch.Tensor) -> Any:
        (pull,) = pulls
        network: GatedRows = ctx.network
        before_silu, value, gate, *saved = ctx.saved_tensors
        to_scale = None
        if ctx.has_scale:
            scale = saved.pop(0)
            to_scale = (value * gate).mul_(pull)
            pull = pull * scale
        x = pull.new_empty(2, *pull.shape)
        aten.sigmoid_backward.grad_input(pull * value, gate, grad_input=x[1])
        aten.silu_backward.grad_input(pull * gate, before_silu, grad_input=x[0])
        if network.norm is not None:
            mean, rstd, *saved = saved
            width = [x.shape[2]]
            x = x.mul_(network.norm[0])
            x, _, _ = aten.native_layer_norm_backward(x, saved[-1], width, mean, rstd, None, None, [True, False, False])
        for transposed, before in zip(reversed(network.layers_transposed), reversed(saved[:-1]), strict=True):
            x = torch.bmm(x, transposed)
            aten.silu_backward.grad_input(x, before, grad_input=x)
        to_features = None
        if ctx.has_features:
            first, second = network.transposed[ctx.part]
            to_features = torch.addmm(x[0] @ first, x[1], second)
        flat = x.view(-1, x.shape[2])
        to_tables = [
            flat.new_zeros(2 * size, x.shape[2]).index_add_(0, row, flat).view(2, size, x.shape[2])
            for size, row in zip(ctx.sizes, ctx.rows, strict=True)
        ]
        return None, None, None, to_features, to_scale, *to_tables
