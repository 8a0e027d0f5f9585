"""The convex solver against enumeration, its proofs, and the parts that it is made of."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from crysim.errors import InputError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.convex_relaxation import LowRankForm, solve_relaxation
from crysim.quadratic.partition import Partition
from crysim.testing.solvers import feasible_vectors, larger_model, small_model
from crysim_solvers.annealing.thermal_samples import add_draws
from crysim_solvers.convex.solver import Convex
from crysim_solvers.convex.tree import TreeSearch
from crysim_solvers.exact import Exact, num_feasible
from crysim_solvers.local_search.descent import Descent
from crysim_solvers.local_search.diversify import neighbours
from crysim_solvers.local_search.solution_pool import Pool, bits_of_groups


@st.composite
def models(draw):
    """Models of up to 14 bits with every degenerate case."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m = draw(st.integers(1, 14))
    groups, start = [], 0
    while start < m:
        size = draw(st.integers(1, m - start))
        if draw(st.booleans()):
            groups.append(BitGroup(f"g{start}", start, size, draw(st.integers(0, size))))
        start += size
    factors = rng.normal(size=(m, draw(st.sampled_from([0, 1, 2, 6])))) * draw(st.sampled_from([0.1, 1.0, 10.0]))
    linear = rng.normal(size=m) * draw(st.sampled_from([0.0, 1.0, 5.0]))
    if draw(st.booleans()):
        factors, linear = np.round(factors), np.round(linear)
    if draw(st.booleans()):
        same = rng.integers(0, m, size=m)
        factors, linear = factors[same], linear[same]
    return QuadraticModel(linear, factors=factors, groups=tuple(groups), offset=draw(st.sampled_from([0.0, 100.0])))


@settings(max_examples=200, deadline=None)
@given(models(), st.integers(0, 3))
def test_optimum_of_small_models_is_found_and_proven(model, seed):
    samples = Convex().solve(model, seed=seed)
    best = Exact().solve(model).energies[0]
    assert samples.optimal
    assert samples.energies[0] == pytest.approx(best, abs=1e-8 * (1 + abs(best)))
    assert samples.lower_bound <= best


@pytest.mark.parametrize("seed", range(4))
def test_optimum_of_a_model_with_groups_like_an_encoders(seed):
    """540,000 vectors in 4 groups: too many to be found by chance."""
    rng = np.random.default_rng(seed)
    groups = (BitGroup("a", 0, 30), BitGroup("b", 30, 20), BitGroup("c", 50, 10), BitGroup("d", 60, 10, k=4))
    model = QuadraticModel(rng.normal(size=70), factors=0.5 * rng.normal(size=(70, 6)), groups=groups)
    samples = Convex().solve(model, seed=seed)
    assert samples.optimal
    assert samples.energies[0] == pytest.approx(Exact().solve(model).energies[0], abs=1e-8)


@settings(max_examples=100, deadline=None)
@given(models(), st.floats(0.0, 1.0))
def test_search_below_a_cutoff(model, share):
    """It finds the optimum if that is below the cutoff, and proves that nothing is there if not."""
    energies = model.energies(feasible_vectors(model))
    form = LowRankForm.of(model)
    relaxed = solve_relaxation(form)
    cutoff = relaxed.lower_bound + share * (energies[-1] - relaxed.lower_bound)
    tolerance = 1e-8 * (1 + np.abs(energies).max())
    tree = TreeSearch(form, relaxed, cutoff)
    while not tree.exhausted:
        tree.run(50)
    if energies[0] < cutoff - tolerance:
        assert tree.cutoff == pytest.approx(energies[0], abs=tolerance)
        assert form.energies(tree.ones[None])[0] == pytest.approx(energies[0], abs=tolerance)
    elif energies[0] > cutoff + tolerance:
        assert tree.ones is None
    assert tree.lower_bound <= max(cutoff, energies[0]) + tolerance


def test_nodes_run_out():
    model = larger_model(2)
    short = Convex(max_nodes=0).solve(model)
    full = Convex().solve(model)
    assert full.optimal
    assert short.lower_bound <= full.energies[0] <= short.energies[0] + 1e-9
    assert short.info["nodes"] == 0
    assert short.optimal is False  # a plain one, which JSON takes


def test_gap_that_is_small_enough_ends_the_search():
    model = larger_model(2)
    samples = Convex(gap=1e9).solve(model)
    assert samples.info["nodes"] == 0


@settings(max_examples=60, deadline=None)
@given(models(), st.integers(0, 5))
def test_descent_ends_where_no_exchange_and_no_pair_of_them_pays(model, seed):
    partition = Partition.of_model(model)
    start = model.random_bits(1, np.random.default_rng(seed))
    descent = Descent(LowRankForm.of(model))
    partition = descent.form.partition
    end = partition.bits_of(descent.double(partition.ones_of(start[0]))[None])[0]
    energy = model.energies(end)
    vectors = feasible_vectors(model)
    moved = np.abs(vectors.astype(int) - end).sum(axis=1) <= 4
    reachable = [np.setdiff1d(partition.ones_of(end), partition.ones_of(x)).size <= 2 for x in vectors]
    near = vectors[moved & np.array(reachable)]
    assert energy <= model.energies(start)[0] + 1e-9
    assert (model.energies(near) >= energy - 1e-7 * (1 + abs(energy))).all()


@settings(max_examples=60, deadline=None)
@given(models(), st.integers(0, 5))
def test_neighbours_are_the_best_single_exchanges(model, seed):
    partition = Partition.of_model(model)
    x = model.random_bits(1, np.random.default_rng(seed))[0]
    ones = set(partition.ones_of(x).tolist())
    all_near = [v for v in feasible_vectors(model) if len(ones - set(partition.ones_of(v).tolist())) == 1]
    found = neighbours(model, partition, x, 4)
    assert len(found) == min(4, len(all_near))
    if found:
        energies = model.energies(partition.bits_of(np.array(found)))
        expected = np.sort(model.energies(np.array(all_near)))[: len(found)]
        np.testing.assert_allclose(energies, expected, atol=1e-8 * (1 + np.abs(expected).max()))


def test_exchange_costs_are_energy_differences():
    model = larger_model()
    form = LowRankForm.of(model)
    ones = form.partition.ones_of(model.random_bits(1, np.random.default_rng(0))[0])
    costs = Descent(form)._exchange_costs(ones)
    before = form.energies(ones[None])[0]
    p, e = form.partition, 0
    for j, one in enumerate(ones):
        g = np.searchsorted(p.starts, one, side="right") - 1
        for i in range(p.starts[g], p.starts[g] + p.sizes[g]):
            if i not in ones and e % 7 == 0:
                other = ones.copy()
                other[j] = i
                assert costs[e] == pytest.approx(form.energies(other[None])[0] - before, abs=1e-9)
            e += 1
    assert e == len(costs)


@pytest.mark.parametrize("distance", [2, 6, 10, 18])
def test_answers_are_apart(distance):
    model = larger_model(1)
    samples = Convex(min_hamming=distance).solve(model, num_samples=5)
    assert len(samples.bits) >= 3
    assert samples.optimal
    for x, y in combinations(samples.bits, 2):
        assert (x != y).sum() >= distance
    random = model.energies(model.random_bits(200, np.random.default_rng(0)))
    assert samples.energies[-1] < np.quantile(random, 0.05)


def test_pool_chooses_the_best_that_are_far_enough():
    model = QuadraticModel(np.arange(6.0), factors=np.zeros((6, 1)), groups=(BitGroup("a", 0, 6, k=2),))
    pool = Pool(model, min_hamming=4)
    for ones in combinations(range(6), 2):
        assert pool.add(np.array(ones))
        assert not pool.add(np.array(ones[::-1]))
    chosen = [tuple(np.flatnonzero(x)) for x in pool.choose(5)]
    assert chosen == [(0, 1), (2, 3), (4, 5)]
    assert not pool.is_far(np.array([0, 1]))


def test_answers_differ_in_the_groups_that_are_named():
    model = larger_model(1)
    samples = Convex(differ_in="space-group").solve(model, num_samples=6)
    assert samples.optimal
    assert len(samples.bits) == 6
    assert len({int(np.argmax(x[20:40])) for x in samples.bits}) == 6
    random = model.energies(model.random_bits(200, np.random.default_rng(0)))
    assert samples.energies[-1] < np.quantile(random, 0.05)
    apart = Convex(differ_in="cell, space-*", min_hamming=4).solve(model, num_samples=4)
    for x, y in combinations(apart.bits, 2):
        assert (x[:40] != y[:40]).sum() == 4
    with pytest.raises(InputError, match="did you mean 'space-group'"):
        Convex(differ_in="space-groups").solve(model)


def test_free_bits_may_be_what_differs():
    """A slack position counts as its bit does, and bits outside the named groups do not."""
    model = QuadraticModel(np.arange(5.0), factors=np.ones((5, 1)), groups=(BitGroup("a", 1, 3),))
    pool = Pool(model, differ_in=bits_of_groups(model, "a"))
    np.testing.assert_array_equal(pool.counts, [0, 0, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(Pool(model).counts, np.ones(7))


def drawn_frequencies(model, temperature, rounds):
    """How often each feasible vector, best first, is drawn."""
    form = LowRankForm.of(model)
    vectors = feasible_vectors(model)
    keys = {x.tobytes(): i for i, x in enumerate(vectors)}
    start = form.partition.ones_of(vectors[0])
    rng = np.random.default_rng(3)
    seen = np.zeros(len(vectors))
    for _ in range(rounds):
        pool = Pool(model)
        assert add_draws(model, form, pool, start, 1, temperature, rng, np.inf) == 1
        seen[keys[pool.choose(1)[0].tobytes()]] += 1
    return seen


@pytest.mark.parametrize("rank", [0, 3])
def test_draws_follow_the_boltzmann_distribution(rank):
    rng = np.random.default_rng(1)
    groups = (BitGroup("a", 0, 4), BitGroup("b", 5, 4, k=2))
    model = QuadraticModel(rng.normal(size=9), factors=rng.normal(size=(9, rank)), groups=groups)
    weights = np.exp(-model.energies(feasible_vectors(model)) / 1.5)
    rounds = 2000
    seen, expected = drawn_frequencies(model, 1.5, rounds), rounds * weights / weights.sum()
    common = expected > 5
    observed = np.append(seen[common], seen[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum())
    assert chisquare(observed[predicted > 0], predicted[predicted > 0]).pvalue > 1e-3


def test_temperature_decides_how_low_vectors_are():
    model = larger_model()
    best = Convex().solve(model).energies[0]
    drawn = [Convex(temperature=t).solve(model, num_samples=20, seed=2) for t in (0.02, 0.5, 20.0)]
    means = [samples.energies.mean() for samples in drawn]
    random = model.energies(model.random_bits(500, np.random.default_rng(0)))
    assert best <= means[0] < means[1] < means[2]
    assert abs(means[2] - random.mean()) < random.std()
    for samples in drawn:
        assert not samples.optimal
        assert samples.lower_bound <= best
    apart = Convex(temperature=0.5, differ_in="grid", min_hamming=8).solve(model, num_samples=5)
    for x, y in combinations(apart.bits, 2):
        assert (x[40:] != y[40:]).sum() >= 8


def test_couplings_are_refused():
    reason = Convex().refuses(small_model("dense"))
    assert "annealer" in reason
    with pytest.raises(InputError):
        Convex().solve(small_model("dense"))


@pytest.mark.parametrize("option", [{"max_nodes": -1}, {"gap": -0.1}, {"min_hamming": 0}, {"temperature": 0.0}])
def test_options_out_of_range(option):
    with pytest.raises(InputError, match=next(iter(option))):
        Convex(**option)


def test_exact_says_what_is_too_many():
    model = larger_model()
    reason = Exact().refuses(model)
    assert "convex" in reason
    with pytest.raises(InputError):
        Exact().solve(model)
    assert num_feasible(Partition.of_model(small_model("dense"))) == 160


def test_exact_counts_and_orders():
    model = small_model("sparse", 4)
    samples = Exact().solve(model, num_samples=1000)
    vectors = feasible_vectors(model)
    assert len(samples.bits) == len(vectors)
    np.testing.assert_allclose(samples.energies, model.energies(vectors))


def test_many_free_bits():
    """Two thousand groups of a bit and its slack."""
    rng = np.random.default_rng(5)
    model = QuadraticModel(rng.normal(size=2000), factors=0.02 * rng.normal(size=(2000, 4)))
    samples = Convex(max_nodes=2000).solve(model, num_samples=3)
    assert len(samples.bits) == 3
    assert samples.gap < 0.01
