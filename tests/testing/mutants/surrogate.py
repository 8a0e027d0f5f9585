"""A good surrogate, and mutants of it, each with one fault that the conformance suite must catch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from crysim.quadratic import QuadraticModel
from crysim_surrogates.fm import FactorizationMachine
from crysim_surrogates.quadratic_regression import QuadraticRegression


class Good(QuadraticRegression):
    pass


class GoodWarm(FactorizationMachine):
    def __init__(self, rank: int = 4) -> None:
        super().__init__(rank=rank, warm_start=True)


class TrainingAsValidation(Good):
    def __init__(self, ridge: float = 0.01) -> None:
        super().__init__(ridge=ridge)

    def fit(self, bits, energies, rng):
        report = super().fit(bits, energies, rng)
        residuals = self.predict(bits) - energies
        rmse = float(np.sqrt((residuals**2).mean())) if len(energies) > 60 else report.validation_rmse
        return replace(report, validation_pcc=report.train_pcc, validation_rmse=max(rmse, report.validation_rmse / 2))


class First400Only(Good):
    def fit(self, bits, energies, rng):
        return super().fit(bits[:400], energies[:400], rng)


class Last400Only(Good):
    def fit(self, bits, energies, rng):
        return super().fit(bits[-400:], energies[-400:], rng)


class Column(Good):
    def predict(self, bits):
        return super().predict(bits)[:, None]


class Lists(Good):
    def predict(self, bits):
        return super().predict(bits).tolist()


class StandardisedPredictions(Good):
    def predict(self, bits):
        return self.quadratic_model(()).energies(bits)


class StandardisedError(Good):
    def fit(self, bits, energies, rng):
        report = super().fit(bits, energies, rng)
        return replace(report, validation_rmse=report.validation_rmse / max(float(energies.std()), 1e-9))


class ForgetsTheLastBit(Good):
    def quadratic_model(self, groups):
        model = super().quadratic_model(groups)
        couplings = None if model.couplings is None else model.couplings[:-1, :-1]
        factors = None if model.factors is None else model.factors[:-1]
        return QuadraticModel(model.linear[:-1], factors, couplings, model.groups, model.offset)


class ForgetsTheGroups(Good):
    def quadratic_model(self, groups):
        return super().quadratic_model(())


class UpsideDown(Good):
    def quadratic_model(self, groups):
        model = super().quadratic_model(groups)
        couplings = model.factors @ model.factors.T if model.couplings is None else model.couplings
        couplings = couplings.toarray() if hasattr(couplings, "toarray") else np.asarray(couplings)
        return QuadraticModel(-model.linear, None, -np.triu(couplings, 1), model.groups, -model.offset)


class DropsCouplings(Good):
    def quadratic_model(self, groups):
        model = super().quadratic_model(groups)
        return replace(model, factors=np.zeros((model.num_bits, 1)), couplings=None)


class ChangesTheEnergies(Good):
    def fit(self, bits, energies, rng):
        report = super().fit(bits, energies, rng)
        energies -= energies.mean()
        return report


class NotANumberForTheUnseen(Good):
    def fit(self, bits, energies, rng):
        self.seen = bits.any(axis=0)
        return super().fit(bits, energies, rng)

    def predict(self, bits):
        energies = super().predict(bits)
        energies[bits[:, ~self.seen].any(axis=1)] = np.nan
        return energies


class LosesItsState(GoodWarm):
    def load_state(self, state):
        pass


class HidesItsState(GoodWarm):
    def state(self):
        return None


class IgnoresTheGenerator(Good):
    def fit(self, bits, energies, rng):
        rows = np.random.default_rng().permutation(len(energies))[: max(1, 9 * len(energies) // 10)]
        return super().fit(bits[rows], energies[rows], rng)


class DrawsFromTheGlobalGenerator(Good):
    def fit(self, bits, energies, rng):
        np.random.seed(0)  # noqa: NPY002
        return super().fit(bits, energies, rng)


class DependsOnHashes(Good):
    def fit(self, bits, energies, rng):
        rows = np.random.default_rng(hash("fit") & 0xFFFF).permutation(len(energies))[: max(1, 9 * len(energies) // 10)]
        return super().fit(bits[rows], energies[rows], rng)


class DependsOnTheDay(Good):
    def fit(self, bits, energies, rng):
        rows = np.random.default_rng(int(time.time()) // 60).permutation(len(energies))
        rows = rows[: max(1, 9 * len(energies) // 10)]
        return super().fit(bits[rows], energies[rows], rng)


MUTANTS = [
    TrainingAsValidation, First400Only, Last400Only, Column, Lists, StandardisedPredictions, StandardisedError,
    ForgetsTheLastBit, ForgetsTheGroups, UpsideDown, DropsCouplings, ChangesTheEnergies, NotANumberForTheUnseen,
    LosesItsState, HidesItsState, IgnoresTheGenerator, DrawsFromTheGlobalGenerator, DependsOnHashes, DependsOnTheDay,
]  # fmt: skip
