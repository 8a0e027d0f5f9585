"""Radial functions of bonds on a CPU."""

from __future__ import annotations

import numpy as np
import torch

from crysim.arrays import Floats
from crysim_energies.quotient.cpu.bessel import spherical_bessel
from crysim_energies.quotient.networks.radial import RadialBasis, SmoothBessel


def evaluated(basis: RadialBasis | SmoothBessel, lengths: Floats) -> tuple[Floats, Floats]:
    """A basis at lengths ``[n]`` (Å) and its slopes, ``[n, k]`` each."""
    if isinstance(basis, SmoothBessel) or basis.bessel is None:
        values, slopes = basis(torch.from_numpy(lengths))
        return values.numpy(), slopes.numpy()
    scale, norm, cutoff = basis.bessel
    shape = len(lengths), norm.size
    made, steps = np.empty(shape), np.empty(shape)
    spherical_bessel(lengths, scale, norm, cutoff, made, steps)
    return made, steps
