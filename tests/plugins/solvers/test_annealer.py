"""The annealer's moves against exact distributions, and its options."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import chisquare

from crysim.errors import InputError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.testing.solvers import feasible_vectors, larger_model, small_model
from crysim_solvers.annealing.annealer import Annealer
from crysim_solvers.annealing.engines import engine_for
from crysim_solvers.annealing.torch_engine import TorchEngine

GROUPS = (BitGroup("a", 0, 4), BitGroup("b", 5, 4, k=2))


def model_of(kind):
    rng = np.random.default_rng(1)
    linear = rng.normal(size=9)
    if kind == "low-rank":
        return QuadraticModel(linear, factors=rng.normal(size=(9, 5)), groups=GROUPS)
    couplings = np.triu(rng.normal(size=(9, 9)), 1)
    return QuadraticModel(
        linear, couplings=couplings if kind == "dense" else sparse.csr_array(couplings), groups=GROUPS
    )


@pytest.mark.parametrize("kind", ["low-rank", "dense", "sparse"])
def test_sweeps_draw_from_the_boltzmann_distribution(kind):
    model = model_of(kind)
    engine = engine_for(model)
    vectors = feasible_vectors(model)
    temperature = 1.5
    weights = np.exp(-model.energies(vectors) / temperature)
    seen = np.zeros(len(vectors))
    keys = {x.tobytes(): i for i, x in enumerate(vectors)}
    ones = engine.partition.ones_of(vectors[0])
    state = np.array([7], dtype=np.uint64)
    rounds = 12_000
    for _ in range(rounds):
        engine.sweep(ones, np.full(3, temperature), state)
        seen[keys[engine.partition.bits_of(ones[None])[0].tobytes()]] += 1
    expected = rounds * weights / weights.sum()
    common = expected > 5
    observed = np.append(seen[common], seen[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum())
    assert chisquare(observed[predicted > 0], predicted[predicted > 0]).pvalue > 1e-3


def test_replicas_in_torch_draw_from_the_boltzmann_distribution():
    model = model_of("low-rank")
    engine = TorchEngine(model, "cpu")
    vectors = feasible_vectors(model)
    weights = np.exp(-model.energies(vectors) / 1.5)
    replicas = 6000
    ones = engine.load(np.repeat(engine.partition.ones_of(vectors[0])[None], replicas, axis=0))
    engine.sweep(ones, np.full(12, 1.5), engine.generator(3))
    found = engine.partition.bits_of(engine.fetch(ones))
    assert model.is_feasible(found).all()
    keys = {x.tobytes(): i for i, x in enumerate(vectors)}
    seen = np.bincount([keys[x.tobytes()] for x in found], minlength=len(vectors))
    expected = replicas * weights / weights.sum()
    common = expected > 5
    observed = np.append(seen[common], seen[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum())
    assert chisquare(observed[predicted > 0], predicted[predicted > 0]).pvalue > 1e-3


@pytest.mark.parametrize("kind", ["low-rank", "dense", "sparse"])
def test_descent_ends_where_no_exchange_pays(kind):
    model = small_model(kind)
    engine = engine_for(model)
    for x in model.random_bits(20, np.random.default_rng(2)):
        end = engine.partition.bits_of(engine.descend(engine.partition.ones_of(x))[None])[0]
        energy = model.energies(end)
        assert energy <= model.energies(x) + 1e-6
        vectors = feasible_vectors(model)
        for group in (*model.groups, BitGroup("free", 4, 1), BitGroup("last", 13, 1)):
            outside = np.ones(model.num_bits, dtype=bool)
            outside[group.slice] = False
            near = vectors[(vectors[:, outside] == end[outside]).all(axis=1)]
            near = near[(near != end).sum(axis=1) <= 2]
            assert (model.energies(near) >= energy - 1e-5).all()


def test_forms_of_the_same_model_agree():
    low = small_model("low-rank")
    couplings = np.triu(low.factors @ low.factors.T, 1)
    dense = QuadraticModel(low.linear, couplings=couplings, groups=low.groups, offset=low.offset)
    thin = QuadraticModel(low.linear, couplings=sparse.csr_array(couplings), groups=low.groups, offset=low.offset)
    best = [Annealer().solve(model).energies[0] for model in (low, dense, thin)]
    np.testing.assert_allclose(best, best[0])


def test_temperature_decides_how_low_vectors_are():
    model = larger_model()
    means = [Annealer(temperature=t, sweeps=50).solve(model, num_samples=20).energies.mean() for t in (0.02, 0.5, 20.0)]
    random = model.energies(model.random_bits(500, np.random.default_rng(0)))
    assert means[0] < means[1] < means[2]
    assert abs(means[2] - random.mean()) < random.std()


@pytest.mark.parametrize("options", [{}, {"temperature": 0.5}, {"device": "cpu:0", "replicas": 8}])
def test_answers_differ_in_as_many_bits_as_wanted(options):
    model = larger_model()
    samples = Annealer(sweeps=40, min_hamming=8, **options).solve(model, num_samples=4)
    assert len(samples.bits) >= 2
    for i, x in enumerate(samples.bits):
        for y in samples.bits[:i]:
            assert (x != y).sum() >= 8


def test_low_rank_answers_are_bounded():
    model = larger_model()
    samples = Annealer(sweeps=50).solve(model)
    assert samples.gap is not None
    assert samples.gap < 0.05 * (
        np.mean(model.energies(model.random_bits(50, np.random.default_rng(0)))) - samples.energies[0]
    )
    assert Annealer(sweeps=50).solve(small_model("dense")).lower_bound is None


@pytest.mark.parametrize(
    "option", ["sweeps", "final", "patience", "max_replicas", "temperature", "min_hamming", "replicas"]
)
def test_options_out_of_range(option):
    with pytest.raises(InputError, match=option):
        Annealer(**{option: 0})
