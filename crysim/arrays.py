"""The arrays that all of crysim exchanges, by what they hold, and the units of energies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
"""Bit vectors."""
Floats = NDArray[np.float64]
"""Energies (eV), lengths (Å), coordinates (fractional unless said otherwise)."""
Features = NDArray[np.float32]
"""What a network computes with: its weights, and the features of atoms and bonds."""
Ints = NDArray[np.int64]
"""Indices and counts."""

EV_PER_GPA_A3 = 1 / 160.21766208
"""A pressure in GPa times a volume in Å³ times this is an energy in eV."""
