"""Bounds and fixing against enumeration of small models."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.interfaces import SampleSet
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.bounds import lower_bound, with_lower_bound
from crysim.quadratic.convex_relaxation import LowRankForm, solve_relaxation
from crysim.quadratic.fixing import fix_bits, reduce_model


@st.composite
def models(draw, max_bits=10, coupled=None):
    """Small models with every degenerate case: no rank, free bits, groups of none and of all, equal rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups, start = [], 0
    m = draw(st.integers(1, max_bits))
    while start < m:
        size = draw(st.integers(1, m - start))
        if draw(st.booleans()):
            groups.append(BitGroup(f"g{start}", start, size, draw(st.integers(0, size))))
        start += size
    scale = draw(st.sampled_from([0.0, 0.1, 1.0, 30.0]))
    whole = draw(st.booleans())  # whole numbers: many equal energies

    def numbers(*shape):
        values = rng.normal(size=shape) * scale
        return np.round(values) if whole else values

    linear = numbers(m) if draw(st.booleans()) else np.zeros(m)
    offset = draw(st.sampled_from([0.0, -7.5]))
    if draw(st.booleans()) if coupled is None else coupled:
        return QuadraticModel(linear, couplings=np.triu(numbers(m, m), 1), groups=tuple(groups), offset=offset)
    factors = numbers(m, draw(st.sampled_from([0, 1, 3, 8])))
    if draw(st.booleans()):
        factors[:] = factors[rng.integers(0, m, size=m)]  # duplicate rows
    return QuadraticModel(linear, factors=factors, groups=tuple(groups), offset=offset)


def all_feasible(model):
    x = np.array(list(product([False, True], repeat=model.num_bits)))
    return x[model.is_feasible(x)]


@settings(max_examples=300, deadline=None)
@given(models(), st.integers(0, 3))
def test_bound_and_reduced_costs_hold_for_every_vector(model, seed):
    x = all_feasible(model)
    energies = model.energies(x)
    start = x[seed % len(x)] if seed else None
    bound = lower_bound(model, start)
    scale = 1e-9 * (1 + np.abs(energies).max())
    assert bound.value <= energies.min()
    for i in range(model.num_bits):
        for value, cost in ((False, bound.zero_cost[i]), (True, bound.one_cost[i])):
            chosen = energies[x[:, i] == value]
            assert not len(chosen) or bound.value + cost <= chosen.min() + scale


@settings(max_examples=100, deadline=None)
@given(models(coupled=False))
def test_relaxation_is_solved(model):
    """The bound equals the value of the relaxed solution: strong duality, so nothing was left to gain."""
    form = LowRankForm.of(model)
    relaxed = solve_relaxation(form)
    z = relaxed.x @ form.factors
    value = form.offset + form.cost @ relaxed.x + 0.5 * z @ z
    assert relaxed.lower_bound == pytest.approx(value, abs=1e-7 * (1 + abs(value)))
    p = form.partition
    sums = np.add.reduceat(relaxed.x, p.starts)
    np.testing.assert_allclose(sums, p.counts, atol=1e-9)
    assert (relaxed.x >= 0).all()
    assert (relaxed.x <= 1).all()


@settings(max_examples=200, deadline=None)
@given(models(), st.integers(0, 1000))
def test_fixing_keeps_every_vector_that_is_as_good(model, pick):
    x = all_feasible(model)
    energies = model.energies(x)
    upper = energies[pick % len(x)]
    reduction = fix_bits(model, lower_bound(model), upper + 1e-9 * (1 + abs(upper)))
    good = x[energies <= upper]
    restricted = reduction.restrict(good)
    np.testing.assert_array_equal(reduction.expand(restricted), good)
    assert reduction.model.is_feasible(restricted).all()
    np.testing.assert_allclose(reduction.model.energies(restricted), model.energies(good), atol=1e-7)


def test_fixing_below_the_optimum_keeps_the_model():
    model = QuadraticModel(np.array([0.0, 1.0]), factors=np.eye(2), groups=(BitGroup("a", 0, 2),))
    bound = lower_bound(model)
    assert fix_bits(model, bound, bound.value - 1.0).model.num_bits == 2


def test_reduce_model_fixes_what_has_no_freedom_left():
    model = QuadraticModel(np.arange(5.0), factors=np.ones((5, 1)), groups=(BitGroup("a", 0, 3, 2),))
    ones = np.array([True, False, False, False, False])
    zeros = np.array([False, True, False, False, False])
    reduction = reduce_model(model, ones, zeros)
    np.testing.assert_array_equal(reduction.open_bits, [3, 4])
    np.testing.assert_array_equal(reduction.fixed, [True, False, True, False, False])


def test_a_bound_is_added_to_any_answer():
    rng = np.random.default_rng(0)
    model = QuadraticModel(rng.normal(size=30), factors=rng.normal(size=(30, 2)), groups=(BitGroup("a", 0, 20, 3),))
    bits = model.random_bits(1, rng)
    answer = SampleSet(bits, model.energies(bits), {"total": 1})
    better = with_lower_bound(model, answer)
    assert better.lower_bound is not None
    assert better.gap > 0
    assert with_lower_bound(model, better) is better
    proven = SampleSet(bits, model.energies(bits), {"total": 1}, lower_bound=float(better.energies[0]), optimal=True)
    assert with_lower_bound(model, proven) is proven


def test_an_answer_that_meets_its_bound_is_optimal():
    model = QuadraticModel(np.arange(6.0), factors=np.zeros((6, 1)), groups=(BitGroup("a", 0, 6, 2),), offset=-50.0)
    for ones, optimal in ([0, 1], True), ([0, 2], False):
        bits = np.zeros((1, 6), dtype=bool)
        bits[0, ones] = True
        found = with_lower_bound(model, SampleSet(bits, model.energies(bits), {"total": 1}))
        assert found.optimal is optimal
        assert found.lower_bound == pytest.approx(-49.0)


def test_no_bound_for_many_couplings():
    m = 2001
    model = QuadraticModel(np.zeros(m), couplings=np.zeros((m, m)))
    assert lower_bound(model) is None


def test_stopped_early_is_still_a_bound():
    rng = np.random.default_rng(3)
    groups = (BitGroup("a", 0, 40, 1), BitGroup("b", 40, 60, 9))
    model = QuadraticModel(rng.normal(size=100), factors=rng.normal(size=(100, 8)), groups=groups)
    form = LowRankForm.of(model)
    full = solve_relaxation(form).lower_bound
    for rounds in range(6):
        assert solve_relaxation(form, max_rounds=rounds).lower_bound <= full + 1e-9


def test_many_free_bits():
    """Thousands of groups, each a free bit with its slack."""
    rng = np.random.default_rng(1)
    model = QuadraticModel(rng.normal(size=3000), factors=rng.normal(size=(3000, 4)) * 0.05)
    bound = lower_bound(model)
    x = model.random_bits(1, rng)
    while True:
        fields = model.local_fields(x)[0]
        new = fields < 0
        if (new == x[0]).all():
            break
        worst = np.argmax(np.where(new != x[0], np.abs(fields), 0))
        x[0, worst] = new[worst]
    assert 0 <= model.energies(x)[0] - bound.value < 1e-2 * abs(bound.value)
