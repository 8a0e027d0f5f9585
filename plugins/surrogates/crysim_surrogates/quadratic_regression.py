"""Surrogate ``quadratic-regression``: every pair of bits has its own coefficient (CRYSIM-QR, figure S4)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy import linalg, sparse

from crysim import hookimpl
from crysim.arrays import Bits, Floats
from crysim.errors import CrysimError, InputError
from crysim.interfaces import FitReport, Surrogate
from crysim.quadratic import BitGroup, QuadraticModel
from crysim_surrogates.dataset import Dataset, Units, prepare
from crysim_surrogates.objective import pearson, rmse
from crysim_surrogates.sparse_bits import SparseBits

RIDGES = (10.0, 1.0, 1e-1, 1e-2, 1e-3)
"""Strengths that are tried when none is given, in units of the mean kernel of a vector with itself."""

MOST_TO_CHOOSE_BY = 2000
"""Training vectors, drawn at random, with which strengths are tried: the best one hardly depends on their number."""

DENSE_FROM = 0.25
"""Share of pairs with a coefficient from which ``auto`` stores couplings densely."""


@dataclass(frozen=True)
class _Fitted:
    data: SparseBits
    weights: Floats
    linear_weight: float
    units: Units
    penalties: Floats


class QuadraticRegression(Surrogate):
    """Ridge regression on all bits and all pairs of bits, solved exactly.

    The features of a vector are its bits and its pairs of ones, so two vectors with o ones in common have the scalar
    product 1 + a·o + o(o − 1)/2. The ridge solution follows from the n × n matrix of these (kernel ridge regression),
    at the cost of O(n³) however many pairs there are. A pair's coefficient is the sum of the weights of the vectors
    that hold both bits, so a pair that occurs in no vector has none.

    Args:
        ridge: strength of the penalty on squared coefficients, in units of the mean kernel of a vector with itself;
            None: of `RIDGES` the one with the lowest error on the tenth held back, the first if nothing is held back.
            The fit is then repeated on all.
        linear_weight: a, how much freer linear coefficients are than those of pairs (the ratio of their prior
            variances); None: the mean number of ones of a vector.
        couplings: pairs are stored ``dense``, ``sparse`` (those that occur), or as takes less (``auto``).
        unseen: what a bit does that is 1 in no vector: ``zero``: nothing; ``penalise``: costs ``unseen_penalty``.
        unseen_penalty: in standard deviations of the energies.
    """

    name: ClassVar[str] = "quadratic-regression"
    tuning_space: ClassVar[Mapping[str, Sequence[float]]] = {
        "ridge": (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0),
        "linear_weight": (1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
    }

    def __init__(
        self,
        *,
        ridge: float | None = None,
        linear_weight: float | None = None,
        couplings: Literal["auto", "dense", "sparse"] = "auto",
        unseen: Literal["zero", "penalise"] = "zero",
        unseen_penalty: float = 1.0,
    ) -> None:
        for name, value in (("ridge", ridge), ("linear_weight", linear_weight)):
            if value is not None and not value > 0:
                raise InputError(f"{name} of quadratic-regression is positive, not {value}")
        self._ridges = RIDGES if ridge is None else (ridge,)
        self._linear_weight = linear_weight
        self._couplings = couplings
        self._unseen_penalty = unseen_penalty if unseen == "penalise" else 0.0
        self._fitted: _Fitted | None = None

    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        """Fit to vectors ``[n, M]`` and energies ``[n]`` (eV per cell)."""
        started = time.perf_counter()
        data = prepare(bits, energies, rng)
        every = SparseBits.concatenate([data.training, data.validation]) if data.is_split else data.training
        target = np.concatenate([data.target, data.validation_target]) if data.is_split else data.target
        a = self._linear_weight or float(max(1.0, every.lengths.mean()))
        kernel = _kernel(every, every, a)
        ridge = self._choose_ridge(kernel, target, data, rng) * float(np.trace(kernel)) / len(kernel)
        factor = _factor(kernel, ridge)
        weights = _solve(factor, target)
        # The factor of the training vectors' matrix is a corner of the whole one's.
        n = len(data.training)
        predicted = kernel[n:, :n] @ _solve(factor[:n, :n], target[:n]) if data.is_split else kernel @ weights
        self._fitted = _Fitted(every, weights, a, data.units, np.where(data.seen, 0.0, self._unseen_penalty))
        return FitReport(
            epochs=1,
            train_pcc=pearson(target - ridge * weights, target),
            validation_pcc=pearson(predicted, data.validation_target),
            validation_rmse=rmse(predicted, data.validation_target) * data.units.scale,
            seconds=time.perf_counter() - started,
        )

    def _choose_ridge(self, kernel: Floats, target: Floats, data: Dataset, rng: np.random.Generator) -> float:
        """Of the strengths to try, the one with the lowest error on the vectors held back."""
        if len(self._ridges) == 1 or not data.is_split:
            return self._ridges[0]
        n = len(data.training)
        some = rng.permutation(n)[:MOST_TO_CHOOSE_BY]
        among, to_validation = kernel[np.ix_(some, some)], kernel[n:, some]
        unit = float(np.trace(among)) / len(among)
        errors = [
            rmse(to_validation @ _solve(_factor(among, ridge * unit), target[some]), data.validation_target)
            for ridge in self._ridges
        ]
        return self._ridges[int(np.argmin(errors))]

    def predict(self, bits: Bits) -> Floats:
        """Energies ``[n]`` (eV per cell) of vectors ``[n, M]``."""
        fitted = self._get_fitted()
        vectors = SparseBits.from_dense(bits)
        if vectors.num_bits != fitted.data.num_bits:
            raise InputError(f"the surrogate was fitted to {fitted.data.num_bits} bits, not {vectors.num_bits}")
        values = _kernel(vectors, fitted.data, fitted.linear_weight) @ fitted.weights
        return fitted.units.restore(values + vectors.matrix() @ fitted.penalties)

    def quadratic_model(self, groups: Sequence[BitGroup]) -> QuadraticModel:
        """Linear terms ``[M]``, couplings ``[M, M]`` and offset, in units of the standardised energy."""
        fitted = self._get_fitted()
        vectors = fitted.data.matrix()
        return QuadraticModel(
            linear=fitted.linear_weight * (vectors.T @ fitted.weights) + fitted.penalties,
            couplings=self._pairs(vectors, fitted.weights),
            groups=tuple(groups),
            offset=float(fitted.weights.sum()),
        )

    def _pairs(self, vectors: sparse.csr_array, weights: Floats) -> Floats | sparse.csr_array:
        m = vectors.shape[1]
        pairs = sparse.csr_array(sparse.triu(vectors.T @ (sparse.diags_array(weights) @ vectors), k=1))
        if self._couplings == "dense" or (self._couplings == "auto" and pairs.nnz > DENSE_FROM * m * (m - 1) / 2):
            return np.asarray(pairs.toarray())
        return pairs

    def _get_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise CrysimError("the surrogate has not been fitted yet: call fit first")
        return self._fitted


def _kernel(rows: SparseBits, columns: SparseBits, linear_weight: float) -> Floats:
    """Scalar products of the features of two sets of vectors, ``[n rows, n columns]``."""
    common = np.asarray(rows.matrix() @ columns.matrix().toarray().T)
    return 1.0 + common * (linear_weight + 0.5 * (common - 1.0))


def _factor(kernel: Floats, ridge: float) -> Floats:
    """The lower Cholesky factor of K + ridge · 1."""
    shifted = kernel.copy()
    shifted[np.diag_indices_from(shifted)] += ridge
    return np.asarray(linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False))


def _solve(factor: Floats, target: Floats) -> Floats:
    """The weights of the vectors, from a lower Cholesky factor."""
    return np.asarray(linalg.cho_solve((factor, True), target, check_finite=False))


@hookimpl
def crysim_surrogates() -> list[type[Surrogate]]:
    """The surrogates of this module."""
    return [QuadraticRegression]
