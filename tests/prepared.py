"""Worker processes for tests that are about something else: they begin with everything imported.

What the server of `crysim.harness.forks` imports takes seconds, and so does what its forks read of what is compiled.
Here one server for each process of pytest has done both. All else is as it is with new interpreters: what is sent is
pickled, nothing of pytest's own process is inherited.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from crysim.harness import forks, processes
from crysim.harness.forks import Fork
from crysim.harness.inherited import threads_of_libraries

ROOT = Path(__file__).parents[1]


class _Process(Fork):
    """One that begins processes as pytest's does."""

    def run(self) -> None:
        _ask_the_parents_server()
        processes.start_context = start_context
        super().run()


class _Context(ForkServerContext):
    Process = _Process


_CONTEXT = _Context()
_INSTALLED = processes.start_context


def start_context(threads: int = 1) -> _Context:
    """In place of `crysim.harness.processes.start_context`; begins the server if there is none."""
    del threads
    server = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
    server.set_forkserver_preload([__name__ + "_imports"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        for name, number in threads_of_libraries(1).items():
            patch.setenv(name, number)
        server.ensure_running()
    return _CONTEXT


def start_command(arguments: Sequence[str]) -> BaseProcess:
    """``crysim ARGUMENTS`` as the leader of a group of processes, which says nothing."""
    process = start_context().Process(target=_run_command, args=(list(arguments),))
    process.start()
    return process


def _run_command(arguments: list[str]) -> None:
    from crysim.__main__ import main

    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    sys.argv = ["crysim", *arguments]
    main()


def _ask_the_parents_server() -> None:
    """In a process that a test or the server forked: it can begin others, but not see whether the server lives."""
    server = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
    if server._forkserver_address is not None:  # where no test has begun it yet, the process has one of its own
        server.ensure_running = lambda: None


@contextmanager
def prepared() -> Iterator[None]:
    """Within, crysim's worker processes are forks of the server, where there can be one."""
    if "forkserver" not in multiprocessing.get_all_start_methods() or processes.start_context is start_context:
        yield  # there can be none, or a pytest around this one has it
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "start_context", start_context)
        patch.setattr(forks, "begin_server", lambda *_: start_context())
        yield
    _end_server()


def _end_server() -> None:
    """End the server with what it has forked: a process that a broken executor left would keep it for ever."""
    server = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
    if server._forkserver_pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(server._forkserver_pid, signal.SIGKILL)
    server._stop()


@contextmanager
def as_installed() -> Iterator[None]:
    """Within that, they are new interpreters, as where nothing can be forked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "start_context", _INSTALLED)
        patch.setattr(forks, "_given_up", True)
        yield


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ask_the_parents_server)
