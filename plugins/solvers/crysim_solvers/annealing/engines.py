"""What the annealer runs on: one vector at a time in compiled code, for every form that a model's couplings have."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crysim.arrays import Bits, Floats
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm
from crysim.quadratic.partition import Indices, Partition

Words = NDArray[np.uint64]

_OPERATIONS = 2e7
"""Multiplications per call of a kernel, some 10 ms: between calls the clock is looked at."""


class Engine(ABC):
    """Markov chains of single vectors of one model.

    Attributes:
        partition: of the model.
        chunk: sweeps that take some 10 ms together.
    """

    partition: Partition
    chunk: int

    @abstractmethod
    def sweep(self, ones: Indices, temperatures: Floats, state: Words) -> int:
        """Heat-bath sweeps, one per temperature; ``ones [num_ones]`` changes. Returns the moves of the last."""

    def descend(self, ones: Indices) -> Indices:
        """The vector after exchanges, each one's best place in turn, until none lowers the energy."""
        ones = ones.copy()
        state = np.zeros(1, dtype=np.uint64)
        while self.sweep(ones, np.zeros(1), state):
            pass
        return np.sort(ones)

    def _taken(self, ones: Indices) -> Bits:
        taken = np.zeros(self.partition.num_positions, dtype=np.bool_)
        taken[ones] = True
        return taken

    def _set_chunk(self, operations_per_position: float) -> None:
        p = self.partition
        work = operations_per_position * float((p.counts * p.sizes).sum())
        self.chunk = max(1, int(_OPERATIONS / max(work, 1.0)))


class LowRankEngine(Engine):
    """Moves in single precision on the factors; descent in double."""

    def __init__(self, model: QuadraticModel) -> None:
        form = LowRankForm.of(model)
        self.partition = form.partition
        self._linear = self.partition.spread(model.linear)
        self._columns = np.ascontiguousarray(form.factors.T)
        self._single = (self._linear.astype(np.float32), self._columns.astype(np.float32))
        self._set_chunk(form.factors.shape[1] + 8.0)

    def sweep(self, ones: Indices, temperatures: Floats, state: Words) -> int:
        """Sweeps in single precision but for those at T = 0."""
        from crysim_solvers.local_search.low_rank_kernels import sweeps

        p = self.partition
        linear, columns = self._single if temperatures[-1] > 0 else (self._linear, self._columns)
        groups = (p.starts, p.sizes, p.counts)
        return sweeps(linear, columns, *groups, ones, self._taken(ones), temperatures, state)


class DenseEngine(Engine):
    """Moves with dense couplings, held symmetric in single precision: 4 M² bytes."""

    def __init__(self, model: QuadraticModel) -> None:
        self.partition = Partition.of_model(model)
        m = model.num_bits
        self._linear = np.append(model.linear, 0.0)
        self._matrix = np.zeros((m + 1, m + 1), dtype=np.float32)
        self._matrix[:m, :m] = np.asarray(model.couplings)
        self._matrix += self._matrix.T.copy()
        self._set_chunk(8.0)

    def sweep(self, ones: Indices, temperatures: Floats, state: Words) -> int:
        """Sweeps; the local fields are computed anew before them."""
        from crysim_solvers.local_search.coupled_kernels import dense_sweeps

        p = self.partition
        bits = p.bits[ones]
        fields = self._linear + self._matrix[bits].sum(axis=0, dtype=np.float64)
        groups = (p.starts, p.sizes, p.counts)
        return dense_sweeps(self._matrix, fields, p.bits, *groups, ones, self._taken(ones), temperatures, state)


class SparseEngine(Engine):
    """Moves with sparse couplings in CSR form."""

    def __init__(self, model: QuadraticModel) -> None:
        self.partition = Partition.of_model(model)
        self._linear = np.append(model.linear, 0.0)
        assert sparse.issparse(model.couplings)
        both = sparse.csr_array(model.couplings + model.couplings.T)
        self._symmetric = both
        self._pointer = np.append(both.indptr, both.indptr[-1]).astype(np.int64)
        self._columns = both.indices.astype(np.int64)
        self._values = both.data.astype(np.float64)
        self._set_chunk(8.0 + 2.0 * both.nnz / max(1, model.num_bits))

    def sweep(self, ones: Indices, temperatures: Floats, state: Words) -> int:
        """Sweeps; the local fields are computed anew before them."""
        from crysim_solvers.local_search.coupled_kernels import sparse_sweeps

        p = self.partition
        x = p.bits_of(ones[None])[0]
        fields = self._linear + np.append(self._symmetric @ x.astype(np.float64), 0.0)
        matrix = (self._pointer, self._columns, self._values)
        groups = (p.starts, p.sizes, p.counts)
        return sparse_sweeps(*matrix, fields, p.bits, *groups, ones, self._taken(ones), temperatures, state)


def engine_for(model: QuadraticModel) -> Engine:
    """The engine for the form that the model's couplings have."""
    if model.is_low_rank:
        return LowRankEngine(model)
    return SparseEngine(model) if sparse.issparse(model.couplings) else DenseEngine(model)


def field_spread(model: QuadraticModel, rng: np.random.Generator) -> float:
    """The scale of a model's energy changes: the standard deviation of local fields in random vectors; 1 if none."""
    spread = float(np.std(model.local_fields(model.random_bits(32, rng)))) if model.num_bits else 0.0
    return spread or 1.0
