"""What the server of `crysim.harness.forks` imports before it forks: importing this module imports it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

from crysim.errors import hush_warnings
from crysim.harness.forks import ENERGY
from crysim.process_state import garbage_kept


def import_ahead(energy: str | None, options: dict[str, object]) -> None:
    """Import what runs and an energy model stand on; what cannot be imported, who needs it says."""
    import crysim.harness.care
    import crysim.harness.runner  # noqa: F401
    from crysim.plugins import plugin_manager

    if energy is not None:
        plugin_manager().get("energy", energy).import_ahead(options)  # type: ignore[attr-defined]


def _in_the_server(given: str) -> None:
    os.environ.pop(ENERGY)
    os.environ.pop("PYTHONSAFEPATH")
    hush_warnings()
    with garbage_kept(), contextlib.suppress(Exception), contextlib.redirect_stdout(sys.stderr):
        import_ahead(*json.loads(given))
    refuse_threads()


def refuse_threads() -> None:
    """End this process if it has several: a fork would lack the others, and wait for what they hold."""
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        os._exit(1)


if ENERGY in os.environ:
    _in_the_server(os.environ[ENERGY])
