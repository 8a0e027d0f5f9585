"""The radial functions that a learned pair potential is a sum of."""

from __future__ import annotations

from functools import cache

import numpy as np

from crysim.arrays import Floats

CUTOFF = 5.5
"""Å within which pairs of atoms have an energy."""
NUMBER = 12
"""Radial functions."""
STEP = 0.01
"""Å between the points at which they are kept."""
_STRETCH = 3.0
"""Short lengths are stretched by the exponential of this, against long ones."""


@cache
def radial_functions() -> Floats:
    """Their values ``[points, NUMBER]``, every `STEP` from 0 to a little past the cutoff.

    Chebyshev polynomials of a length that is stretched where atoms are close, times a smooth cut-off (as in linear
    cluster expansions: Drautz, Phys. Rev. B 99, 014104, 2019).
    """
    lengths = np.arange(0.0, CUTOFF + 3 * STEP, STEP)
    stretched = np.expm1(-_STRETCH * (lengths / CUTOFF - 1.0)) / np.expm1(_STRETCH)
    angles = np.arccos(np.clip(1.0 - 2.0 * stretched, -1.0, 1.0))
    faded = np.where(lengths < CUTOFF, (1.0 - lengths / CUTOFF) ** 2 * (1.0 + 2.0 * lengths / CUTOFF), 0.0)
    values = np.cos(np.arange(NUMBER)[:, None] * angles) * faded
    return np.ascontiguousarray(values.T)
