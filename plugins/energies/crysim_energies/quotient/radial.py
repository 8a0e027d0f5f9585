"""Radial basis functions of matgl's models, in float64 and with few operations."""

from __future__ import annotations

import copy
from typing import Any

import torch

MAX_ORDER = 3
"""The highest order l of spherical Bessel functions that is written out below."""


class RadialBasis:
    """The basis of a matgl module, as a function of bond lengths.

    Spherical Bessel functions j_l(z_ln r / r_c), normalised over the sphere of the cut-off, are evaluated here; any
    other basis by matgl's module itself. Beyond the cut-off the basis is that at the cut-off, as in matgl.

    Args:
        module: ``SphericalBesselFunction`` or another of matgl's expansions of distances.
        device: where bond lengths will lie.
    """

    def __init__(self, module: Any, device: torch.device) -> None:
        self._module: Any = None
        if hasattr(module, "roots_slice") and int(module.max_l) <= MAX_ORDER + 1:
            self._cutoff = float(module.cutoff)
            self._max_l = int(module.max_l)
            self._scale = module.roots_slice.detach().to(device, torch.float64) / self._cutoff
            self._norm = module.inv_norm.detach().to(device, torch.float64).reshape(-1)
        else:
            self._module = copy.deepcopy(module).to(device).double()

    def __eq__(self, other: object) -> bool:
        """Whether two bases are known to be the same functions, so that one evaluation serves both."""
        if not isinstance(other, RadialBasis) or self._module is not None or other._module is not None:
            return False
        return torch.equal(self._scale, other._scale) and torch.equal(self._norm, other._norm)

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, lengths: torch.Tensor) -> torch.Tensor:
        """The functions ``[n, max_l · max_n]`` at lengths ``[n]`` (Å, float64), by order and then by root."""
        if self._module is not None:
            expanded: torch.Tensor = self._module(lengths)
            return expanded
        r = lengths.clamp(max=self._cutoff)[:, None]
        columns = [spherical_bessel(order, r * self._scale[order]) for order in range(self._max_l)]
        basis: torch.Tensor = torch.cat(columns, dim=1) * self._norm
        return basis


def spherical_bessel(order: int, x: torch.Tensor) -> torch.Tensor:
    """j_l(x) for l = `order` up to 3 and x > 0, by upward recurrence (x of bonds is never small)."""
    inverse = 1 / x
    below = torch.cos(x) * inverse
    current = torch.sin(x) * inverse
    for degree in range(order):
        below, current = current, (2 * degree + 1) * inverse * current - below
    return current
