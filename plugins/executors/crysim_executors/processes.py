"""Executor ``processes``: this machine's cores."""

from __future__ import annotations

from concurrent.futures import Executor as FuturesExecutor
from typing import ClassVar

from crysim import hookimpl
from crysim.interfaces import Executor


class Processes(Executor):
    """One process for each worker, begun when there is a task for it, and replaced when it dies or hangs."""

    name: ClassVar[str] = "processes"
    local = True

    def __init__(self) -> None:
        self._workers = 1

    def start(self, workers: int) -> FuturesExecutor:
        """Threads that keep the processes."""
        from crysim.harness.care import OwnProcesses

        self._workers = workers
        return OwnProcesses(workers)

    @property
    def tasks(self) -> int:
        """As many as there are workers."""
        return self._workers


@hookimpl
def crysim_executors() -> list[type[Executor]]:
    """The executor of this module."""
    return [Processes]
