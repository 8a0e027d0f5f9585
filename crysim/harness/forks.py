"""Processes as forks of one that has imported what all of them need, where the system lets them.

torch, numba and crysim take a new interpreter seconds to import, each of three that a search on two cores begins, and
on the same cores. Here one process imports them and forks; it computes nothing itself, has no threads and no device, so
its forks are as good as new. It begins while its parent still reads what is asked for.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from crysim.harness.inherited import environment, interrupts_ignored, threads_of_libraries, without_main
from crysim.process_state import PROCESS_STATE

ENERGY = "CRYSIM_IMPORT_AHEAD"
"""Variable of the server's environment: name of the energy model that it imports for."""
IMPORTS = "crysim.harness.imported_ahead"
"""The module that the server imports, and with it all else."""


class Fork(ForkServerProcess):
    """A process with its parent's environment; the server's is that of its own beginning."""

    def start(self) -> None:
        self._environment = dict(os.environ)
        super().start()

    def run(self) -> None:
        os.environ.clear()
        os.environ.update(self._environment)
        super().run()


class _Forks(ForkServerContext):
    Process = Fork


_CONTEXT = _Forks()
_given_up = False


def can_fork(threads: int) -> bool:
    """Whether processes with so many threads each may be forks.

    Libraries take the number from the environment when they are imported, which for forks was before. Other systems
    than Linux have libraries of their own that do not outlive a fork.
    """
    return sys.platform == "linux" and threads == 1 and not _given_up


def start_context(threads: int) -> Any:
    """How processes of so many threads each begin: as forks, or as new interpreters."""
    if can_fork(threads):
        begin_server()
    return _CONTEXT if can_fork(threads) else multiprocessing.get_context("spawn")


def give_up_forks() -> None:
    """Begin no more forks: there can be no server, or it died of what it imported."""
    global _given_up
    _given_up = True


def begin_server(energy: str = "") -> None:
    """Begin the process that imports and forks, unless it runs; returns at once.

    Args:
        energy: name of the energy model that its forks will compute with; empty: it imports what all of them need.
    """
    if not can_fork(1):
        return
    server = multiprocessing.forkserver._forkserver
    variables = {
        **threads_of_libraries(1),
        "PYTHONSAFEPATH": "1",  # no module of the folder that a person is in
        ENERGY: energy,
    }
    with PROCESS_STATE, environment(variables), interrupts_ignored(), without_main(), _preloading(server):
        try:
            server.ensure_running()
        except OSError:  # a folder for temporary files whose name is too long for a socket, or that cannot be written
            give_up_forks()


@contextmanager
def _preloading(server: Any) -> Iterator[None]:
    """A server begun here imports what ours is to; one that a program begins for itself, what that says."""
    before = server._preload_modules
    server._preload_modules = [IMPORTS]
    try:
        yield
    finally:
        server._preload_modules = before
