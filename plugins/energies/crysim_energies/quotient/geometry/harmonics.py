"""Real spherical harmonics of bond directions, and their projection on a site's symmetry.

The harmonics are in Racah's normalisation, C_lm = sqrt(4π / (2l + 1)) Y_lm, so that the addition theorem reads
``P_l(u · v) = Σ_m C_lm(u) C_lm(v)``. It turns M3GNet's sums over pairs of bonds into sums over bonds.

Calculators that are no networks use the quotient's geometry too, without torch: it is loaded where it is called.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from crysim.arrays import Floats

if TYPE_CHECKING:
    import torch


def num_components(max_l: int) -> int:
    """Components of all degrees below ``max_l`` together."""
    return max_l * max_l


def degrees(max_l: int) -> list[int]:
    """The degree l of every component, ``[max_l²]``."""
    return [degree for degree in range(max_l) for _ in range(2 * degree + 1)]


def harmonics(directions: torch.Tensor, max_l: int) -> torch.Tensor:
    """C_lm of unit vectors ``[n, 3]`` for all degrees below ``max_l``: ``[n, max_l²]``, by degree and then by order."""
    import torch

    matrix = torch.from_numpy(coefficients(max_l)).to(directions)
    return monomials(directions, max_l) @ matrix


def monomials(directions: torch.Tensor, max_l: int) -> torch.Tensor:
    """The tensor powers of vectors ``[n, 3]`` below degree ``max_l``, side by side: ``[n, 1 + 3 + 9 + ...]``."""
    import torch

    powers = [directions.new_ones(len(directions), 1)]
    for _ in range(1, max_l):
        powers.append((powers[-1][:, :, None] * directions[:, None, :]).flatten(1))
    return torch.cat(powers, dim=1)


@cache
def coefficients(max_l: int) -> Floats:
    """The harmonics below degree ``max_l`` as sums of `monomials`, ``[1 + 3 + 9 + ..., max_l²]``.

    Raises:
        ValueError: a degree is not written out.
    """
    from scipy.linalg import block_diag

    if max_l > len(_POLYNOMIALS):
        raise ValueError(f"harmonics of degree {max_l - 1} are not written out")
    blocks = []
    for degree, polynomials in enumerate(_POLYNOMIALS[:max_l]):
        block = np.zeros((3**degree, 2 * degree + 1))
        for column, polynomial in enumerate(polynomials):
            for axes, factor in polynomial.items():
                block[sum(3**i * "xyz".index(axis) for i, axis in enumerate(reversed(axes))), column] = factor
        blocks.append(block)
    return np.asarray(block_diag(*blocks))


def _scaled(factor: float, **terms: float) -> dict[str, float]:
    return {axes: factor * value for axes, value in terms.items()}


_POLYNOMIALS: tuple[list[dict[str, float]], ...] = (
    [{"": 1.0}],
    [{"x": 1.0}, {"y": 1.0}, {"z": 1.0}],
    [
        {"xy": math.sqrt(3)},
        {"yz": math.sqrt(3)},
        {"zz": 1.0, "xx": -0.5, "yy": -0.5},
        {"xz": math.sqrt(3)},
        _scaled(math.sqrt(3) / 2, xx=1, yy=-1),
    ],
    [
        _scaled(math.sqrt(5 / 8), xxy=3, yyy=-1),
        {"xyz": math.sqrt(15)},
        _scaled(math.sqrt(3 / 8), yzz=4, xxy=-1, yyy=-1),
        _scaled(0.5, zzz=2, xxz=-3, yyz=-3),
        _scaled(math.sqrt(3 / 8), xzz=4, xxx=-1, xyy=-1),
        _scaled(math.sqrt(15) / 2, xxz=1, yyz=-1),
        _scaled(math.sqrt(5 / 8), xxx=1, xyy=-3),
    ],
)
"""The harmonics of each degree as homogeneous polynomials, by order: on unit vectors x² + y² + z² is 1."""

MAX_DEGREE = len(_POLYNOMIALS) - 1
"""The highest degree l that is written out."""


def projector(rotations: Floats, max_l: int) -> Floats:
    """The mean representation of a group: projects vectors of harmonics onto what the group leaves alone.

    Args:
        rotations: Cartesian operations of the site's group acting on column vectors, ``[g, 3, 3]``.
        max_l: degrees below this.

    Returns:
        ``[max_l², max_l²]``, block diagonal in l: ``mean_g C(g u) = projector @ C(u)`` for every direction u.
    """
    points = _generic_points(4 * num_components(max_l))
    samples = _harmonics_of(points, max_l)
    images = sum(_harmonics_of(points @ rotation.T, max_l) for rotation in rotations) / len(rotations)
    solution: Floats = np.linalg.lstsq(samples, images, rcond=None)[0].T
    solution[np.abs(solution) < 1e-12] = 0.0
    return solution


def _harmonics_of(points: Floats, max_l: int) -> Any:
    import torch

    return harmonics(torch.from_numpy(points), max_l).numpy()


def _generic_points(n: int) -> Floats:
    """Directions on a spiral: spread over the sphere and in no symmetric position."""
    index = np.arange(n) + 0.37
    z = 1 - 2 * index / n
    angle = index * (1 + math.sqrt(5.0)) * math.pi
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
