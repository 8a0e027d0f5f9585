"""Bit vectors by the positions of their ones: an encoded crystal has a few dozen ones among thousands of bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from crysim.arrays import Bits


@dataclass(frozen=True, eq=False)
class SparseBits:
    """n bit vectors of M bits in compressed rows.

    Attributes:
        num_bits: M.
        starts: ``[n + 1]``; the ones of row r are ``ones[starts[r]:starts[r + 1]]``.
        ones: positions of the ones, ascending within a row.
    """

    num_bits: int
    starts: NDArray[np.int64]
    ones: NDArray[np.int32]

    @classmethod
    def from_dense(cls, bits: ArrayLike) -> SparseBits:
        """From vectors ``[n, M]`` of 0 and 1."""
        dense = np.asarray(bits, dtype=np.bool_)
        starts = np.zeros(len(dense) + 1, dtype=np.int64)
        np.cumsum(np.count_nonzero(dense, axis=1), out=starts[1:])
        return cls(dense.shape[1], starts, np.nonzero(dense)[1].astype(np.int32))

    @classmethod
    def concatenate(cls, parts: Sequence[SparseBits]) -> SparseBits:
        """The rows of all parts (of the same M), one part after the other."""
        starts = np.concatenate(([0], np.cumsum(np.concatenate([part.lengths for part in parts]))))
        return cls(parts[0].num_bits, starts, np.concatenate([part.ones for part in parts]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Ones of every row, ``[n]``."""
        return np.diff(self.starts)

    def take(self, rows: NDArray[Any]) -> SparseBits:
        """The rows named, in that order (indices, or a mask ``[n]``)."""
        chosen = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        lengths = self.lengths[chosen]
        starts = np.zeros(len(chosen) + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        source = np.repeat(self.starts[chosen] - starts[:-1], lengths) + np.arange(starts[-1])
        return SparseBits(self.num_bits, starts, self.ones[source])

    def padded(self) -> NDArray[np.int64]:
        """``[n, most ones of a row]`` positions; rows with fewer ones are filled up with M."""
        lengths = self.lengths
        table = np.full((len(self), int(lengths.max(initial=1))), self.num_bits, dtype=np.int64)
        table[np.arange(table.shape[1]) < lengths[:, None]] = self.ones
        return table

    def matrix(self) -> sparse.csr_array:
        """``[n, M]`` of 0.0 and 1.0 in compressed rows."""
        ones = np.ones(len(self.ones))
        return sparse.csr_array((ones, self.ones, self.starts), shape=(len(self), self.num_bits))

    def to_dense(self) -> Bits:
        """``[n, M]``."""
        dense = np.zeros((len(self), self.num_bits), dtype=np.bool_)
        dense[np.repeat(np.arange(len(self)), self.lengths), self.ones] = True
        return dense

    def counts(self) -> NDArray[np.int64]:
        """In how many rows each bit is 1, ``[M]``."""
        return np.bincount(self.ones, minlength=self.num_bits)
