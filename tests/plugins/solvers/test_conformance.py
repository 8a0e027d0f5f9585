"""Our own solvers under the suite that plug-in authors get."""

from __future__ import annotations

import pytest

from crysim.testing.solvers import SolverSuite
from crysim_solvers.annealing.annealer import Annealer
from crysim_solvers.convex.solver import Convex
from crysim_solvers.exact import Exact


class TestAnnealer(SolverSuite):
    distinct = 5

    @pytest.fixture
    def solver(self):
        return Annealer(sweeps=100)


class TestAnnealerOnADevice(SolverSuite):
    """The code for GPUs, on torch's CPU; couplings given one by one stay with the compiled code."""

    distinct = 5

    @pytest.fixture
    def solver(self):
        return Annealer(sweeps=40, device="cpu:0", replicas=16, patience=1)


class TestConvex(SolverSuite):
    kinds = ("low-rank",)
    proves = True
    distinct = 5

    @pytest.fixture
    def solver(self):
        return Convex()


class TestConvexAtATemperature(SolverSuite):
    kinds = ("low-rank",)
    finds_optimum = False
    distinct = 5

    @pytest.fixture
    def solver(self):
        return Convex(temperature=2.0)


class TestExact(SolverSuite):
    proves = True
    distinct = 5

    @pytest.fixture
    def solver(self):
        return Exact()
