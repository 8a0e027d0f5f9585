"""The vectors that a solver has seen, and the choice among them: best first, and far enough apart."""

from __future__ import annotations

import numpy as np

from crysim.partition import Indices, Partition
from crysim.quadratic import Bits, QuadraticModel


class Pool:
    """Distinct feasible vectors, kept as the positions of their ones.

    Args:
        model: whose energies count.
        min_hamming: bits in which any two chosen vectors differ, at least.
    """

    def __init__(self, model: QuadraticModel, min_hamming: int = 1) -> None:
        self.model = model
        self.partition = Partition.of_model(model)
        self.min_hamming = min_hamming
        self._seen: dict[bytes, Indices] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, ones: Indices) -> bool:
        """Add the vector with these ones ``[num_ones]``; returns whether it is new."""
        ones = np.sort(ones)
        key = ones.tobytes()
        new = key not in self._seen
        self._seen[key] = ones
        return new

    def is_far(self, ones: Indices) -> bool:
        """Whether the vector with these ones is far enough from all that were added."""
        if not self._seen:
            return True
        bits = self.partition.bits_of(np.array([ones, *self._seen.values()]))
        return bool((bits[1:] != bits[0]).sum(axis=1).min() >= self.min_hamming)

    def choose(self, n: int) -> Bits:
        """At most ``n`` vectors ``[., M]``, each the best that is far enough from those before it."""
        if not self._seen:
            return np.zeros((0, self.model.num_bits), dtype=np.bool_)
        bits = self.partition.bits_of(np.array(list(self._seen.values())).reshape(len(self._seen), -1))
        bits = bits[np.argsort(self.model.energies(bits), kind="stable")]
        chosen: list[int] = []
        for i in range(len(bits)):
            if len(chosen) == n:
                break
            if not chosen or (bits[chosen] != bits[i]).sum(axis=1).min() >= self.min_hamming:
                chosen.append(i)
        return np.asarray(bits[chosen])
