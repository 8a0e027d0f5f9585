import pytest
from crysim_prototype import PrototypeEncoder

from crysim.testing.encoders import EncoderSuite


class TestPrototype(EncoderSuite):
    same = staticmethod(lambda crystal: (crystal.space_group, crystal.combination))

    @pytest.fixture
    def make(self):
        return lambda: PrototypeEncoder(grid_resolution=6)
