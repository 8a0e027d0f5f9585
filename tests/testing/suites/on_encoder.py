"""The encoder suite on the plug-in that is given."""

import pytest

from crysim.testing.encoders import EncoderSuite


class TestGiven(EncoderSuite):
    @pytest.fixture
    def make(self, make_plugin):
        return make_plugin
