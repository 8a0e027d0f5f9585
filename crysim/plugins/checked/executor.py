"""What an executor's answers must be."""

from __future__ import annotations

from concurrent.futures import Executor as FuturesExecutor

from crysim.interfaces import Executor
from crysim.plugins.checked.faults import Checked


class CheckedExecutor(Checked[Executor], Executor):
    """An executor that is looked at: what it makes can be submitted to and shut down, and it wants a task at least."""

    kind = "executor"

    def start(self, workers: int) -> FuturesExecutor:
        """The plug-in's own, looked at."""
        with self._calling("start"):
            made = self._plugin.start(workers)
        if not callable(getattr(made, "submit", None)) or not callable(getattr(made, "shutdown", None)):
            self._fault(f"start returned a {type(made).__name__}, which has no submit and shutdown")
        return made

    @property
    def tasks(self) -> int:
        """The plug-in's own, looked at."""
        with self._calling("tasks"):
            tasks = self._plugin.tasks
        if not isinstance(tasks, int) or isinstance(tasks, bool) or tasks < 1:
            self._fault(f"it wants {tasks!r} tasks at a time, not a number from 1 on")
        return tasks
