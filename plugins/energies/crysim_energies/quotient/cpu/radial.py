"""Radial functions of bonds on a CPU."""

from __future__ import annotations

from math import cos, sin

import numpy as np
import torch

from crysim.arrays import Floats
from crysim.compiled import compiled
from crysim_energies.quotient.networks.radial import RadialBasis, SmoothBessel


def evaluated(basis: RadialBasis | SmoothBessel, lengths: Floats) -> tuple[Floats, Floats]:
    """A basis at lengths ``[n]`` (Å) and its slopes, ``[n, k]`` each."""
    if isinstance(basis, SmoothBessel) or basis.bessel is None:
        values, slopes = basis(torch.from_numpy(lengths))
        return values.numpy(), slopes.numpy()
    scale, norm, cutoff = basis.bessel
    shape = len(lengths), norm.size
    made, steps = np.empty(shape), np.empty(shape)
    _spherical_bessel(lengths, scale, norm, cutoff, made, steps)
    return made, steps


@compiled(fast_math="reordered", zero_division="ieee")
def _spherical_bessel(
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
