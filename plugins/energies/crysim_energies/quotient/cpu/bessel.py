"""Spherical Bessel functions of many lengths, compiled."""

from __future__ import annotations

from math import cos, sin

from crysim.arrays import Floats
from crysim.compiled import compiled


@compiled(fast_math="reordered", zero_division="ieee")
def spherical_bessel(
    lengths: Floats, scale: Floats, norm: Floats, cutoff: float, values: Floats, slopes: Floats
) -> None:
    """`RadialBasis` of spherical Bessel functions, by upward recurrence (x of bonds is never small)."""
    orders, roots = scale.shape
    for i in range(len(lengths)):
        inside = lengths[i] <= cutoff
        r = min(lengths[i], cutoff)
        for order in range(orders):
            for n in range(roots):
                k = order * roots + n
                x = r * scale[order, n]
                inverse = 1 / x
                below, current = cos(x) * inverse, sin(x) * inverse
                for degree in range(order):
                    below, current = current, (2 * degree + 1) * inverse * current - below
                values[i, k] = norm[k] * current
                slope = norm[k] * scale[order, n] * (below - (order + 1) * inverse * current)
                slopes[i, k] = slope if inside else 0.0
