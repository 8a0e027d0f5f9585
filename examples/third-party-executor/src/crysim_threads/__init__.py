"""An executor of threads with a pause between tasks: the smallest plug-in that passes the suite."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from crysim import hookimpl
from crysim.errors import InputError
from crysim.interfaces import Executor


class PausingThreads(Executor):
    """Threads, each of which keeps a process for relaxations (`crysim.harness.care`) and lets it cool between tasks."""

    name = "pausing-threads"

    def __init__(self, *, pause: float = 0.0) -> None:
        """Choose the pause.

        Args:
            pause: seconds between two tasks of a thread.
        """
        if pause < 0:
            raise InputError(f"option 'pause' of executor 'pausing-threads' is {pause} s: it must not be negative")
        self.pause = pause
        self._workers = 1

    def start(self, workers):
        self._workers = workers
        return _Pool(workers, self.pause)

    @property
    def tasks(self):
        return self._workers


class _Pool(ThreadPoolExecutor):
    def __init__(self, workers, pause):
        super().__init__(workers)
        self._pause, self._last = pause, threading.local()

    def submit(self, fn, /, *args, **kwargs):
        return super().submit(self._after_a_pause, fn, args, kwargs)

    def _after_a_pause(self, fn, args, kwargs):
        if getattr(self._last, "busy", False):
            time.sleep(self._pause)
        self._last.busy = True
        return fn(*args, **kwargs)


@hookimpl
def crysim_executors():
    return [PausingThreads]
