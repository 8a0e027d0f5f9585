"""Loops over rows of features, float32: what a network does between its products."""

from __future__ import annotations

import numpy as np

from crysim.arrays import Features, Ints
from crysim.compiled import compiled

_ONE, _HALF = np.float32(1.0), np.float32(0.5)
_LARGEST = np.float32(87.0)
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_P5, _P4, _P3 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_P2, _P1, _P0 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
_BIAS, _MANTISSA = np.int32(127), np.int32(23)


@compiled(fast_math="fused", inlining="machine", zero_division="ieee")
def _sigmoid(x: np.float32) -> np.float32:
    """1 / (1 + exp(-x)), the exponential by Cephes' expf: vector units can do that, and cannot call the library's."""
    z = min(max(-x, -_LARGEST), _LARGEST)
    k = np.float32(np.floor(z * _LOG2_E + _HALF))
    r = z - k * _LN2_HIGH - k * _LN2_LOW
    p = ((((_P5 * r + _P4) * r + _P3) * r + _P2) * r + _P1) * r + _P0
    power = np.int32((np.int32(k) + _BIAS) << _MANTISSA).view(np.float32)
    return _ONE / (_ONE + (p * r * r + r + _ONE) * power)


@compiled(fast_math="fused", zero_division="ieee")
def silu(x: Features, bias: Features, sigmoid: Features, out: Features) -> None:
    """Write the sigmoid of x and a bias ``[k]``, and their sum times it; all others ``[n, k]``."""
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            shifted = x[i, k] + bias[k]
            s = _sigmoid(shifted)
            sigmoid[i, k] = s
            out[i, k] = shifted * s


@compiled(fast_math="fused")
def silu_backward(pull: Features, sigmoid: Features, out: Features) -> None:
    """Turn a pull on the outputs of `silu` into one on its inputs, in place."""
    for i in range(pull.shape[0]):
        for k in range(pull.shape[1]):
            pull[i, k] *= sigmoid[i, k] + out[i, k] * (_ONE - sigmoid[i, k])


@compiled(fast_math="fused", zero_division="ieee")
def gate(x: Features, bias: Features, sigmoid: Features, out: Features) -> None:
    """SiLU of values times the sigmoid of gates, which lie side by side in x ``[n, 2 k]``: ``[n, k]``.

    The bias ``[2 k]`` is added to x first, in place.
    """
    width = out.shape[1]
    for i in range(x.shape[0]):
        for k in range(2 * width):
            x[i, k] += bias[k]
            sigmoid[i, k] = _sigmoid(x[i, k])
        for k in range(width):
            out[i, k] = x[i, k] * sigmoid[i, k] * sigmoid[i, width + k]


@compiled(fast_math="fused")
def gate_backward(pull: Features, x: Features, sigmoid: Features, to_x: Features) -> None:
    """The pull on the inputs of `gate` ``[n, 2 k]`` from one on its outputs ``[n, k]``."""
    width = pull.shape[1]
    for i in range(pull.shape[0]):
        for k in range(width):
            of_value, of_gate = sigmoid[i, k], sigmoid[i, width + k]
            value = x[i, k] * of_value
            through = pull[i, k] * of_gate
            to_x[i, k] = through * (of_value + value * (_ONE - of_value))
            to_x[i, width + k] = through * value * (_ONE - of_gate)


@compiled(fast_math="fused")
def scale_backward(pull: Features, out: Features, scale: Features, to_scale: Features) -> None:
    """Turn a pull on outputs times a scale into one on the outputs, in place, and write that on the scale."""
    for i in range(pull.shape[0]):
        for k in range(pull.shape[1]):
            to_scale[i, k] = pull[i, k] * out[i, k]
            pull[i, k] *= scale[i, k]


@compiled(fast_math="fused")
def sum_rows(x: Features, rows: Ints, table: Features) -> None:
    """Add row i of x ``[n, k]`` to the table's row ``rows[i]``."""
    for i in range(x.shape[0]):
        row = rows[i]
        for k in range(x.shape[1]):
            table[row, k] += x[i, k]


@compiled(fast_math="fused")
def add_ends(x: Features, table: Features, first: Ints, second: Ints, start: int, shift: int) -> None:
    """Add to row i of x ``[n, k]`` what the things at both its ends have in a table.

    Those are k columns of the row ``first[i]`` from `start` on, and of the row ``second[i]`` from `shift` later on.
    """
    for i in range(x.shape[0]):
        one, other = first[i], second[i]
        for k in range(x.shape[1]):
            x[i, k] += table[one, start + k] + table[other, start + shift + k]


@compiled(fast_math="fused")
def sum_ends(x: Features, table: Features, first: Ints, second: Ints, start: int, shift: int) -> None:
    """The transpose of `add_ends`: add row i of x to the two places of the table."""
    for i in range(x.shape[0]):
        one, other = first[i], second[i]
        for k in range(x.shape[1]):
            table[one, start + k] += x[i, k]
        for k in range(x.shape[1]):
            table[other, start + shift + k] += x[i, k]


@compiled(fast_math="reordered", zero_division="ieee")
def normalise(x: Features, eps: np.float32, normed: Features, spread: Features) -> None:
    """Write rows ``[n, k]`` with mean 0 and variance 1, and their inverse standard deviations ``[n]`` before."""
    share = _ONE / np.float32(x.shape[1])
    for i in range(x.shape[0]):
        mean = square = np.float32(0.0)
        for k in range(x.shape[1]):
            mean += x[i, k]
        mean *= share
        for k in range(x.shape[1]):
            normed[i, k] = x[i, k] - mean
            square += normed[i, k] * normed[i, k]
        spread[i] = _ONE / np.sqrt(square * share + eps)
        for k in range(x.shape[1]):
            normed[i, k] *= spread[i]


@compiled(fast_math="reordered", zero_division="ieee")
def normalise_backward(pull: Features, normed: Features, spread: Features) -> None:
    """Turn a pull on the rows of `normalise` into one on its inputs, in place."""
    share = _ONE / np.float32(pull.shape[1])
    for i in range(pull.shape[0]):
        mean = along = np.float32(0.0)
        for k in range(pull.shape[1]):
            mean += pull[i, k]
            along += pull[i, k] * normed[i, k]
        mean *= share
        along *= share
        for k in range(pull.shape[1]):
            pull[i, k] = (pull[i, k] - mean - normed[i, k] * along) * spread[i]
