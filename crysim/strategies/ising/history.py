"""What strategy ``crysim`` has tried and learnt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from crysim.arrays import Bits, Ints
from crysim.crystal import Crystal
from crysim.strategies.initial import InitialCrystals
from crysim.strategies.training_set import Points


@dataclass
class History:
    """All that a proposal depends on besides the options, the problem and the surrogate's weights.

    Attributes:
        number: trials that the search was told of.
        points: to train on.
        initial: the initial crystals.
        tried: crystals that were relaxed.
        visits: ``[M]`` how many of the candidates had each bit; None before the first.
    """

    number: int = 0
    points: Points = field(default_factory=Points)
    initial: InitialCrystals = field(default_factory=InitialCrystals)
    tried: set[Crystal] = field(default_factory=set)
    visits: Ints | None = None
    _answers: set[bytes] = field(default_factory=set)

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
