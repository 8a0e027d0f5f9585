"""Surrogate ``quadratic-regression`` against ridge regression on the features written out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from crysim.errors import InputError
from crysim.testing.surrogates import GROUPS, NUM_BITS, example_data
from crysim_surrogates.quadratic_regression import RIDGES, QuadraticRegression


@pytest.mark.parametrize("linear_weight", [1.0, 7.0])
def test_is_ridge_regression_on_bits_and_pairs(linear_weight: float) -> None:
    bits, energies = example_data(60)
    ridge = 0.1
    surrogate = QuadraticRegression(ridge=ridge, linear_weight=linear_weight)
    surrogate.fit(bits, energies, np.random.default_rng(0))
    x = bits.astype(float)
    pairs = list(combinations(range(NUM_BITS), 2))
    features = np.hstack(
        [np.ones((60, 1)), np.sqrt(linear_weight) * x, np.array([x[:, i] * x[:, j] for i, j in pairs]).T]
    )
    target = (energies - energies.mean()) / energies.std()
    strength = ridge * np.mean(np.sum(features**2, axis=1))
    primal = np.linalg.solve(features.T @ features + strength * np.eye(features.shape[1]), features.T @ target)
    model = surrogate.quadratic_model(GROUPS)
    assert model.offset == pytest.approx(primal[0], abs=1e-8)
    np.testing.assert_allclose(model.linear, np.sqrt(linear_weight) * primal[1 : NUM_BITS + 1], atol=1e-8)
    couplings = model.couplings.toarray() if sparse.issparse(model.couplings) else model.couplings
    np.testing.assert_allclose([couplings[i, j] for i, j in pairs], primal[NUM_BITS + 1 :], atol=1e-8)


def test_pairs_that_do_not_occur_have_no_coefficient() -> None:
    bits, energies = example_data(15)
    models = []
    for stored in ("dense", "sparse"):
        surrogate = QuadraticRegression(couplings=stored, ridge=0.1)
        surrogate.fit(bits, energies, np.random.default_rng(0))
        models.append(surrogate.quadratic_model(GROUPS).couplings)
    dense, few = models
    assert isinstance(dense, np.ndarray)
    assert sparse.issparse(few)
    np.testing.assert_allclose(few.toarray(), dense)
    occurs = np.triu(bits.T.astype(int) @ bits.astype(int), k=1) > 0
    assert few.nnz <= occurs.sum()
    assert not dense[~occurs].any()


def test_chosen_ridge_is_the_best_on_what_was_held_back() -> None:
    bits, energies = example_data(200)
    chosen = QuadraticRegression().fit(bits, energies, np.random.default_rng(0))
    errors = [
        QuadraticRegression(ridge=ridge).fit(bits, energies, np.random.default_rng(0)).validation_rmse
        for ridge in RIDGES
    ]
    assert chosen.validation_rmse == pytest.approx(min(errors))


@pytest.mark.parametrize("option", ["ridge", "linear_weight"])
def test_bad_options(option: str) -> None:
    with pytest.raises(InputError, match=option):
        QuadraticRegression(**{option: 0.0})
