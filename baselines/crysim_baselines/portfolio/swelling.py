"""By how much the predicted volumes of a formula's structure types are wrong, learned from those that were relaxed."""

from __future__ import annotations

from math import exp, log
from statistics import median

from crysim.crystal import Crystal

FEWEST = 3
"""Types that must have been relaxed before it is believed."""


class Swelling:
    """What the types of one formula have in common: bonds that are predicted too long are so in most of them."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._logs: list[float] = []

    @property
    def factor(self) -> float:
        """What a predicted volume is to be multiplied with: the median over what was relaxed."""
        return exp(median(self._logs)) if len(self._logs) >= FEWEST else 1.0

    def learn(self, start: Crystal, end: Crystal, factor: float) -> None:
        """Add a relaxation that began at its type's predicted volume times a factor."""
        self._logs.append(log(factor * end.volume / end.num_atoms) - log(start.volume / start.num_atoms))
