import pytest
from crysim_hopping import BasinHopping

from crysim.testing.strategies import StrategySuite


class TestBasinHopping(StrategySuite):
    @pytest.fixture
    def make(self):
        return lambda problem: BasinHopping(problem)
