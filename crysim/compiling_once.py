"""A kernel that several processes want is compiled by one of them; the others wait, and load its code from the disk."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

PATIENCE = 60.0
"""Seconds that a process waits at most: then it compiles itself, for the other may be stopped."""
GLANCE = 0.005
"""Seconds between looks at whether the other has finished."""

_held: set[str] = set()


def compile_once(dispatcher: Any, lock: AbstractContextManager[Any]) -> None:
    """Have a numba dispatcher that keeps its code on disk wait for whoever compiles the same function already.

    Args:
        dispatcher: the compiled function.
        lock: numba's own, that one thread of a process at a time compiles under.
    """
    here = dispatcher.compile
    folder = Path(dispatcher.stats.cache_path)
    name = f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}"

    def compile_or_wait(signature: Any) -> Any:
        # numba's own lock first: so a process's threads come here one at a time, and none waits for another of them
        with lock, _alone(folder, name):
            return here(signature)

    dispatcher.compile = compile_or_wait


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """While no other process does the same with the same folder; the system ends the claim of one that dies."""
    lock = _lock_file(folder)
    if lock is None or name in _held:
        yield
        return
    import fcntl

    byte = crc32(name.encode()) >> 1
    until = time.monotonic() + PATIENCE
    _held.add(name)
    try:
        while time.monotonic() < until:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except (BlockingIOError, PermissionError):  # what systems call it that another has the byte
                time.sleep(GLANCE)
                continue
            except OSError:  # a disk without locks
                pass
            break
        yield
    finally:
        _held.discard(name)
        with suppress(OSError):
            fcntl.lockf(lock, fcntl.LOCK_UN, 1, byte)


@cache
def _lock_file(folder: Path) -> int | None:
    """A file whose bytes stand for kernels, open until the process ends: closing it would end all of its claims."""
    if sys.platform == "win32":
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "compiling.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    return None
