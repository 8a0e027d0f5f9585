"""The points that strategy ``crysim`` trains its surrogate on, and which initial crystals are among them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Bits, Floats

FEWEST = 10
"""Initial crystals that are kept at least, however high their energies."""


def ceiling(lowest: float) -> float:
    """|Lowest energy so far|; unbounded while no energy is negative, since it would then be the lowest itself."""
    return -lowest if lowest < 0 else inf


def trains(energies: Floats) -> NDArray[np.bool_]:
    """Which initial crystals are trained on, ``[n]``, by their unrelaxed energies ``[n]``, eV per cell.

    Those whose energy is not above |the lowest| (section 2.2), all of them where none is negative; but the `FEWEST`
    lowest in any case, since a fit needs some.
    """
    enough = float(np.sort(energies)[min(FEWEST, len(energies)) - 1])
    kept: NDArray[np.bool_] = energies <= max(ceiling(float(energies.min())), enough)
    return kept


class Points:
    """Vectors with their energies, in the order in which they came.

    Attributes:
        lowest: the lowest energy that is believed so far, eV per cell; infinite before there is one.
    """

    def __init__(self) -> None:
        self.lowest = inf
        self._bits: list[Bits] = []
        self._energies: list[Floats] = []

    def __len__(self) -> int:
        return sum(map(len, self._energies))

    @property
    def ceiling(self) -> float:
        """See `ceiling`."""
        return ceiling(self.lowest)

    @property
    def penalty(self) -> float:
        """The target of what is unphysical or failed (section 2.2): the ceiling, or else the highest energy."""
        return self.ceiling if isfinite(self.ceiling) else max(float(e.max()) for e in self._energies if len(e))

    def add(self, bits: Bits, energies: Floats) -> None:
        """Add vectors ``[n, M]`` with their energies ``[n]``."""
        self._bits.append(bits)
        self._energies.append(energies)

    def add_penalised(self, bits: Bits) -> None:
        """Add vectors ``[n, M]`` that stand for nothing physical."""
        self.add(bits, np.full(len(bits), self.penalty))

    def training_data(self, rejected: Sequence[Bits], *, clip: bool, most: int | None) -> tuple[Bits, Floats]:
        """Vectors ``[n, M]`` and targets ``[n]``.

        Args:
            rejected: further vectors that stand for nothing physical.
            clip: lower targets above the ceiling to it.
            most: points at most, the oldest left out first; None: all.
        """
        bits, energies = np.concatenate(self._bits), np.concatenate(self._energies)
        self._bits, self._energies = [bits], [energies]
        if rejected:
            bits = np.concatenate([bits, np.stack(rejected)])
            energies = np.concatenate([energies, np.full(len(rejected), self.penalty)])
        if most is not None:
            bits, energies = bits[-most:], energies[-most:]
        return bits, np.minimum(energies, self.ceiling) if clip else energies


def normal_scores(energies: Floats) -> Floats:
    """Of values ``[n]`` what so many values of a normal distribution would be at their ranks, equal for equal ones."""
    from scipy.stats import norm, rankdata

    return np.asarray(norm.ppf((rankdata(energies) - 0.5) / len(energies)))
