import pytest
from crysim_greedy import Greedy

from crysim.testing.solvers import SolverSuite


class TestGreedy(SolverSuite):
    finds_optimum = False

    @pytest.fixture
    def solver(self):
        return Greedy(restarts=20)
