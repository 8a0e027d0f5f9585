"""A process of ours that answers messages: how one begins, is talked to, dies or is ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from crysim.errors import CrysimError, hush_warnings
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


def start_context() -> Any:
    """How processes begin: as new interpreters, since one with threads must not be forked."""
    return multiprocessing.get_context("spawn")


class Process:
    """A process that answers one message at a time, as its parent sees it.

    Args:
        answer: called there with each message; it can be pickled.
        threads: numbers of threads that libraries are told when they are imported there.
    """

    def __init__(self, answer: Answer, threads: int) -> None:
        context = start_context()
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, answer), daemon=True)
        with _STARTING, _environment(threads), _interrupts_ignored(), _without_main(), _may_have_children():
            self._process.start()
        theirs.close()
        self.threads = threads

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


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process begun here ignores interrupts from the terminal: its parent decides."""
    if threading.current_thread() is not threading.main_thread():  # which alone may set how a signal is handled
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if os.name == "posix" else set()
        try:
            yield
        finally:
            if os.name == "posix":
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _without_main() -> Iterator[None]:
    """A process begun here does not import the script that asked for it.

    Nothing that it does lies in that script, and one without an ``if __name__ == "__main__"`` would run itself in
    every process.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _may_have_children() -> Iterator[None]:
    """Workers of clusters are daemons, which multiprocessing lets have no children; ours end with their parent."""
    config: dict[str, Any] = getattr(multiprocessing.current_process(), "_config", {})
    before = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        if before is None:
            del config["daemon"]
        else:
            config["daemon"] = before


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Numbers of threads that libraries read when they are first imported."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
