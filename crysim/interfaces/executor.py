"""Executors: where energies, relaxations and whole runs are computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Executor as FuturesExecutor

from crysim.interfaces.plugin import Plugin


class Executor(Plugin, ABC):
    """Makes a `concurrent.futures.Executor`, and says how many tasks it wants at a time.

    What is submitted are functions at the top level of crysim's modules with arguments and results that can be
    pickled; they neither print nor depend on the folder they run in, except that a whole run writes to its folder,
    which is then on a file system that all share. Scheduling, queues, heartbeats and doing again what was lost with
    its worker are the engine's. A function that raises is taken for a task that the engine lost: what fails in a task
    itself is part of its result. A crystal that kills whoever relaxes it does not kill the worker: each worker has a
    process of its own for relaxations (`crysim.harness.care`).

    The smallest one computes in threads, of which each keeps such a process:

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from crysim.interfaces import Executor
    >>> class Threads(Executor):
    ...     name = "threads"
    ...
    ...     def start(self, workers):
    ...         self._workers = workers
    ...         return ThreadPoolExecutor(workers)
    ...
    ...     @property
    ...     def tasks(self):
    ...         return self._workers
    >>> executor = Threads()
    >>> engine = executor.start(2)
    >>> executor.tasks, engine.submit(abs, -3).result()
    (2, 3)
    >>> engine.shutdown()
    """

    local: bool = False
    """Whether it computes on this machine's cores alone: then runs are driven by processes here, and it gets batches
    of relaxations only, never whole runs."""

    @abstractmethod
    def start(self, workers: int) -> FuturesExecutor:
        """Make the executor, which is shut down by its `shutdown` or as a context manager; called once.

        Args:
            workers: how many the user wants, where it is the executor that begins them.

        Raises:
            InputError: it cannot be had (no such address, no such file).
        """

    @property
    @abstractmethod
    def tasks(self) -> int:
        """How many tasks it wants at a time, once it was started; at least 1. It may change while workers come."""
