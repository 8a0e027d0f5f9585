"""What the server of `crysim.harness.forks` imports before it forks: importing this module imports it."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

from crysim.errors import hush_warnings
from crysim.harness.forks import ENERGY
from crysim.process_state import garbage_kept

GLANCE = 0.05
"""Seconds between looks at whether the parent lives."""
GRACE = 1.0
"""Seconds that a thread which has been joined may take to be gone."""


def import_ahead(energy: str) -> None:
    """Import what runs and an energy model stand on; what cannot be imported, who needs it says."""
    import crysim.harness.care
    import crysim.harness.runner  # noqa: F401
    from crysim.harness.spec import energy_class

    if energy:
        energy_class(energy).import_ahead()


def _in_the_server(energy: str) -> None:
    os.environ.pop(ENERGY)
    os.environ.pop("PYTHONSAFEPATH")
    hush_warnings()
    with _ended_with(os.getppid()), garbage_kept(), suppress(Exception), redirect_stdout(sys.stderr):
        import_ahead(energy)
    gc.freeze()  # what is imported stays, and whoever looks for garbage need not look at it
    refuse_threads()


def refuse_threads() -> None:
    """End this process if it has several: a fork would lack the others, and wait for what they hold."""
    until = time.monotonic() + GRACE
    while len(list(Path("/proc/self/task").iterdir())) > 1:
        if time.monotonic() > until:
            os._exit(1)
        time.sleep(GLANCE)


@contextmanager
def _ended_with(parent: int) -> Iterator[None]:
    """Within, this process does not outlive its parent; afterwards CPython's server sees to that."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(GLANCE):
            if os.getppid() != parent:
                os._exit(1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


if ENERGY in os.environ:
    _in_the_server(os.environ[ENERGY])
