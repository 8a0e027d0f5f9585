"""What the server of `tests.prepared` has imported, and read of what is compiled, before it forks: two small runs."""

import errno
import multiprocessing.reduction
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from crysim.harness.care import _model
from crysim.harness.executors import _warm_up
from crysim.harness.loop import execute
from crysim.harness.runner import WarmUp, serve_runs
from tests.harness.specs import EMT, small_spec

_receive = multiprocessing.reduction.recvfds  # type: ignore[attr-defined]


def _receive_if_it_lives(connection: socket.socket, size: int) -> list[int]:
    """A process that is killed between its call and what it asks for ends CPython's server, and with it all tests."""
    try:
        return _receive(connection, size)  # type: ignore[no-any-return]
    except EOFError as error:
        raise OSError(errno.ECONNABORTED, "who asked for a process is gone") from error  # this it passes over


multiprocessing.reduction.recvfds = _receive_if_it_lives  # type: ignore[attr-defined]
os.setpgid(0, 0)  # what it forks is ended with it
torch.set_num_threads(1)
serve_runs(WarmUp(), None)  # type: ignore[arg-type]
_warm_up(_model(EMT), True)
with TemporaryDirectory() as folder:
    for method in ("random", "crysim"):
        execute(small_spec(method, budget=3), Path(folder, method), _model(EMT))
