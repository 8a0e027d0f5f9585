"""M3GNet's sums over pairs of bonds, as compiled loops over bonds.

T short bonds, R orbits, M = max_l² components of the harmonics, L = max_l degrees, N radial functions each. Of each
bond there are: ``components`` C_lm of its direction ``[T, M]``; ``cut``, its smooth cut-off ``[T]``; ``once``, its
radial functions times that and its count ``[T, L N]``; ``twice``, what it adds to its own sum and must not
``[T, L N]``. Gates ``[R, L N]`` are of the far atoms. Degrees ``[M]`` are of the components.
"""

from __future__ import annotations

import numpy as np

from crysim.arrays import Features, Floats, Ints
from crysim.compiled import compiled


@compiled(fast_math="reordered")
def pair_functions(
    lengths: Floats,
    directions: Floats,
    values: Floats,
    slopes: Floats,
    count: Floats,
    norm: Floats,
    cutoff: float,
    coefficients: Floats,
    components: Features,
    cut: Features,
    once: Features,
    twice: Features,
    steps: Floats,
) -> None:
    """What the pairs of each bond take.

    Args:
        lengths, directions: of the bonds, Å, ``[T]`` and ``[T, 3]``.
        values, slopes: of the radial functions ``[T, L N]``, and the norm of each ``[L N]``.
        count: how many bonds each stands for ``[T]``.
        cutoff: Å.
        coefficients: of the harmonics in the directions' powers (`harmonics.coefficients`).
        components, cut, once, twice: written.
        steps: slopes in the lengths of cut, once and twice, ``[T, 1 + 2 L N]``, written.
    """
    powers = np.empty(len(coefficients))
    width = values.shape[1]
    for t in range(len(lengths)):
        _powers(directions[t], powers)
        for m in range(components.shape[1]):
            total = 0.0
            for k in range(len(powers)):
                total += powers[k] * coefficients[k, m]
            components[t, m] = total
        # 1 - 10 x³ + 15 x⁴ - 6 x⁵ (arXiv:2003.03123), once for a bond that is a neighbour, twice for one that meets
        # itself
        x = min(lengths[t] / cutoff, 1.0)
        fall = 1 - x * x * x * (10 - 15 * x + 6 * x * x)
        fall_slope = -30 / cutoff * (x * (1 - x)) ** 2
        cut[t], steps[t, 0] = fall, fall_slope
        for k in range(width):
            first = norm[k] * values[t, k] * fall
            first_slope = norm[k] * (slopes[t, k] * fall + values[t, k] * fall_slope)
            once[t, k], steps[t, 1 + k] = first * count[t], first_slope * count[t]
            twice[t, k], steps[t, 1 + width + k] = first * fall, first_slope * fall + first * fall_slope


@compiled(fast_math="reordered")
def pair_functions_backward(
    directions: Floats,
    coefficients: Floats,
    steps: Floats,
    pulls: tuple[Features, Features, Features, Features],
    to_lengths: Floats,
    to_directions: Floats,
) -> None:
    """Add pulls on components, cut, once and twice to those on lengths ``[T]`` and directions ``[T, 3]``."""
    to_components, to_cut, to_once, to_twice = pulls
    powers, to_powers = np.empty(len(coefficients)), np.empty(len(coefficients))
    width = to_once.shape[1]
    for t in range(len(directions)):
        total = to_cut[t] * steps[t, 0]
        for k in range(width):
            total += to_once[t, k] * steps[t, 1 + k] + to_twice[t, k] * steps[t, 1 + width + k]
        to_lengths[t] += total
        _powers(directions[t], powers)
        for k in range(len(powers)):
            to_powers[k] = 0.0
            for m in range(to_components.shape[1]):
                to_powers[k] += to_components[t, m] * coefficients[k, m]
        end = len(powers)
        count = end - (end - 1) // 3  # of the highest powers: 27 of 40, 9 of 13
        while count > 1:
            start, below = end - count, end - count - count // 3
            for k in range(count // 3):
                for axis in range(3):
                    pull = to_powers[start + 3 * k + axis]
                    to_powers[below + k] += pull * directions[t, axis]
                    to_directions[t, axis] += pull * powers[below + k]
            end, count = start, count // 3


@compiled(fast_math="reordered", inlining="machine")
def _powers(direction: Floats, powers: Floats) -> None:
    """The tensor powers of a vector ``[3]``, side by side: ``[1 + 3 + 9 + ...]`` (`harmonics.monomials`)."""
    powers[0] = 1.0
    start, count = 0, 1
    while start + count < len(powers):
        for k in range(count):
            for axis in range(3):
                powers[start + count + 3 * k + axis] = powers[start + k] * direction[axis]
        start, count = start + count, 3 * count


@compiled(fast_math="reordered")
def pair_sums(
    gates: Features,
    center: Ints,
    far: Ints,
    degrees: Ints,
    components: Features,
    cut: Features,
    once: Features,
    twice: Features,
    projectors: Features,
    sums: Features,
    projected: Features,
    totals: Features,
) -> None:
    """The totals of the pairs of each bond ``[T, L N]``.

    The sums of the representatives' bonds ``[R, M, N]``, zero before, and what their sites' symmetry makes of them are
    written too.
    """
    radials = sums.shape[2]
    for t in range(len(center)):
        for m in range(len(degrees)):
            start = degrees[m] * radials
            for n in range(radials):
                share = once[t, start + n] * gates[far[t], start + n]
                sums[center[t], m, n] += components[t, m] * share
    for r in range(len(sums)):
        _projected(projectors[r], sums[r], projected[r], False)
    for t in range(len(center)):
        for k in range(totals.shape[1]):
            # a bond makes no pair with itself, and P_l(1) = 1
            totals[t, k] = -twice[t, k] * gates[far[t], k]
        for m in range(len(degrees)):
            start = degrees[m] * radials
            harmonic = components[t, m] * cut[t]
            for n in range(radials):
                totals[t, start + n] += projected[center[t], m, n] * harmonic


@compiled(fast_math="reordered", inlining="machine")
def _projected(projector: Features, sums: Features, out: Features, transposed: bool) -> None:
    for m in range(len(sums)):
        for n in range(sums.shape[1]):
            out[m, n] = 0.0
        for k in range(len(sums)):
            weight = projector[k, m] if transposed else projector[m, k]
            if weight != 0.0:
                for n in range(sums.shape[1]):
                    out[m, n] += weight * sums[k, n]


@compiled(fast_math="reordered")
def pair_sums_backward(
    pull: Features,
    gates: Features,
    center: Ints,
    far: Ints,
    degrees: Ints,
    components: Features,
    cut: Features,
    once: Features,
    twice: Features,
    projectors: Features,
    projected: Features,
    to_projected: Features,
    to_sums: Features,
    to_gates: Features,
    to_components: Features,
    to_cut: Features,
    to_once: Features,
    to_twice: Features,
) -> None:
    """Add the pulls on everything that `pair_sums` takes, from one on the totals.

    ``to_projected`` ``[R, M, N]`` must be zero before; ``to_sums`` is written.
    """
    radials = projected.shape[2]
    for t in range(len(center)):
        for k in range(pull.shape[1]):
            to_twice[t, k] -= pull[t, k] * gates[far[t], k]
            to_gates[far[t], k] -= pull[t, k] * twice[t, k]
        for m in range(len(degrees)):
            start = degrees[m] * radials
            harmonic = components[t, m] * cut[t]
            along = cut[t] * 0
            for n in range(radials):
                to_projected[center[t], m, n] += pull[t, start + n] * harmonic
                along += pull[t, start + n] * projected[center[t], m, n]
            to_components[t, m] += along * cut[t]
            to_cut[t] += along * components[t, m]
    for r in range(len(projected)):
        _projected(projectors[r], to_projected[r], to_sums[r], True)
    for t in range(len(center)):
        for m in range(len(degrees)):
            start = degrees[m] * radials
            along = cut[t] * 0
            for n in range(radials):
                pulled = to_sums[center[t], m, n]
                through = pulled * components[t, m]
                to_once[t, start + n] += through * gates[far[t], start + n]
                to_gates[far[t], start + n] += through * once[t, start + n]
                along += pulled * once[t, start + n] * gates[far[t], start + n]
            to_components[t, m] += along
