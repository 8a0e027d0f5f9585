"""The surrogate suite on the plug-in that is given."""

import pytest

from crysim.testing.surrogates import SurrogateSuite


class TestGiven(SurrogateSuite):
    @pytest.fixture
    def make(self, make_plugin):
        return make_plugin
