"""Compiled steps of Adam on a factorization machine, written out by hand: one thread, sparse bits, float32.

The arithmetic is in the precision of the parameters; tests give float64, in which rounding cannot hide a fault.

A step costs O(ones · K) for the batch and one sweep over the parameters. It computes what dense Adam computes: weight
decay and momentum move every parameter at every step, touched by the batch or not.

The rank comes as the length of a tuple, which is a constant to the compiler: loops over it become vector instructions.
For the same reason ones are taken eight (forward) and four (backward) at a time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crysim.compiled import compiled

F32 = NDArray[np.float32]

# Kernels called by kernels are inlined: where sums may be reordered, which copy of a shared one is run would otherwise
# depend on what else the process has loaded, and the last digits with it: on whether it compiled or read the cache.
_inlined = compiled(fast_math="finite", inlining="machine", zero_division="ieee")

_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_BETA1 = np.float32(0.9)
_BETA2 = np.float32(0.999)
_EPSILON = np.float32(1e-8)
_TINY = 1e-12  # as crysim_surrogates.objective.TINY


@_inlined
def row_terms(h: F32, W: F32, terms: F32) -> None:
    """h_i − |w_i|²/2 for every bit and b at the end, ``[M + 1]``: what a one adds to equation 21 besides its factor."""
    for i in range(W.shape[0]):
        square = _ZERO
        for k in range(W.shape[1]):
            square += W[i, k] * W[i, k]
        terms[i] = h[i] - _HALF * square
    terms[-1] = h[-1]


@_inlined
def forward(
    starts: NDArray[np.int64],
    ones: NDArray[np.uint32],
    rows: NDArray[np.int64],
    W: F32,
    terms: F32,
    rank: tuple[int, ...],
    z: F32,
    values: F32,
) -> None:
    """Equation 21 for some rows: ``z[s] = sum of factors``, ``values[s]``."""
    K = len(rank)
    for s in range(len(rows)):
        for k in range(K):
            z[s, k] = _ZERO
        value = terms[-1]
        t = starts[rows[s]]
        end = starts[rows[s] + 1]
        while t + 8 <= end:
            i0, i1, i2, i3 = ones[t], ones[t + 1], ones[t + 2], ones[t + 3]
            i4, i5, i6, i7 = ones[t + 4], ones[t + 5], ones[t + 6], ones[t + 7]
            value += (terms[i0] + terms[i1]) + (terms[i2] + terms[i3])
            value += (terms[i4] + terms[i5]) + (terms[i6] + terms[i7])
            for k in range(K):
                z[s, k] += ((W[i0, k] + W[i1, k]) + (W[i2, k] + W[i3, k])) + (
                    (W[i4, k] + W[i5, k]) + (W[i6, k] + W[i7, k])
                )
            t += 8
        while t < end:
            i0 = ones[t]
            value += terms[i0]
            for k in range(K):
                z[s, k] += W[i0, k]
            t += 1
        square = _ZERO
        for k in range(K):
            square += z[s, k] * z[s, k]
        values[s] = value + _HALF * square


@_inlined
def loss_slope(values: F32, target: F32, rooted: bool, error_weight: float, pcc_weight: float, slope: F32) -> None:
    """Derivative of a batch's loss by its predictions, ``[batch]``."""
    n = len(values)
    mean_value = mean_target = squares = 0.0
    for s in range(n):
        mean_value += values[s] / n
        mean_target += target[s] / n
        squares += (values[s] - target[s]) ** 2
    s_pp = s_yy = s_py = 0.0
    for s in range(n):
        p = values[s] - mean_value
        y = target[s] - mean_target
        s_pp += p * p
        s_yy += y * y
        s_py += p * y
    norm = math.sqrt(max(s_pp * s_yy, _TINY))
    pcc = s_py / norm
    to_error = error_weight / (n * math.sqrt(max(squares / n, _TINY))) if rooted else 2.0 * error_weight / n
    to_pcc = pcc_weight if rooted or pcc >= 0.0 else -pcc_weight
    # Where the norm is cut off it is a constant, and the correlation does not fall with the predictions' spread.
    shrink = pcc / s_pp if s_pp * s_yy > _TINY else 0.0
    for s in range(n):
        d_pcc = (target[s] - mean_target) / norm - shrink * (values[s] - mean_value)
        slope[s] = to_error * (values[s] - target[s]) - to_pcc * d_pcc


@_inlined
def backward(
    starts: NDArray[np.int64],
    ones: NDArray[np.uint32],
    rows: NDArray[np.int64],
    slope: F32,
    rank: tuple[int, ...],
    z: F32,
    dh: F32,
    dW: F32,
) -> None:
    """Add the batch's gradients to ``dh`` and ``dW``; what is left out of dW_i, −dh_i·w_i, `adam` adds. Spoils z."""
    K = len(rank)
    for s in range(len(rows)):
        d = slope[s]
        for k in range(K):
            z[s, k] *= d
        dh[-1] += d
        t = starts[rows[s]]
        end = starts[rows[s] + 1]
        while t + 4 <= end:
            i0, i1, i2, i3 = ones[t], ones[t + 1], ones[t + 2], ones[t + 3]
            dh[i0] += d
            dh[i1] += d
            dh[i2] += d
            dh[i3] += d
            for k in range(K):
                dW[i0, k] += z[s, k]
            for k in range(K):
                dW[i1, k] += z[s, k]
            for k in range(K):
                dW[i2, k] += z[s, k]
            for k in range(K):
                dW[i3, k] += z[s, k]
            t += 4
        while t < end:
            i0 = ones[t]
            dh[i0] += d
            for k in range(K):
                dW[i0, k] += z[s, k]
            t += 1


@_inlined
def adam(
    h: F32,
    W: F32,
    terms: F32,
    dh: F32,
    dW: F32,
    moments_h: F32,
    moments_W: F32,
    rank: tuple[int, ...],
    rate: float,
    step: int,
    weight_decay: float,
) -> None:
    """One step of Adam on every parameter (moments ``[2, ...]``); gradients are set to zero, ``terms`` brought up."""
    K = len(rank)
    size = np.float32(rate / (1.0 - 0.9**step))
    root = np.float32(1.0 / math.sqrt(1.0 - 0.999**step))
    decay = np.float32(weight_decay)
    for i in range(W.shape[0]):
        own = decay - dh[i]
        square = _ZERO
        for k in range(K):
            w = W[i, k]
            gradient = dW[i, k] + own * w
            dW[i, k] = _ZERO
            first = _BETA1 * moments_W[0, i, k] + (_ONE - _BETA1) * gradient
            second = _BETA2 * moments_W[1, i, k] + (_ONE - _BETA2) * gradient * gradient
            moments_W[0, i, k] = first
            moments_W[1, i, k] = second
            w -= size * first / (np.sqrt(second) * root + _EPSILON)
            W[i, k] = w
            square += w * w
        terms[i] = -_HALF * square
    terms[-1] = _ZERO
    for i in range(len(h)):
        gradient = dh[i] + decay * h[i]
        dh[i] = _ZERO
        first = _BETA1 * moments_h[0, i] + (_ONE - _BETA1) * gradient
        second = _BETA2 * moments_h[1, i] + (_ONE - _BETA2) * gradient * gradient
        moments_h[0, i] = first
        moments_h[1, i] = second
        h[i] -= size * first / (np.sqrt(second) * root + _EPSILON)
        terms[i] += h[i]


@_inlined
def run_epoch(
    starts: NDArray[np.int64],
    ones: NDArray[np.uint32],
    target: F32,
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    rates: NDArray[np.float64],
    rank: tuple[int, ...],
    parameters: tuple[F32, F32, F32],
    gradients: tuple[F32, F32],
    moments: tuple[F32, F32],
    first_step: int,
    weight_decay: float,
    loss: tuple[bool, float, float],
) -> None:
    """A step for each learning rate; batch j holds the rows ``order[bounds[j]:bounds[j + 1]]``."""
    h, W, terms = parameters
    dh, dW = gradients
    largest = 0
    for j in range(len(rates)):
        largest = max(largest, bounds[j + 1] - bounds[j])
    z = np.empty((largest, len(rank)), W.dtype)
    values = np.empty(largest, W.dtype)
    slope = np.empty(largest, W.dtype)
    for j in range(len(rates)):
        rows = order[bounds[j] : bounds[j + 1]]
        forward(starts, ones, rows, W, terms, rank, z, values)
        loss_slope(values[: len(rows)], target[rows], loss[0], loss[1], loss[2], slope)
        backward(starts, ones, rows, slope, rank, z, dh, dW)
        adam(h, W, terms, dh, dW, moments[0], moments[1], rank, rates[j], first_step + j, weight_decay)
