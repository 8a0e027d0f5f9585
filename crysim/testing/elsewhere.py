"""The same call in another process, with another seed of Python's hashes: what depends on it shows."""

from __future__ import annotations

import atexit
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHILD = "from crysim.testing.elsewhere import _answer_all; _answer_all()"


def elsewhere(plugin: Any, call: Callable[..., Any], *args: Any) -> Any:
    """``call(plugin, *args)`` in another process whose hashes of texts differ from this one's.

    One process answers all calls, since importing what a plug-in needs takes longer than most of them. The plug-in is
    sent by pickle, as it is: one that cannot be fails, unless its suite says ``other_process = False``.

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
    request = (dict(os.environ), sys.path, module.__name__, getattr(module, "__file__", None), task)
    answered, result = _other().ask(request)
    assert answered, result
    return pickle.loads(result)  # noqa: S301 - from our own child


class _Other:
    """The other process, which ends when this one does."""

    def __init__(self) -> None:
        self.parent = os.getpid()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        self._process = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        atexit.register(self._end)

    def _end(self) -> None:
        if self.parent == os.getpid():
            self._process.communicate()

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Any) -> tuple[bool, Any]:
        """Whether the call came to its end, and its pickled result, or else what went wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            answer: tuple[bool, Any] = pickle.load(self._process.stdout)  # noqa: S301 - from our own child
        except (EOFError, OSError):
            code = self._process.wait()
            self._said.seek(0)
            return False, f"the process ended with {code}:\n{self._said.read().decode(errors='replace')}"
        return answer


_others: list[_Other] = []


def _other() -> _Other:
    """This process's; a new one where it has died."""
    if not (_others and _others[-1].lives and _others[-1].parent == os.getpid()):
        _others.append(_Other())
    return _others[-1]


def _answer_all() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plug-in prints goes elsewhere
    while True:
        try:
            environment, path, name, file, task = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
        except EOFError:
            return
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        answer: tuple[bool, Any]
        try:
            answer = True, pickle.dumps(_call(name, file, task))
        except Exception:  # noqa: BLE001 - whatever a plug-in raises is told
            answer = False, traceback.format_exc()
        pickle.dump(answer, out)
        out.flush()


def _call(name: str, file: str | None, task: bytes) -> Any:
    if file is not None and name not in sys.modules and importlib.util.find_spec(name.partition(".")[0]) is None:
        _load(name, file)
    else:
        try:
            importlib.import_module(name)
        except ImportError:
            _load(name, file)
    plugin, call, args = pickle.loads(task)  # noqa: S301 - from our own parent
    return call(plugin, *args)


def _load(name: str, file: str | None) -> None:
    """Import a module that is no part of a package on the path, such as one of tests, under the name that it has."""
    spec = None if file is None else importlib.util.spec_from_file_location(name, Path(file))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
