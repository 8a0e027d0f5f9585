"""The same call in another process, with another seed of Python's hashes: what depends on it shows."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHILD = "from crysim.testing.elsewhere import _answer; _answer()"


def elsewhere(plugin: Any, call: Callable[..., Any], *args: Any) -> Any:
    """``call(plugin, *args)`` in a new process whose hashes of texts differ from this one's.

    The plug-in is sent by pickle, as it is: one that cannot be fails, unless its suite says ``other_process = False``.

    Args:
        plugin: its class stands at the top of a module.
        call: a function at the top of a module; its result can be pickled.
        args: what else it is given; can be pickled.
    """
    module = sys.modules[type(plugin).__module__]
    try:
        task = pickle.dumps((plugin, call, args))
    except Exception as error:  # noqa: BLE001 - an object may refuse in any way
        import pytest  # here: the other process has no use for it

        pytest.fail(f"cannot be sent to another process, and the suite does not say so: {error}")
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    answer = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps((sys.path, module.__name__, getattr(module, "__file__", None), task)),
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr.decode(errors="replace")
    return pickle.loads(answer.stdout)  # noqa: S301 - from our own child


def _answer() -> None:
    path, name, file, task = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    sys.path[:] = path
    if file is not None and importlib.util.find_spec(name.partition(".")[0]) is None:
        _load(name, file)
    else:
        try:
            importlib.import_module(name)
        except ImportError:
            _load(name, file)
    plugin, call, args = pickle.loads(task)  # noqa: S301
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the plug-in prints goes elsewhere
    result = pickle.dumps(call(plugin, *args))
    out.write(result)
    out.flush()


def _load(name: str, file: str) -> None:
    """Import a module that is no part of a package on the path, such as one of tests, under the name that it has."""
    spec = importlib.util.spec_from_file_location(name, Path(file))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
