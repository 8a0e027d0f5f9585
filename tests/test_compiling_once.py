"""What several processes want compiled at one time is compiled by one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from crysim import compiling_once
from crysim.compiled import compiled

KERNELS = """
import numpy as np

from crysim.compiled import compiled

@compiled
def inner(values):
    found = np.zeros(3)
    for i in range(len(values)):
        found[i % 3] += values[i]
    return found

@compiled
def outer(values):
    return inner(values).sum() + inner(values + 1.0).sum()
"""
WANTED = """
import sys
import numpy as np
from numba.core import event

sys.path.insert(0, sys.argv[1])
import kernels
with event.install_recorder("numba:compile") as recorder:
    print(kernels.outer(np.ones(5)))
names = [one.data["dispatcher"].py_func.__name__ for _, one in recorder.buffer if one.is_start]
print(*[name for name in names if name in ("inner", "outer")])
"""
HOLDER = """
import sys, time
from pathlib import Path
from crysim.compiling_once import _alone

with _alone(Path(sys.argv[1]), "kernel"):
    print("held", flush=True)
    time.sleep(600)
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no byte of a file can be locked there")


def start(script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], env=os.environ | environment, stdout=subprocess.PIPE, text=True
    )


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that compiles the kernel called 'kernel' in a folder until it is killed."""
    process = start(HOLDER, str(folder))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_of_processes_that_begin_together_one_compiles_each_kernel(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS)
    processes = [start(WANTED, str(tmp_path), NUMBA_CACHE_DIR=str(tmp_path / "cache")) for _ in range(3)]
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert [lines[0] for lines in outputs] == ["15.0"] * 3
    assert sorted(name for lines in outputs for name in lines[1].split()) == ["inner", "outer"]


def test_what_a_killed_process_has_claimed_is_free(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        began = time.monotonic()
        with compiling_once._alone(tmp_path, "kernel"):
            assert time.monotonic() - began < compiling_once.PATIENCE


def test_a_process_that_is_stopped_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling_once, "PATIENCE", 0.2)
    looks: list[float] = []
    with holder(tmp_path), monkeypatch.context() as patch:
        patch.setattr(compiling_once.time, "sleep", looks.append)
        with compiling_once._alone(tmp_path, "another"):
            assert looks == []
        with compiling_once._alone(tmp_path, "kernel"):
            assert looks


def test_a_kernel_may_be_compiled_while_it_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For other types: by the same process, which does not wait for itself."""
    with compiling_once._alone(tmp_path, "kernel"), compiling_once._alone(tmp_path, "kernel"):
        assert compiling_once._held == {"kernel"}
    assert compiling_once._held == set()


def test_a_disk_without_locks_is_none_to_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError("No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    monkeypatch.setattr(compiling_once.time, "sleep", lambda _: pytest.fail("it waited"))
    with compiling_once._alone(tmp_path, "kernel"):
        pass
    (tmp_path / "file").touch()
    with compiling_once._alone(tmp_path / "file" / "folder", "kernel"):
        pass


def test_a_kernel_compiled_in_this_process_still_computes() -> None:
    def double(x: float) -> float:
        return 2 * x

    assert compiled(double)(1.5) == 3.0
