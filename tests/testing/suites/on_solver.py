"""The solver suite on the plug-in that is given; a machine that is not loaded needs little slack."""

import pytest

from crysim.testing.solvers import SolverSuite


class TestGiven(SolverSuite):
    time_limit = 0.3
    slack = 0.8

    @pytest.fixture
    def solver(self, make_plugin):
        return make_plugin()
