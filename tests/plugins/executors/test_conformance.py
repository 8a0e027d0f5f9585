"""The first-party executors keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from crysim.testing.executors import ExecutorSuite, MakeExecutor
from crysim_executors.processes import Processes

CONFIG = """
from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="here", address="127.0.0.1", max_workers_per_node=2, encrypted=False, poll_period=50,
            provider=LocalProvider(init_blocks=1, max_blocks=1),
        )
    ],
    run_dir={run_dir!r},
    strategy="none",
)
"""


@pytest.mark.new_interpreters
class TestProcesses(ExecutorSuite):
    @pytest.fixture
    def make(self) -> MakeExecutor:
        return Processes


class TestDask(ExecutorSuite):
    @pytest.fixture
    def make(self) -> MakeExecutor:
        pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
        from crysim_executors.dask import Dask

        return Dask


class TestParsl(ExecutorSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeExecutor:
        pytest.importorskip("parsl", reason="the extra 'parsl' is not installed")
        from crysim_executors.parsl import Parsl

        file = tmp_path / "configuration.py"
        file.write_text(CONFIG.format(run_dir=str(tmp_path / "runinfo")))
        return lambda: Parsl(configuration=str(file))
