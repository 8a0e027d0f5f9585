"""What every solver must do. To test one, subclass and override one fixture::

    from crysim.testing.solvers import SolverSuite

    class TestMine(SolverSuite):
        @pytest.fixture
        def solver(self):
            return MySolver(sweeps=200)

Nothing that a solver says of itself is believed: energies are recomputed, groups are counted, optima are compared
with enumeration. Needs pytest.
"""

from __future__ import annotations

import time
from itertools import combinations, product

import numpy as np
import pytest

from crysim.errors import InputError
from crysim.interfaces import IsingSolver, SampleSet
from crysim.plugins import check_options
from crysim.quadratic import BitGroup, Bits, Floats, QuadraticModel


def low_rank_model(seed: int = 0) -> QuadraticModel:
    """A factorization machine's model of 18 bits: three one-hot groups and one of which 2 of 6 are 1."""
    rng = np.random.default_rng(seed)
    groups = (BitGroup("a", 0, 4), BitGroup("b", 4, 3), BitGroup("c", 7, 5), BitGroup("grid", 12, 6, k=2))
    return QuadraticModel(rng.normal(size=18), factors=rng.normal(size=(18, 3)), groups=groups, offset=-1.5)


def coupled_model(seed: int = 0) -> QuadraticModel:
    """The shape of `low_rank_model` with every coupling of its own, as a quadratic regression gives it."""
    rng = np.random.default_rng(seed)
    couplings = np.triu(rng.normal(size=(18, 18)), 1)
    return QuadraticModel(rng.normal(size=18), couplings=couplings, groups=low_rank_model().groups)


def full_group_model() -> QuadraticModel:
    """A model with an empty group, a full one and one real choice."""
    rng = np.random.default_rng(7)
    groups = (BitGroup("none", 0, 3, k=0), BitGroup("all", 3, 2, k=2), BitGroup("one", 5, 4))
    return QuadraticModel(rng.normal(size=9), factors=rng.normal(size=(9, 2)), groups=groups)


def feasible_vectors(model: QuadraticModel) -> Bits:
    """All feasible vectors of a small model whose groups cover its bits, ``[n, M]``."""
    choices = [list(combinations(range(g.start, g.stop), g.k)) for g in model.groups]
    vectors = []
    for chosen in product(*choices):
        x = np.zeros(model.num_bits, dtype=np.bool_)
        x[[bit for bits in chosen for bit in bits]] = True
        vectors.append(x)
    return np.array(vectors)


def check_samples(model: QuadraticModel, samples: SampleSet, most: int) -> None:
    """Raise AssertionError unless a sample set keeps the interface's promises for a model."""
    n = len(samples.energies)
    assert 1 <= n <= most
    assert samples.bits.shape == (n, model.num_bits)
    assert samples.bits.dtype == np.bool_
    assert model.is_feasible(samples.bits).all(), "a group has not exactly its k ones"
    np.testing.assert_allclose(samples.energies, model.energies(samples.bits), rtol=1e-9, atol=1e-9)
    assert np.all(np.diff(samples.energies) >= 0), "not best first"
    assert len(np.unique(samples.bits, axis=0)) == n, "not distinct"
    assert samples.timing["total"] >= 0
    assert all(isinstance(value, int) for value in samples.timing.values()), "timing is in whole nanoseconds"
    if samples.lower_bound is not None:
        assert samples.lower_bound <= samples.energies[0] + 1e-9
    if samples.optimal:
        assert samples.lower_bound is not None


class SolverSuite:
    """The contract of `crysim.interfaces.IsingSolver`, as tests."""

    models = (low_rank_model(), coupled_model())
    """What the solver is tried on; one that takes only low-rank models overrides this."""
    finds_optimum = True
    """Whether it must find the optimum of these small models."""
    deterministic = True
    """Whether the same seed must give the same answer."""

    @pytest.fixture
    def solver(self) -> IsingSolver:
        """The solver, quick enough for a test. Override this."""
        raise NotImplementedError("override the fixture 'solver'")

    def test_carries_a_name_and_options_with_defaults(self, solver: IsingSolver) -> None:
        cls = type(solver)
        assert cls.name == cls.name.lower()
        assert " " not in cls.name
        check_options(f"solver '{cls.name}'", cls, {cls.argument: "any"} if cls.argument else {})

    def test_answers_are_feasible_distinct_sorted_and_truly_priced(self, solver: IsingSolver) -> None:
        for model in self.models:
            check_samples(model, solver.solve(model, num_samples=5, time_limit=5.0, seed=1), 5)

    def test_finds_the_optimum_of_small_models(self, solver: IsingSolver) -> None:
        for model in self.models:
            best = float(model.energies(feasible_vectors(model)).min())
            samples = solver.solve(model, time_limit=5.0, seed=2)
            if self.finds_optimum or samples.optimal:
                assert samples.energies[0] == pytest.approx(best, abs=1e-9)
            if samples.lower_bound is not None:
                assert samples.lower_bound <= best + 1e-9

    def test_groups_without_a_choice_are_kept(self, solver: IsingSolver) -> None:
        model = full_group_model()
        if solver.refuses(model) is None:
            check_samples(model, solver.solve(model, num_samples=4, time_limit=5.0), 4)

    def test_the_same_seed_gives_the_same_answer(self, solver: IsingSolver) -> None:
        if not self.deterministic:
            pytest.skip("this solver promises no determinism")
        for model in self.models:
            one, two = (solver.solve(model, num_samples=3, seed=11) for _ in range(2))
            np.testing.assert_array_equal(one.bits, two.bits)
            np.testing.assert_array_equal(one.energies, two.energies)

    def test_does_not_touch_the_model(self, solver: IsingSolver) -> None:
        for model in self.models:
            before = [_arrays(model), model.groups, model.offset]
            solver.solve(model, time_limit=2.0, seed=3)
            np.testing.assert_equal([_arrays(model), model.groups, model.offset], before)

    def test_a_time_limit_ends_it(self, solver: IsingSolver) -> None:
        """Seconds of slack, since machines are noisy; what must not be is to go on for ever."""
        begin = time.monotonic()
        solver.solve(self.models[0], time_limit=0.2, seed=4)
        assert time.monotonic() - begin < 30.0

    def test_what_it_refuses_it_does_not_start(self, solver: IsingSolver) -> None:
        huge = QuadraticModel(np.zeros(300_000), factors=np.zeros((300_000, 1)), groups=(BitGroup("g", 0, 300_000),))
        reason = solver.refuses(huge)
        if reason is None:
            pytest.skip("this solver takes 300,000 bits")
        assert "\n" not in reason
        with pytest.raises(InputError):
            solver.solve(huge)


def _arrays(model: QuadraticModel) -> list[Floats]:
    given = [model.linear, model.factors, model.couplings]
    return [np.array(a, copy=True) for a in given if isinstance(a, np.ndarray)]
