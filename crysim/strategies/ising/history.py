"""What strategy ``crysim`` has tried and learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from crysim.arrays import Bits, Floats, Ints
from crysim.crystal import Crystal
from crysim.quadratic import BitGroup
from crysim.strategies.initial import InitialCrystals
from crysim.strategies.ising.known import KnownCrystals
from crysim.strategies.training_set import Points
from crysim.symmetry import CELL_PARAMETERS


@dataclass
class History:
    """All that a proposal depends on besides the options, the problem and the surrogate's weights.

    Attributes:
        number: trials that the search was told of.
        points: to train on.
        ends: starts, ends and answers with the energies that their relaxations ended in.
        initial: the initial crystals.
        tried: crystals that were relaxed.
        visits: ``[M]`` how many of the candidates had each bit; None before the first.
        rarity: ``[M]`` of bits of symmetry, log(count of the most frequent bit of the group / own count) among the
            initial crystals, 0 of others; None: not wanted.
        known: minima reached and crystals tried, where such are not to be tried again.
    """

    number: int = 0
    points: Points = field(default_factory=Points)
    ends: Points = field(default_factory=Points)
    initial: InitialCrystals = field(default_factory=InitialCrystals)
    tried: set[Crystal] = field(default_factory=set)
    visits: Ints | None = None
    rarity: Floats | None = None
    known: KnownCrystals = field(default_factory=KnownCrystals)
    _answers: set[bytes] = field(default_factory=set)

    def set_rarity(self, bits: Bits, groups: Sequence[BitGroup]) -> None:
        """Take the rarities of the bits ``[n, M]`` of initial crystals, those of the cell's parameters left out."""
        counts = bits.sum(axis=0) + 1.0
        self.rarity = np.zeros(bits.shape[1])
        for group in groups:
            if group.k == 1 and group.name not in CELL_PARAMETERS:
                own = counts[group.slice]
                self.rarity[group.slice] = np.log(own.max() / own)

    def add_answer(self, vector: Bits) -> None:
        """A vector ``[M]`` was a solver's answer."""
        self._answers.add(_key(vector))

    def has_answer(self, vector: Bits) -> bool:
        """Whether the vector ``[M]`` was an answer before."""
        return _key(vector) in self._answers

    def count(self, vector: Bits) -> None:
        """A candidate had the vector ``[M]``."""
        ones = vector.astype(np.int64)
        self.visits = ones if self.visits is None else self.visits + ones


def _key(vector: Bits) -> bytes:
    return np.packbits(vector).tobytes()
