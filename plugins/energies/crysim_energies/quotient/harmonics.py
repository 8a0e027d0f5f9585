"""Real spherical harmonics of bond directions, and their projection on a site's symmetry.

The harmonics are in Racah's normalisation, C_lm = sqrt(4π / (2l + 1)) Y_lm, so that the addition theorem reads
``P_l(u · v) = Σ_m C_lm(u) C_lm(v)``. It turns M3GNet's sums over pairs of bonds into sums over bonds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from crysim.crystal import Floats

MAX_DEGREE = 3
"""The highest degree l that is written out below."""


def num_components(max_l: int) -> int:
    """Components of all degrees below ``max_l`` together."""
    return max_l * max_l


def degrees(max_l: int) -> list[int]:
    """The degree l of every component, ``[max_l²]``."""
    return [degree for degree in range(max_l) for _ in range(2 * degree + 1)]


def harmonics(directions: torch.Tensor, max_l: int) -> torch.Tensor:
    """C_lm of unit vectors ``[n, 3]`` for all degrees below ``max_l``: ``[n, max_l²]``, by degree and then by order."""
    x, y, z = directions.unbind(1)
    columns = [torch.ones_like(x)]
    if max_l > 1:
        columns += [x, y, z]
    if max_l > 2:
        r3 = math.sqrt(3.0)
        columns += [r3 * x * y, r3 * y * z, 1.5 * z * z - 0.5, r3 * x * z, 0.5 * r3 * (x * x - y * y)]
    if max_l > 3:
        columns += _third_degree(x, y, z)
    if max_l > MAX_DEGREE + 1:
        raise ValueError(f"harmonics of degree {max_l - 1} are not written out")
    return torch.stack(columns, dim=1)


def _third_degree(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> list[torch.Tensor]:
    a, b, c = math.sqrt(5.0 / 8.0), math.sqrt(15.0), math.sqrt(3.0 / 8.0)
    xx, yy, zz = x * x, y * y, z * z
    return [
        a * y * (3 * xx - yy),
        b * x * y * z,
        c * y * (5 * zz - 1),
        0.5 * z * (5 * zz - 3),
        c * x * (5 * zz - 1),
        0.5 * b * z * (xx - yy),
        a * x * (xx - 3 * yy),
    ]


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
    return harmonics(torch.from_numpy(points), max_l).numpy()


def _generic_points(n: int) -> Floats:
    """Directions on a spiral: spread over the sphere and in no symmetric position."""
    index = np.arange(n) + 0.37
    z = 1 - 2 * index / n
    angle = index * (1 + math.sqrt(5.0)) * math.pi
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
