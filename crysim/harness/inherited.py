"""What a process that begins inherits, set for as long as it does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_ignored() -> Iterator[None]:
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
def without_main() -> Iterator[None]:
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
def may_have_children() -> Iterator[None]:
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
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """A process begun here finds these in its environment."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def threads_of_libraries(number: int) -> dict[str, str]:
    """Variables from which libraries read, when they are first imported, how many threads to have."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return dict.fromkeys(names, str(number))
