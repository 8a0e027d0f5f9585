"""The executor suite on the plug-in that is given."""

import pytest

from crysim.testing.executors import ExecutorSuite


class TestGiven(ExecutorSuite):
    @pytest.fixture
    def make(self, make_plugin):
        self.patience, self.time_to_end = make_plugin.patience, make_plugin.time_to_end
        return make_plugin
