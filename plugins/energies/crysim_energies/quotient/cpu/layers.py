"""Layers with frozen weights, forwards and backwards: each call hands out a tape, which takes a pull back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from crysim.arrays import Features
from crysim_energies.quotient.cpu.kernels import (
    gate,
    gate_backward,
    normalise,
    normalise_backward,
    silu,
    silu_backward,
)
from crysim_energies.quotient.networks.gated import GatedRows
from crysim_energies.quotient.networks.layers import Linear


def numbers(tensor: torch.Tensor) -> Any:
    """A tensor's numbers, without a copy where they lie in order: `Features`, or `Floats` of one in float64."""
    return tensor.detach().contiguous().numpy()


def bias_of(layer: Linear) -> Features:
    """A layer's bias ``[out]``; zeros where it has none."""
    if layer.bias is None:
        return np.zeros(layer.weight.shape[1], dtype=np.float32)
    found: Features = numbers(layer.bias)
    return found


def side_by_side(stacked: torch.Tensor) -> Features:
    """Weights or biases of towers ``[towers, rows, k]`` as ``[rows, towers k]``."""
    return np.ascontiguousarray(np.concatenate(list(numbers(stacked)), axis=1))


class Activated(NamedTuple):
    """What SiLU made of its inputs, and what its slope needs.

    Attributes:
        out: ``[n, k]``.
        sigmoid: of the inputs.
    """

    out: Features
    sigmoid: Features

    @classmethod
    def of(cls, x: Features, bias: Features) -> Activated:
        """Of the sums of inputs ``[n, k]`` and a bias ``[k]``."""
        made = cls(np.empty_like(x), np.empty_like(x))
        silu(x, bias, made.sigmoid, made.out)
        return made

    def backward(self, pull: Features) -> Features:
        """The pull on the inputs, written over that on the outputs."""
        silu_backward(pull, self.sigmoid, self.out)
        return pull


class Mlp:
    """Linear layers with SiLU between them.

    Args:
        layers: from first to last.
    """

    def __init__(self, layers: Sequence[Linear]) -> None:
        self._weights = [numbers(layer.weight) for layer in layers]
        self._biases = [bias_of(layer) for layer in layers]

    def __call__(self, x: Features) -> tuple[Features, list[Activated]]:
        """Outputs ``[n, out]`` of inputs ``[n, in]``, and the tape."""
        tape: list[Activated] = []
        for weight, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            tape.append(Activated.of(x @ weight, bias))
            x = tape[-1].out
        return x @ self._weights[-1] + self._biases[-1], tape

    def backward(self, tape: Sequence[Activated], pull: Features) -> Features:
        """The pull on the inputs ``[n, in]`` from one on the outputs ``[n, out]``."""
        pull = pull @ self._weights[-1].T
        for made, weight in zip(reversed(tape), reversed(self._weights[:-1]), strict=True):
            pull = made.backward(pull) @ weight.T
        return pull


class GatedTape(NamedTuple):
    """What the gradient of `Gated` needs of a call.

    Attributes:
        hidden: after each layer but the last.
        last: inputs of the activations ``[n, 2 out]``.
        sigmoid: of ``last``.
        normed: the last layer's towers ``[2 n, out]``, where there is a norm.
    """

    hidden: list[Activated]
    last: Features
    sigmoid: Features
    normed: Normed | None = None


class Gated:
    """`GatedRows` on rows whose first products are there already; values and gates side by side.

    Args:
        network: whose weights are taken.

    Attributes:
        parts: the first layer's weights for each thing, ``[features, 2 hidden]``.
        width: columns of values and gates of the first layer, 2 hidden.
    """

    def __init__(self, network: GatedRows) -> None:
        self.parts = [side_by_side(part) for part in network.parts]
        self.width = self.parts[0].shape[1]
        self._weights = [numbers(weight) for weight, _ in network.layers]
        biases = [network.bias, *(bias for _, bias in network.layers)]
        self._biases = [side_by_side(bias)[0] for bias in biases]
        self._norm = None if network.norm is None else tuple(side_by_side(part)[0] for part in network.norm)
        self._eps = np.float32(network.eps)

    def __call__(self, x: Features) -> tuple[Features, GatedTape]:
        """Outputs ``[n, out]`` of products of the first layer ``[n, 2 hidden]``, and the tape."""
        hidden = []
        for weight, bias in zip(self._weights, self._biases[:-1], strict=True):
            made = Activated.of(x, bias)
            hidden.append(made)
            x = _both(made.out, weight)
        bias, normed = self._biases[-1], None
        if self._norm is not None:
            x += bias
            # of each tower on its own
            normed = Normed.of(x.reshape(-1, x.shape[1] // 2), self._eps)
            x = normed.rows.reshape(x.shape) * self._norm[0]
            bias = self._norm[1]
        sigmoid = np.empty_like(x)
        out = np.empty((len(x), x.shape[1] // 2), dtype=np.float32)
        gate(x, bias, sigmoid, out)
        return out, GatedTape(hidden, x, sigmoid, normed)

    def backward(self, tape: GatedTape, pull: Features) -> Features:
        """The pull on the products of the first layer ``[n, 2 hidden]`` from one on the outputs ``[n, out]``."""
        x = np.empty_like(tape.last)
        gate_backward(pull, tape.last, tape.sigmoid, x)
        if self._norm is not None and tape.normed is not None:
            x *= self._norm[0]
            x = tape.normed.backward(x.reshape(tape.normed.rows.shape)).reshape(x.shape)
        for made, weight in zip(reversed(tape.hidden), reversed(self._weights), strict=True):
            x = made.backward(_both(x, weight.transpose(0, 2, 1)))
        return x


def _both(x: Features, weight: Features) -> Features:
    """Products of values and gates ``[n, 2 in]`` with a weight of each ``[2, in, out]``: ``[n, 2 out]``."""
    width, out = weight.shape[1:]
    y = np.empty((len(x), 2 * out), dtype=np.float32)
    np.matmul(x[:, :width], weight[0], out=y[:, :out])
    np.matmul(x[:, width:], weight[1], out=y[:, out:])
    return y


class Normed(NamedTuple):
    """Rows with mean 0 and variance 1 ``[n, k]``, and their inverse standard deviations ``[n]`` before."""

    rows: Features
    spread: Features

    @classmethod
    def of(cls, x: Features, eps: np.float32) -> Normed:
        """Of rows ``[n, k]``."""
        made = cls(np.empty_like(x), np.empty(len(x), dtype=np.float32))
        normalise(x, eps, made.rows, made.spread)
        return made

    def backward(self, pull: Features) -> Features:
        """The pull on the rows before, written over that on those after."""
        normalise_backward(pull, self.rows, self.spread)
        return pull


class LayerNorm:
    """A layer norm.

    Args:
        scale, shift: ``[k]``.
        eps: added to the variance.
    """

    def __init__(self, scale: torch.Tensor, shift: torch.Tensor, eps: float) -> None:
        self._scale, self._shift, self._eps = numbers(scale), numbers(shift), np.float32(eps)

    def __call__(self, x: Features) -> tuple[Features, Normed]:
        """Outputs ``[n, k]``, and the tape."""
        normed = Normed.of(x, self._eps)
        return normed.rows * self._scale + self._shift, normed

    def backward(self, tape: Normed, pull: Features) -> Features:
        """The pull on the inputs from one on the outputs."""
        return tape.backward(pull * self._scale)
