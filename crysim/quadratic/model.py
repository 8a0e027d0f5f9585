"""Quadratic models of bits: what a surrogate hands to an Ising solver.

The energy of a bit vector x (equation 21 of the paper) is

    E(x) = offset + sum_i linear_i x_i + sum_{i<j} Q_ij x_i x_j

with the couplings either low-rank, Q = W Wᵀ (a factorization machine), or given one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from crysim.arrays import Bits, Floats
from crysim.errors import InputError


@dataclass(frozen=True)
class BitGroup:
    """Contiguous bits ``[start, start + size)`` of which exactly ``k`` are 1."""

    name: str
    start: int
    size: int
    k: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.size:
            raise InputError(f"group '{self.name}' has {self.size} bits: {self.k} of them cannot be 1")

    @property
    def stop(self) -> int:
        """One past the last bit."""
        return self.start + self.size

    @property
    def slice(self) -> slice:
        """The group's bits in a vector."""
        return slice(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """A quadratic energy of M bits with 'exactly k' groups.

    Attributes:
        linear: ``[M]`` linear coefficients h.
        factors: ``[M, K]`` low-rank factors W (couplings W Wᵀ without the diagonal), or None.
        couplings: ``[M, M]`` strictly upper triangular, dense or scipy sparse, or None.
            Exactly one of ``factors`` and ``couplings`` is given.
        groups: disjoint and in order of their start. A bit in no group is free.
        offset: the constant b.
    """

    linear: Floats
    factors: Floats | None = None
    couplings: Floats | sparse.csr_array | None = None
    groups: tuple[BitGroup, ...] = field(default=())
    offset: float = 0.0

    def __post_init__(self) -> None:
        if (self.factors is None) == (self.couplings is None):
            raise InputError("a quadratic model has either low-rank factors or couplings, not both nor neither")
        m = self.num_bits
        if self.factors is not None and (self.factors.ndim != 2 or self.factors.shape[0] != m):
            raise InputError(f"factors have the shape {self.factors.shape}, not [{m}, K]")
        if self.couplings is not None:
            if self.couplings.shape != (m, m):
                raise InputError(f"couplings have the shape {self.couplings.shape}, not [{m}, {m}]")
            if not _strictly_upper(self.couplings):
                raise InputError("couplings must be strictly upper triangular")
        end = 0
        for group in self.groups:
            if group.start < end or group.stop > m:
                raise InputError(f"group '{group.name}' overlaps another, is out of order or leaves the {m} bits")
            end = group.stop
        finite = np.isfinite(self.linear).all() and np.isfinite(self.offset)
        if self.factors is not None:
            finite = finite and np.isfinite(self.factors).all()
        elif self.couplings is not None:
            data = self.couplings.data if sparse.issparse(self.couplings) else self.couplings
            finite = finite and np.isfinite(np.asarray(data)).all()
        if not finite:
            raise InputError("a quadratic model's coefficients must be finite")

    @property
    def num_bits(self) -> int:
        """M, the number of bits."""
        return int(self.linear.shape[0])

    @property
    def is_low_rank(self) -> bool:
        """Whether the couplings are W Wᵀ (and so positive semi-definite up to their diagonal)."""
        return self.factors is not None

    @cached_property
    def factor_norms(self) -> Floats:
        """``[M]`` squared norms |w_i|² of the factors' rows: the diagonal that energies leave out."""
        if self.factors is None:
            raise InputError("only a low-rank model has factors")
        return np.asarray(np.einsum("mk,mk->m", self.factors, self.factors))

    @cached_property
    def _symmetric_couplings(self) -> Floats | sparse.csr_array:
        couplings: Any = self.couplings
        both: Floats | sparse.csr_array = couplings + couplings.T
        return both

    def energies(self, bits: ArrayLike) -> Floats:
        """The energies of bit vectors.

        Args:
            bits: ``[..., M]`` of 0 and 1.

        Returns:
            ``[...]`` energies.
        """
        x = np.asarray(bits, dtype=np.float64)
        flat = x.reshape(prod(x.shape[:-1]), self.num_bits)
        energies = self.offset + flat @ self.linear
        if self.factors is not None:
            z = flat @ self.factors
            energies += 0.5 * (np.einsum("nk,nk->n", z, z) - flat @ self.factor_norms)
        else:
            assert self.couplings is not None
            energies += np.einsum("nm,nm->n", flat, np.asarray((self.couplings.T @ flat.T).T))
        return np.asarray(energies.reshape(x.shape[:-1]))

    def local_fields(self, bits: ArrayLike) -> Floats:
        """What setting each bit costs: E(x with x_i = 1) − E(x with x_i = 0), ``[..., M]``."""
        x = np.asarray(bits, dtype=np.float64)
        flat = x.reshape(prod(x.shape[:-1]), self.num_bits)
        if self.factors is not None:
            fields = self.linear + (flat @ self.factors) @ self.factors.T - flat * self.factor_norms
        else:
            fields = self.linear + np.asarray((self._symmetric_couplings @ flat.T).T)
        return np.asarray(fields.reshape(x.shape))

    def violations(self, bits: ArrayLike) -> NDArray[np.int64]:
        """How far each vector is from its groups' counts: sum over groups of |ones − k|, ``[...]``."""
        x = np.asarray(bits)
        total = np.zeros(x.shape[:-1], dtype=np.int64)
        for group in self.groups:
            total += np.abs(np.count_nonzero(x[..., group.slice], axis=-1) - group.k)
        return total

    def is_feasible(self, bits: ArrayLike) -> NDArray[np.bool_]:
        """Whether every group of each vector has exactly its k ones, ``[...]``."""
        return np.asarray(self.violations(bits) == 0)

    def random_bits(self, n: int, rng: np.random.Generator) -> Bits:
        """Feasible vectors drawn uniformly, ``[n, M]``; free bits are fair coins."""
        x = np.zeros((n, self.num_bits), dtype=np.bool_)
        free = np.ones(self.num_bits, dtype=np.bool_)
        for group in self.groups:
            free[group.slice] = False
            order = rng.random((n, group.size)).argpartition(group.k - 1, axis=1) if group.k else None
            if order is not None:
                np.put_along_axis(x[:, group.slice], order[:, : group.k], True, axis=1)
        if free.any():
            x[:, free] = rng.random((n, int(free.sum()))) < 0.5
        return x

    def repair(self, bits: ArrayLike) -> Bits:
        """The nearest feasible vectors: in each broken group the bits that cost least are flipped.

        Greedy, one bit at a time with local fields brought up to date, so the result is good and not only legal.

        Args:
            bits: ``[n, M]``.

        Returns:
            ``[n, M]`` feasible copies; feasible rows are returned as they came.
        """
        x = np.array(bits, dtype=np.bool_, copy=True)
        for row in np.flatnonzero(self.violations(x)):
            self._repair_row(x[row])
        return x

    def _repair_row(self, x: Bits) -> None:
        fields = self.local_fields(x)
        for group in self.groups:
            view = x[group.slice]
            while (ones := int(np.count_nonzero(view))) != group.k:
                cost = fields[group.slice]
                surplus = ones > group.k
                bit = int(
                    np.argmax(np.where(view, cost, -np.inf)) if surplus else np.argmin(np.where(view, np.inf, cost))
                )
                view[bit] = not surplus
                row = self.coupling_row(group.start + bit)
                fields += -row if surplus else row

    def coupling_row(self, bit: int) -> Floats:
        """The couplings of one bit to all, ``[M]``, zero to itself: what its flip from 0 to 1 adds to local fields."""
        if self.factors is not None:
            row = self.factors @ self.factors[bit]
            row[bit] = 0.0
            return np.asarray(row)
        couplings = self.couplings
        assert couplings is not None
        if isinstance(couplings, np.ndarray):
            return np.asarray(couplings[bit] + couplings[:, bit])
        return np.asarray((couplings[[bit]] + couplings[:, [bit]].T).toarray()[0])


def _strictly_upper(couplings: Any) -> bool:
    """Whether all is zero on and below the diagonal; dense ones are looked at in blocks, without a copy of them all."""
    if not isinstance(couplings, np.ndarray):
        matrix = sparse.coo_array(couplings)
        return not matrix.data[matrix.coords[0] >= matrix.coords[1]].any()
    size = len(couplings)
    step = max(1, (1 << 22) // max(1, size))
    return not any(
        np.tril(couplings[first : first + step, : first + step], first).any() for first in range(0, size, step)
    )


def check_groups(groups: Sequence[BitGroup], num_bits: int) -> None:
    """Raise InputError unless the groups are disjoint, in order and within ``num_bits`` bits."""
    QuadraticModel(np.zeros(num_bits), factors=np.zeros((num_bits, 0)), groups=tuple(groups))
