"""The strategy suite on the plug-in that is given."""

import pytest

from crysim.testing.strategies import StrategySuite


class TestGiven(StrategySuite):
    @pytest.fixture
    def make(self, make_plugin):
        return make_plugin
