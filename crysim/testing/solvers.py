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
from crysim.testing.elsewhere import elsewhere
from crysim.testing.plugins import check_name_and_options
from crysim.testing.surroundings import another_day, global_generators_untouched

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


def deceptive_model(blocks: int = 20) -> QuadraticModel:
    """A low-rank model of 8 bits a block, whose optimum, -3 a block, no single exchange leads to.

    In each block of two groups of four, one pair of bits costs 1 each and gains 5 together; all else costs 0 to 0.3.
    """
    rng = np.random.default_rng(blocks)
    linear = rng.uniform(0.0, 0.3, size=8 * blocks)
    factors = np.zeros((8 * blocks, blocks))
    for block in range(blocks):
        pair = 8 * block + np.array([rng.integers(4), 4 + rng.integers(4)])
        linear[pair] = 1.0
        factors[pair, block] = 2.0, -2.5
    groups = tuple(BitGroup(f"group-{i}", 4 * i, 4) for i in range(2 * blocks))
    return QuadraticModel(linear, factors=factors, groups=groups)


DECEPTIVE_OPTIMUM = -3.0
"""Energy per block of `deceptive_model`."""


def answers_of(solver: IsingSolver, model: QuadraticModel) -> Bits:
    """What a solver answers with one seed."""
    return solver.solve(model, num_samples=3, seed=5).bits


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
    time_limit: ClassVar[float] = 600.0
    """Seconds, far more than it needs: a solver built for the suite ends by its own options, so that what it finds does
    not depend on how busy the machine is."""
    slack: ClassVar[float] = 5.0
    """Seconds over the limit that are let pass: for a loaded machine, and what cannot be interrupted."""
    other_process: ClassVar[bool] = True
    """Whether its answer in another process is compared."""

    @pytest.fixture
    def solver(self) -> IsingSolver:
        """The solver, quick enough for a test. Override this."""
        raise NotImplementedError("override the fixture 'solver'")

    def check(self, model: QuadraticModel, samples: SampleSet, num_samples: int) -> None:
        """What holds for every answer."""
        assert isinstance(samples, SampleSet)
        assert isinstance(samples.bits, np.ndarray)
        assert isinstance(samples.energies, np.ndarray)
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
        if seed == 0:  # the first call may compile and import
            solver.solve(model, time_limit=self.time_limit)
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

    def test_same_seed_same_answer_where_few_find_the_optimum(self, solver: IsingSolver) -> None:
        """Where all seeds lead to the optimum, a solver that ignores its seed is not told from one that heeds it."""
        if not self.deterministic:
            pytest.skip("this solver promises no determinism")
        model = deceptive_model(6)
        if solver.refuses(model) is not None:
            pytest.skip("the solver takes only small models")
        first = answers_of(solver, model)
        with global_generators_untouched():
            answers_of(solver, model)
        with another_day():
            np.testing.assert_array_equal(answers_of(solver, model), first)

    def test_same_answer_in_another_process(self, solver: IsingSolver) -> None:
        """Where Python hashes texts in another way."""
        if not self.deterministic or not self.other_process:
            pytest.skip("not promised, or not tried")
        model = deceptive_model(6)
        if solver.refuses(model) is not None:
            model = small_model(self.kinds[0])
        np.testing.assert_array_equal(elsewhere(solver, answers_of, model), answers_of(solver, model))

    def test_claims_no_more_than_is_true(self, solver: IsingSolver) -> None:
        """A bound and a proof, where the best answer is seldom the optimum, which is known."""
        for blocks, time_limit in ((2, None), (20, 0.05), (20, 0.5)):
            model = deceptive_model(blocks)
            if solver.refuses(model) is not None:
                continue
            samples = solver.solve(model, time_limit=time_limit or self.time_limit, seed=1)
            self.check(model, samples, 1)
            optimum = DECEPTIVE_OPTIMUM * blocks
            if samples.lower_bound is not None:
                assert samples.lower_bound <= optimum + 1e-6 * abs(optimum), "a false bound"
            if samples.optimal:
                assert samples.energies[0] <= optimum + 1e-6 * abs(optimum), "a false proof"

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
