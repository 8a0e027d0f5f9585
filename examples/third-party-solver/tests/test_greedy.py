import pytest
from crysim_greedy import Greedy

from crysim.testing.solvers import SolverSuite


class TestGreedy(SolverSuite):
    @pytest.fixture
    def make(self):
        return lambda: Greedy(restarts=20)
