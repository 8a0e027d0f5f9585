"""Radial functions of matgl's models with their slopes, in float64 and with few operations."""

from __future__ import annotations

import copy
from typing import Any

import torch

from crysim.arrays import Floats

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

    @property
    def bessel(self) -> tuple[Floats, Floats, float] | None:
        """Roots over the cut-off ``[max_l, max_n]``, norms ``[max_l max_n]``, the cut-off (Å); None: another basis."""
        if self._module is not None:
            return None
        return self._scale.cpu().numpy(), self._norm.cpu().numpy(), self._cutoff

    def same_as(self, other: RadialBasis) -> bool:
        """Whether two bases are known to be the same functions, so that one evaluation serves both."""
        if self._module is not None or other._module is not None:
            return False
        return torch.equal(self._scale, other._scale) and torch.equal(self._norm, other._norm)

    def __call__(self, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The functions ``[n, max_l · max_n]`` at lengths ``[n]`` (Å), by order and then by root, and their slopes."""
        if self._module is not None:
            found: tuple[torch.Tensor, torch.Tensor]
            found = torch.func.jvp(self._module, (lengths,), (torch.ones_like(lengths),))  # type: ignore[assignment]
            return found
        r = lengths.clamp(max=self._cutoff)[:, None]
        both = [spherical_bessel(order, r * self._scale[order]) for order in range(self._max_l)]
        values = torch.cat([value for value, _ in both], dim=1) * self._norm
        slopes = torch.cat([slope for _, slope in both], dim=1) * (self._norm * self._scale.reshape(-1))
        return values, slopes * (lengths <= self._cutoff)[:, None]


def spherical_bessel(order: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """j_l(x) and its derivative for l = `order` up to 3 and x > 0, by upward recurrence (x of bonds is never small)."""
    inverse = 1 / x
    below = torch.cos(x) * inverse
    current = torch.sin(x) * inverse
    for degree in range(order):
        below, current = current, (2 * degree + 1) * inverse * current - below
    return current, below - (order + 1) * inverse * current


def polynomial_cutoff(lengths: torch.Tensor, cutoff: float) -> tuple[torch.Tensor, torch.Tensor]:
    """1 - 10 x³ + 15 x⁴ - 6 x⁵ for x = length / cutoff below 1, zero beyond (arXiv:2003.03123), and its slope."""
    x = (lengths / cutoff).clamp(max=1.0)
    return 1 - x**3 * (10 - 15 * x + 6 * x * x), -30 / cutoff * (x * (1 - x)) ** 2


def tabulated(lengths: torch.Tensor, values: torch.Tensor, slopes: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Functions of lengths ``[n]`` from known values and slopes ``[n, k]``, differentiable, in the dtype given."""
    result: torch.Tensor = _Tabulated.apply(lengths, values, slopes, dtype)  # type: ignore[no-untyped-call]
    return result


class _Tabulated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, _: torch.Tensor, values: torch.Tensor, slopes: torch.Tensor, dtype: torch.dtype
    ) -> torch.Tensor:
        ctx.save_for_backward(slopes)
        return values.to(dtype)

    @staticmethod
    def backward(ctx: Any, *pulls: torch.Tensor) -> Any:
        (slopes,) = ctx.saved_tensors
        return (slopes * pulls[0]).sum(1), None, None, None


class SmoothBessel:
    """chgnet's radial basis: √(2 / r_c) sin(ω_n r / r_c) / r times a polynomial that vanishes at the cut-off.

    Args:
        module: chgnet's ``RadialBessel``, with its learnt frequencies ω_n.
        device: where bond lengths will lie.
    """

    def __init__(self, module: Any, device: torch.device) -> None:
        self._cutoff = 1 / float(module.inv_cutoff)
        self._norm = float(module.norm_const)
        self._frequencies = module.frequencies.detach().to(device, torch.float64)
        # the power 0 stands for no polynomial
        self._power = int(module.smooth_cutoff.p) if module.smooth_cutoff is not None else 0

    def __call__(self, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The functions ``[n, num_radial]`` at lengths ``[n]`` (Å), and their slopes."""
        x = lengths[:, None] / self._cutoff
        phase = x * self._frequencies
        scale = self._norm / lengths[:, None]
        sine = scale * torch.sin(phase)
        slope = scale * torch.cos(phase) * (self._frequencies / self._cutoff) - sine / lengths[:, None]
        envelope, fall = self._envelope(x)
        return sine * envelope, slope * envelope + sine * fall

    def _envelope(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        p = self._power
        if p == 0:
            return torch.ones_like(x), torch.zeros_like(x)
        a, b, c = -(p + 1) * (p + 2) / 2, p * (p + 2), -p * (p + 1) / 2
        power = x ** (p - 1)
        value = 1 + power * x * (a + x * (b + x * c))
        fall = power * (a * p + x * (b * (p + 1) + x * c * (p + 2))) / self._cutoff
        inside = x < 1
        return value * inside, fall * inside
