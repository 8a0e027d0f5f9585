"""The vectors that a solver has seen, and the choice among them: best first, and far enough apart."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.errors import UnknownNameError
from crysim.quadratic import QuadraticModel
from crysim.quadratic.partition import Indices, Partition


class Pool:
    """Distinct feasible vectors, kept as the positions of their ones.

    Args:
        model: whose energies count.
        min_hamming: bits in which any two chosen vectors differ, at least.
        differ_in: ``[M]`` the bits in which they must; None: all.
    """

    def __init__(self, model: QuadraticModel, min_hamming: int = 1, differ_in: Bits | None = None) -> None:
        self.model = model
        self.partition = Partition.of_model(model)
        self.min_hamming = min_hamming
        self.differ_in: Bits = np.ones(model.num_bits, dtype=np.bool_) if differ_in is None else differ_in
        self._seen: dict[bytes, Indices] = {}

    @property
    def counts(self) -> Floats:
        """``[P]`` 1 at positions of bits that count (a slack position counts as its bit does), else 0."""
        bits = self.partition.bits
        return self.differ_in[np.where(bits < 0, np.roll(bits, 1), bits)].astype(np.float64)

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
        return not self._seen or self.distance(ones, list(self._seen.values())) >= self.min_hamming

    def distance(self, ones: Indices, others: Sequence[Indices]) -> int:
        """Bits that count in which the vector with these ones differs from the nearest of others."""
        bits = self.partition.bits_of(np.array([ones, *others]))[:, self.differ_in]
        return int((bits[1:] != bits[0]).sum(axis=1).min())

    def choose(self, n: int) -> Bits:
        """At most ``n`` vectors ``[., M]``, each the best that is far enough from those before it."""
        if not self._seen:
            return np.zeros((0, self.model.num_bits), dtype=np.bool_)
        bits = self.partition.bits_of(np.array(list(self._seen.values())).reshape(len(self._seen), -1))
        bits = bits[np.argsort(self.model.energies(bits), kind="stable")]
        counted = bits if self.differ_in.all() else bits[:, self.differ_in]
        chosen: list[int] = []
        for i in range(len(bits)):
            if len(chosen) == n:
                break
            if not chosen or (counted[chosen] != counted[i]).sum(axis=1).min() >= self.min_hamming:
                chosen.append(i)
        return np.asarray(bits[chosen])


def bits_of_groups(model: QuadraticModel, names: str) -> Bits:
    """Which bits are in the groups named, ``[M]``.

    Args:
        model: whose groups.
        names: separated by commas; ``*`` stands for anything, as in ``grid-*``.

    Raises:
        UnknownNameError: no group has such a name.
    """
    named = np.zeros(model.num_bits, dtype=np.bool_)
    for name in names.split(","):
        groups = [group for group in model.groups if fnmatchcase(group.name, name.strip())]
        if not groups:
            raise UnknownNameError("group of the model", name.strip(), [group.name for group in model.groups])
        for group in groups:
            named[group.slice] = True
    return named
