"""Our own solvers keep the suite that crysim ships for everybody's."""

import pytest

from crysim.errors import InputError
from crysim.plugins import plugin_manager
from crysim.testing.solvers import SolverSuite, coupled_model, low_rank_model


class TestAnnealer(SolverSuite):
    @pytest.fixture
    def solver(self):
        return plugin_manager().build("solver", "annealer")


class TestExact(SolverSuite):
    @pytest.fixture
    def solver(self):
        return plugin_manager().build("solver", "exact")


class TestConvex(SolverSuite):
    models = (low_rank_model(), low_rank_model(1))

    @pytest.fixture
    def solver(self):
        return plugin_manager().build("solver", "convex")

    def test_proves_the_optimum_of_small_low_rank_models(self, solver):
        assert solver.solve(low_rank_model(3), seed=0).optimal

    def test_refuses_what_is_not_convex(self, solver):
        assert "low-rank" in solver.refuses(coupled_model())
        with pytest.raises(InputError, match="low-rank"):
            solver.solve(coupled_model())


class TestTabu(SolverSuite):
    deterministic = False

    @pytest.fixture
    def solver(self):
        pytest.importorskip("dwave.samplers", reason="the extra dimod is not installed")
        return plugin_manager().build("solver", "dimod:tabu")


class TestSimulatedBifurcation(SolverSuite):
    finds_optimum = False
    deterministic = False

    @pytest.fixture
    def solver(self):
        pytest.importorskip("simulated_bifurcation", reason="the extra simulated-bifurcation is not installed")
        return plugin_manager().build("solver", "simulated-bifurcation")
