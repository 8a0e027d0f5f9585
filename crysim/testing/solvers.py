"""What every Ising solver must do. To test one, subclass and override one fixture::

    from crysim.testing.solvers import SolverSuite

    class TestMine(SolverSuite):
        @pytest.fixture
        def solver(self):
            return MySolver(sweeps=100)

The class variables say what the solver promises besides. Nothing that it says of itself is believed: energies are
recomputed, groups are counted, optima are compared with enumeration. Needs pytest.
"""

from __future__ import annotations

import json
import time
from itertools import product
from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse

from crysim.arrays import Bits, Floats
from crysim.errors import CrysimError, InputError
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.testing.plugins import check_name_and_options

GROUPS = (BitGroup("one", 0, 4), BitGroup("some", 5, 5, k=2), BitGroup("none", 10, 2, k=0), BitGroup("all", 12, 1, k=1))
"""Of the small models: one of 4, a free bit, two of 5, none of 2, all of 1, and a free bit at the end."""
NUM_BITS = 14
NUM_FEASIBLE = 4 * 2 * 10 * 2


def small_model(kind: str, seed: int = 0) -> QuadraticModel:
    """A model of 14 bits and 160 feasible vectors; ``kind`` is ``low-rank``, ``dense`` or ``sparse``."""
    rng = np.random.default_rng(seed)
    linear = rng.normal(size=NUM_BITS)
    if kind == "low-rank":
        return QuadraticModel(linear, factors=rng.normal(size=(NUM_BITS, 3)), groups=GROUPS, offset=-3.0)
    couplings = np.triu(rng.normal(size=(NUM_BITS, NUM_BITS)), 1)
    if kind == "dense":
        return QuadraticModel(linear, couplings=couplings, groups=GROUPS, offset=2.0)
    couplings[rng.random(couplings.shape) < 0.6] = 0.0
    return QuadraticModel(linear, couplings=sparse.csr_array(couplings), groups=GROUPS)


def larger_model(seed: int = 0) -> QuadraticModel:
    """A low-rank model of 160 bits with groups as an encoder has them."""
    rng = np.random.default_rng(seed)
    groups = (BitGroup("cell", 0, 20), BitGroup("space-group", 20, 20), BitGroup("grid", 40, 120, k=8))
    return QuadraticModel(rng.normal(size=160), factors=0.4 * rng.normal(size=(160, 4)), groups=groups)


def feasible_vectors(model: QuadraticModel) -> Bits:
    """Every feasible vector of a small model, best first."""
    x = np.array(list(product([False, True], repeat=model.num_bits)))
    x = x[model.is_feasible(x)]
    return np.asarray(x[np.argsort(model.energies(x), kind="stable")])


class SolverSuite:
    """The contract of `crysim.interfaces.IsingSolver`, as tests."""

    kinds: ClassVar[tuple[str, ...]] = ("low-rank", "dense", "sparse")
    """Of the small models, those that the solver takes; the others it must refuse."""
    finds_optimum: ClassVar[bool] = True
    """Whether it must find the optimum of the small models."""
    proves: ClassVar[bool] = False
    """Whether it must prove it."""
    deterministic: ClassVar[bool] = True
    """Whether the same seed must give the same answer."""
    distinct: ClassVar[int] = 1
    """How many vectors of a small model it must find if asked for five."""
    time_limit: ClassVar[float] = 1.0
    slack: ClassVar[float] = 5.0
    """Seconds over the limit that are let pass: for a loaded machine, and what cannot be interrupted."""

    @pytest.fixture
    def solver(self) -> IsingSolver:
        """The solver, quick enough for a test. Override this."""
        raise NotImplementedError("override the fixture 'solver'")

    def check(self, model: QuadraticModel, samples: SampleSet, num_samples: int) -> None:
        """What holds for every answer."""
        assert samples.bits.dtype == np.bool_
        assert samples.bits.shape == (len(samples.energies), model.num_bits)
        assert 1 <= len(samples.energies) <= num_samples
        assert model.is_feasible(samples.bits).all()
        np.testing.assert_allclose(samples.energies, model.energies(samples.bits), rtol=1e-12, atol=1e-12)
        assert (np.diff(samples.energies) >= 0).all(), "best first"
        assert len(np.unique(samples.bits, axis=0)) == len(samples.bits), "distinct"
        assert samples.timing["total"] > 0
        assert all(isinstance(value, int) and value >= 0 for value in samples.timing.values()), "nanoseconds"
        json.dumps([dict(samples.info), samples.lower_bound, samples.optimal])
        if samples.lower_bound is not None:
            assert samples.lower_bound <= samples.energies[0]
            assert samples.gap is not None
        if samples.optimal:
            assert samples.gap == pytest.approx(0.0, abs=1e-6 * (1.0 + abs(float(samples.energies[0]))))

    def test_carries_a_name_and_options_with_defaults(self, solver: IsingSolver) -> None:
        check_name_and_options(solver)

    @pytest.mark.parametrize("kind", ["low-rank", "dense", "sparse"])
    @pytest.mark.parametrize("seed", range(3))
    def test_small_models(self, solver: IsingSolver, kind: str, seed: int) -> None:
        model = small_model(kind, seed)
        if kind not in self.kinds:
            reason = solver.refuses(model)
            assert reason is not None
            assert "\n" not in reason
            with pytest.raises(InputError):
                solver.solve(model)
            return
        assert solver.refuses(model) is None
        samples = solver.solve(model, num_samples=5, time_limit=self.time_limit, seed=seed)
        self.check(model, samples, 5)
        assert len(samples.energies) >= self.distinct
        best = model.energies(feasible_vectors(model)[0])
        tolerance = 1e-9 * (1.0 + abs(float(best)))
        if self.finds_optimum:
            assert samples.energies[0] <= best + tolerance
        if self.proves:
            assert samples.optimal
        if samples.lower_bound is not None:
            assert samples.lower_bound <= best + tolerance

    def test_larger_model(self, solver: IsingSolver) -> None:
        model = larger_model()
        if solver.refuses(model) is not None:
            pytest.skip("the solver takes only small models")
        samples = solver.solve(model, num_samples=3, time_limit=self.time_limit)
        self.check(model, samples, 3)
        random = model.energies(model.random_bits(200, np.random.default_rng(0)))
        assert samples.energies[0] < np.median(random)

    def test_asks_for_one_by_default(self, solver: IsingSolver) -> None:
        model = small_model(self.kinds[0])
        samples = solver.solve(model, time_limit=self.time_limit)
        self.check(model, samples, 1)

    def test_more_vectors_wanted_than_there_are(self, solver: IsingSolver) -> None:
        model = small_model(self.kinds[0])
        samples = solver.solve(model, num_samples=2 * NUM_FEASIBLE, time_limit=self.time_limit)
        self.check(model, samples, NUM_FEASIBLE)

    def test_only_one_feasible_vector(self, solver: IsingSolver) -> None:
        groups = (BitGroup("none", 0, 2, k=0), BitGroup("all", 2, 2, k=2))
        model = self._model(np.ones(4), groups)
        samples = solver.solve(model, num_samples=3, time_limit=self.time_limit)
        np.testing.assert_array_equal(samples.bits, [[False, False, True, True]])

    def test_no_couplings(self, solver: IsingSolver) -> None:
        model = self._model(np.array([1.0, -2.0, 0.5]), (BitGroup("a", 0, 3),), 0.0)
        samples = solver.solve(model, time_limit=self.time_limit)
        self.check(model, samples, 1)
        if self.finds_optimum:
            np.testing.assert_array_equal(samples.bits, [[False, True, False]])

    def test_energies_that_are_all_equal(self, solver: IsingSolver) -> None:
        model = self._model(np.zeros(6), (BitGroup("a", 0, 6, k=2),), 0.0)
        samples = solver.solve(model, num_samples=2, time_limit=self.time_limit)
        self.check(model, samples, 2)

    def test_same_seed_same_answer(self, solver: IsingSolver) -> None:
        """Also after another model was solved in between."""
        if not self.deterministic:
            pytest.skip("this solver promises no determinism")
        for model in (small_model(self.kinds[0]), larger_model()):
            if solver.refuses(model) is None:
                first = solver.solve(model, num_samples=3, seed=5)
                solver.solve(small_model(self.kinds[0], seed=9), seed=1)
                second = solver.solve(model, num_samples=3, seed=5)
                np.testing.assert_array_equal(first.bits, second.bits)

    def test_the_model_is_not_changed(self, solver: IsingSolver) -> None:
        for kind in self.kinds:
            model, same = small_model(kind), small_model(kind)
            solver.solve(model, time_limit=self.time_limit)
            np.testing.assert_array_equal(model.linear, same.linear)
            x = same.random_bits(20, np.random.default_rng(0))
            np.testing.assert_array_equal(model.energies(x), same.energies(x))

    def test_time_limit(self, solver: IsingSolver) -> None:
        model = larger_model()
        if solver.refuses(model) is not None:
            pytest.skip("the solver takes only small models")
        solver.solve(model, time_limit=0.1)  # the first call may compile and import
        seconds = []
        for _ in range(3):  # a loaded machine holds up one call, a solver that heeds no limit each
            begin = time.perf_counter()
            samples = solver.solve(model, num_samples=2, time_limit=0.2)
            seconds.append(time.perf_counter() - begin)
            self.check(model, samples, 2)
            if seconds[-1] < 0.2 + self.slack:
                break
        assert min(seconds) < 0.2 + self.slack

    def test_errors_are_crysims(self, solver: IsingSolver) -> None:
        """A model that is too much for the solver is refused in one line; one that it refuses is not solved."""
        bits = 200_000
        model = QuadraticModel(np.zeros(bits), factors=np.zeros((bits, 1)), groups=(BitGroup("a", 0, bits, 3),))
        reason = solver.refuses(model)
        if reason is not None:
            assert "\n" not in reason
            with pytest.raises(CrysimError):
                solver.solve(model, time_limit=self.time_limit)

    def _model(self, linear: Floats, groups: tuple[BitGroup, ...], coupling: float = 1.0) -> QuadraticModel:
        """A model of a kind that the solver takes, with one coupling throughout."""
        m = len(linear)
        if "low-rank" in self.kinds:
            return QuadraticModel(linear, factors=np.full((m, 1), coupling**0.5), groups=groups)
        return QuadraticModel(linear, couplings=np.triu(np.full((m, m), coupling), 1), groups=groups)
