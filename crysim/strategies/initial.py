"""Which of the initial crystals, whose unrelaxed energies are known, are tried first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from crysim.crystal import Crystal
from crysim.interfaces import Frame
from crysim.symmetry import Combination


class InitialCrystals:
    """The initial crystals, those of the lowest energies first, one of each Wyckoff combination before any second."""

    def __init__(self) -> None:
        self._order: list[Crystal] = []

    def fill(self, frames: Sequence[Frame]) -> None:
        """Take the crystals with their energies."""
        seen: Counter[tuple[int, Combination]] = Counter()
        ranked: list[tuple[int, Crystal]] = []
        for frame in sorted(frames, key=lambda frame: frame.energy):
            kind = (frame.crystal.space_group, frame.crystal.combination)
            ranked.append((seen[kind], frame.crystal))
            seen[kind] += 1
        ranked.sort(key=lambda pair: pair[0])
        self._order = [crystal for _, crystal in ranked]

    def untried(self, n: int, tried: Container[Crystal]) -> list[tuple[int, Crystal]]:
        """The next ``n`` with their places in the order; fewer, or none, if no more are left."""
        left = [(place, crystal) for place, crystal in enumerate(self._order) if crystal not in tried]
        return left[:n]
