"""Every surrogate of ours keeps the contract."""

from __future__ import annotations

import pytest

from crysim.testing.surrogates import MakeSurrogate, SurrogateSuite
from crysim_surrogates.fm import FactorizationMachine
from crysim_surrogates.quadratic_regression import QuadraticRegression


class TestFactorizationMachine(SurrogateSuite):
    @pytest.fixture
    def make(self) -> MakeSurrogate:
        return lambda: FactorizationMachine(rank=4)


class TestWarmFactorizationMachine(SurrogateSuite):
    @pytest.fixture
    def make(self) -> MakeSurrogate:
        return lambda: FactorizationMachine(rank=4, warm_start=True)


class TestPenalisingFactorizationMachine(SurrogateSuite):
    @pytest.fixture
    def make(self) -> MakeSurrogate:
        return lambda: FactorizationMachine(rank=4, unseen="penalise")


class TestQuadraticRegression(SurrogateSuite):
    @pytest.fixture
    def make(self) -> MakeSurrogate:
        return lambda: QuadraticRegression()


class TestSparseQuadraticRegression(SurrogateSuite):
    @pytest.fixture
    def make(self) -> MakeSurrogate:
        return lambda: QuadraticRegression(couplings="sparse", unseen="penalise", ridge=0.01)
