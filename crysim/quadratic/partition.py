"""The groups of a quadratic model in the flat form that compiled solvers work on.

A free bit (one in no group) is put together with a *slack* position that has no energy: 'exactly one of the two is 1'.
Then every position belongs to exactly one group, and a solver needs to know only one kind of constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Bits, Floats
from crysim.quadratic import BitGroup, QuadraticModel

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Partition:
    """Positions ``[P]`` in contiguous groups ``[G]`` of which exactly k are 1.

    Attributes:
        num_bits: M of the model.
        bits: ``[P]`` the model's bit at each position, −1 at a slack position.
        starts, sizes, counts: ``[G]`` each group's first position, its length, and its k.
    """

    num_bits: int
    bits: Indices
    starts: Indices
    sizes: Indices
    counts: Indices

    @classmethod
    def of(cls, groups: Sequence[BitGroup], num_bits: int) -> Partition:
        """The partition of ``num_bits`` bits into disjoint, ordered groups and free bits."""
        bits: list[Indices] = []
        sizes: list[int] = []
        counts: list[int] = []
        end = 0
        for group in (*groups, BitGroup("end", num_bits, 0, 0)):
            for free in range(end, group.start):
                bits.append(np.array([free, -1]))
                sizes.append(2)
                counts.append(1)
            if group.size:
                bits.append(np.arange(group.start, group.stop))
                sizes.append(group.size)
                counts.append(group.k)
            end = group.stop
        lengths = np.array(sizes, dtype=np.int64)
        return cls(
            num_bits=num_bits,
            bits=np.concatenate(bits).astype(np.int64) if bits else np.zeros(0, dtype=np.int64),
            starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64) if sizes else lengths,
            sizes=lengths,
            counts=np.array(counts, dtype=np.int64),
        )

    @classmethod
    def of_model(cls, model: QuadraticModel) -> Partition:
        """The partition of a model's bits."""
        return cls.of(model.groups, model.num_bits)

    @property
    def num_positions(self) -> int:
        """P, the bits and the slack positions."""
        return int(self.bits.shape[0])

    @property
    def num_ones(self) -> int:
        """How many positions are 1 in every feasible vector."""
        return int(self.counts.sum())

    def spread(self, values: Floats) -> Floats:
        """Values by bit, ``[M, ...]``, as values by position, ``[P, ...]``; zero at slack positions."""
        taken = np.asarray(values[self.bits], dtype=np.float64)
        taken[self.bits < 0] = 0.0
        return taken

    def ones_of(self, x: Bits) -> Indices:
        """The positions of the ones of one feasible vector ``[M]``, in order."""
        state = np.asarray(x, dtype=np.bool_)[self.bits]
        slack = np.flatnonzero(self.bits < 0)
        state[slack] = ~state[slack - 1]
        return np.flatnonzero(state).astype(np.int64)

    def bits_of(self, ones: Indices) -> Bits:
        """Vectors ``[n, M]`` from the positions of their ones ``[n, num_ones]``."""
        x = np.zeros((ones.shape[0], self.num_bits + 1), dtype=np.bool_)
        np.put_along_axis(x, self.bits[ones], True, axis=1)  # slack positions, −1, write into the last column
        return np.ascontiguousarray(x[:, :-1])
