"""A process of ours that answers messages: how one begins, is talked to, dies or is ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from crysim.errors import CrysimError, hush_warnings
from crysim.harness.forks import can_fork, give_up_forks, start_context
from crysim.harness.inherited import (
    environment,
    interrupts_ignored,
    may_have_children,
    threads_of_libraries,
    without_main,
)
from crysim.process_state import PROCESS_STATE

GRACE = 2.0
"""Seconds that an idle process has to end by itself."""
_STARTING = PROCESS_STATE
"""Processes begin one at a time, since what they inherit is set for each, and while no thread has changed it."""


class Channel(Protocol):
    """The process's end of the line to its parent."""

    def send(self, message: Any) -> None:
        """Send what the parent is to know before the answer."""

    def recv(self) -> Any:
        """What the parent sends before it has the answer."""


Answer = Callable[[Any, Channel], Any]
"""In the process: what a message is answered with."""


class ProcessDiedError(CrysimError):
    """The process ended before it had answered."""


class Process:
    """A process that answers one message at a time, as its parent sees it.

    Args:
        answer: called there with each message; it can be pickled.
        threads: numbers of threads that libraries are told when they are imported there.
    """

    def __init__(self, answer: Answer, threads: int) -> None:
        try:
            self._start(start_context(threads), answer, threads)
        except (EOFError, ConnectionError):
            if not can_fork(threads):
                raise
            give_up_forks()  # what was imported for them ended the server
            self._start(start_context(threads), answer, threads)
        self.threads = threads

    def _start(self, context: Any, answer: Answer, threads: int) -> None:
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, answer), daemon=True)
        # Forks ignore them as their server does, and the first has to wait for that.
        deaf = nullcontext() if context.get_start_method() == "forkserver" else interrupts_ignored()
        with theirs, _STARTING, environment(threads_of_libraries(threads)), deaf, without_main(), may_have_children():
            self._process.start()

    @property
    def connection(self) -> Connection:
        """Readable when there is a message, or when the process has died."""
        connection: Connection = self._connection
        return connection

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid or 0

    def send(self, message: Any) -> None:
        """Send a message; one to a process that has died is lost, and `receive` says so."""
        with suppress(OSError):
            self._connection.send(message)

    def receive(self, timeout: float | None = None) -> Any:
        """The next message.

        Raises:
            TimeoutError: none came within so many seconds.
            ProcessDiedError: the process has died, or was ended.
        """
        try:
            if not self._connection.poll(timeout):
                raise TimeoutError
            return self._connection.recv()
        except (EOFError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            self._process.join()
            raise ProcessDiedError(_exit_text(self._process.exitcode)) from None

    def kill(self) -> None:
        """End the process at once, whatever it does; may be called in another thread than the one that waits for it."""
        self._process.kill()

    def stop(self, *, idle: bool) -> None:
        """End the process; an idle one ends by itself, and tidies up what its libraries opened."""
        self._connection.close()
        if idle:
            self._process.join(GRACE)
        self._process.kill()
        self._process.join()


def ready(processes: Sequence[Process], timeout: float | None) -> list[Process]:
    """Those that have sent a message or died, once there are any; none after so many seconds."""
    by_connection = {process.connection: process for process in processes}
    found = wait(list(by_connection), timeout)
    return [by_connection[one] for one in found if isinstance(one, Connection)]


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


# ------------------------------------------------------------------------------------- in the process


def _serve(connection: Connection, answer: Answer) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.dup2(2, 1)  # what a plug-in prints must not stand among the results of the command
    hush_warnings()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            connection.send(answer(connection.recv(), connection))
        except (EOFError, OSError):
            return


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
