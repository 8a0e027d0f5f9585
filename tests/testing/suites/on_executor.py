"""The executor suite on the plug-in that is given."""

import pytest

from crysim.testing.executors import ExecutorSuite


class TestGiven(ExecutorSuite):
    @pytest.fixture
    def make(self, make_plugin):
        self.patience = make_plugin.patience
        return make_plugin
