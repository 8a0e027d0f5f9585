"""Every baseline does what a strategy must."""

from __future__ import annotations

import pytest

from crysim.testing.strategies import MakeStrategy, StrategySuite
from crysim_baselines.annealing import Annealing
from crysim_baselines.bayesian import Bayesian
from crysim_baselines.enumeration import Enumerate
from crysim_baselines.evolution import Evolution
from crysim_baselines.portfolio import Portfolio
from crysim_baselines.prior import PriorSearch
from crysim_baselines.prototypes import Prototypes
from crysim_baselines.pyxtal_random import PyxtalRandom
from crysim_baselines.swarm import Swarm


class TestEnumerate(StrategySuite):
    heeds_distances = False  # limits of its own, or none

    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Enumerate(problem, points=8, block=40, quota=3)


class TestPyxtalRandom(StrategySuite):
    trials, looked_at = 6, 2  # each takes long, and none depends on those before

    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: PyxtalRandom(problem, attempts=5)


class TestBayesian(StrategySuite):
    trials = 8  # two past those that are drawn at random
    heeds_distances = False  # limits of its own, or none

    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Bayesian(problem, startup_jobs=6)


class TestAnnealing(StrategySuite):
    heeds_distances = False  # limits of its own, or none

    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Annealing(problem)


class TestEvolution(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Evolution(problem, population=4, fittest=3)


class TestSwarm(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Swarm(problem, population=4, generations=3)


class TestEvolutionFromThePrior(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Evolution(problem, population=4, fittest=3, initial="prior")


class TestSwarmFromThePrior(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Swarm(problem, population=4, generations=3, initial="prior")


class TestPortfolio(StrategySuite):
    heeds_distances = False  # limits of its own, or none

    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Portfolio(problem, first=2)


@pytest.mark.usefixtures("fillings_made_once")
class TestPrototypes(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: Prototypes(problem)


class TestPrior(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: PriorSearch(problem, placements=8)
