"""The processes that tests begin with: forks of a server, or new interpreters where a test says so."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import socket
from typing import Any

import pytest

from crysim.harness.processes import Channel, Process

SERVED = "forkserver" in multiprocessing.get_all_start_methods()


def answer(name: str, channel: Channel) -> tuple[int, str | None]:
    """Its parent, and a variable of its environment."""
    return os.getppid(), os.environ.get(name)


def asked(name: str) -> Any:
    process = Process(answer, threads=1)
    process.send(name)
    found = process.receive()
    process.stop(idle=True)
    return found


@pytest.mark.skipif(not SERVED, reason="there is no server of forks")
def test_a_worker_is_a_fork_of_the_server_with_its_parents_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYSIM_OF_THIS_TEST", "is heard")
    parent, variable = asked("CRYSIM_OF_THIS_TEST")
    assert parent != os.getpid()
    assert variable == "is heard"
    assert asked("OMP_NUM_THREADS")[1] == "1"


@pytest.mark.skipif(not SERVED, reason="there is no server of forks")
def test_the_server_outlives_who_is_killed_while_it_asks_for_a_process() -> None:
    server, _ = asked("PATH")
    address = multiprocessing.forkserver._forkserver._forkserver_address  # type: ignore[attr-defined]
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(address)
    assert asked("PATH")[0] == server


@pytest.mark.new_interpreters
def test_a_marked_test_has_new_interpreters() -> None:
    assert asked("OMP_NUM_THREADS") == (os.getpid(), "1")
