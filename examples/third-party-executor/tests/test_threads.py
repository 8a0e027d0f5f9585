import pytest
from crysim_threads import PausingThreads

from crysim.testing.executors import ExecutorSuite


class TestPausingThreads(ExecutorSuite):
    @pytest.fixture
    def make(self):
        return lambda: PausingThreads(pause=0.01)
