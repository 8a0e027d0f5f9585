import pytest
from crysim_ridge import Ridge

from crysim.testing.surrogates import SurrogateSuite


class TestRidge(SurrogateSuite):
    @pytest.fixture
    def make(self):
        return lambda: Ridge()


class TestLinear(SurrogateSuite):
    needed_pcc = 0.7  # no pairs: the energies of the suite are not linear

    @pytest.fixture
    def make(self):
        return lambda: Ridge(pairs=0)
