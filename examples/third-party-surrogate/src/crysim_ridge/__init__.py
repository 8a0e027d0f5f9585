"""A surrogate by ridge regression: a coefficient for every bit, and for the pairs that explain most of the rest."""

from time import perf_counter

import numpy as np
from scipy import sparse

from crysim import hookimpl
from crysim.errors import CrysimError, InputError
from crysim.interfaces import FitReport, Surrogate
from crysim.quadratic import QuadraticModel


class Ridge(Surrogate):
    name = "ridge"

    def __init__(self, *, ridge: float = 1.0, pairs: int = 100, bits: int = 60) -> None:
        """``pairs`` coefficients at most, for products of the ``bits`` bits that vary most."""
        self.ridge, self.pairs, self.bits = ridge, pairs, bits
        self._linear = None

    def fit(self, bits, energies, rng):
        start = perf_counter()
        if not len(energies) or not np.isfinite(energies).all():
            raise InputError("a surrogate is fitted to at least one energy, and all must be finite")
        held = np.zeros(len(energies), dtype=np.bool_)
        if len(energies) >= 10:  # a tenth is not trained on, and tells how good the fit is
            held[rng.permutation(len(energies))[: len(energies) // 10]] = True
        x, mean, scale = bits.astype(np.float64), float(energies.mean()), float(energies.std()) or 1.0
        self._units = mean, scale
        self._train(x[~held], (energies[~held] - mean) / scale)
        predicted, check = self.predict(bits), held if held.any() else ~held
        return FitReport(
            epochs=1,
            train_pcc=_correlation(predicted[~held], energies[~held]),
            validation_pcc=_correlation(predicted[check], energies[check]),
            validation_rmse=float(np.sqrt(np.mean((predicted - energies)[check] ** 2))),
            seconds=perf_counter() - start,
        )

    def predict(self, bits):
        mean, scale = self._units if self._linear is not None else (0.0, 1.0)
        return mean + scale * self.quadratic_model(()).energies(bits)

    def quadratic_model(self, groups):
        if self._linear is None:
            raise CrysimError("fit the surrogate 'ridge' first")
        m, (i, j) = len(self._linear), self._chosen
        couplings = sparse.csr_array((self._coefficients, (i, j)), shape=(m, m))
        return QuadraticModel(self._linear, couplings=couplings, groups=tuple(groups), offset=self._offset)

    def _train(self, x, target):
        variable = np.sort(np.argsort(-x.var(axis=0), kind="stable")[: self.bits])
        i, j = (variable[index] for index in np.triu_indices(len(variable), 1))
        self._linear, self._offset = self._solve(x, target)
        rest = target - x @ self._linear - self._offset
        products = x[:, i] * x[:, j]
        gains = np.abs(rest @ (products - products.mean(axis=0))) / (1.0 + products.std(axis=0) * len(x) ** 0.5)
        best = np.sort(np.argsort(-gains, kind="stable")[: self.pairs])
        self._chosen = i[best], j[best]
        coefficients, self._offset = self._solve(np.hstack([x, products[:, best]]), target)
        self._linear, self._coefficients = np.split(coefficients, [x.shape[1]])

    def _solve(self, x, target):
        """Ridge regression in its dual form: as many equations as there are vectors."""
        means, level = x.mean(axis=0), target.mean()
        centred = x - means
        weights = np.linalg.solve(centred @ centred.T + self.ridge * np.eye(len(x)), target - level)
        coefficients = centred.T @ weights
        return coefficients, float(level - means @ coefficients)


def _correlation(predicted, true):
    if len(true) < 2 or predicted.std() == 0 or true.std() == 0:
        return float("nan")
    return float(np.corrcoef(predicted, true)[0, 1])


@hookimpl
def crysim_surrogates():
    return [Ridge]
