"""Foreign plug-ins are imported in a process of their own first: one whose import ends or hangs it is named, and the
command that does not need it goes on.

What survived is remembered by distribution, version and the state of its files, so the process is begun once for each
installation, and again when a plug-in that is being written changes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OWN = "crysim"
"""The distribution whose plug-ins need no trial."""
TIMEOUT = 120.0
"""Seconds that the imports of all foreign plug-ins may take together."""
_CHILD = """
import importlib, json, os, sys
given = json.load(sys.stdin)
sys.path[:] = given["path"]
out = os.dup(1)
os.dup2(2, 1)
for module in given["modules"]:
    os.write(out, b"begun\\n")
    try:
        importlib.import_module(module)
    except BaseException:  # the same import in the caller says what is wrong
        pass
    os.write(out, b"ended\\n")
os._exit(0)
"""


def fatal_imports(points: Iterable[EntryPoint]) -> dict[EntryPoint, str]:
    """The entry points whose import ends a process, or does not come to an end, and how."""
    foreign = [point for point in points if point.dist is None or point.dist.name != OWN]
    known = _remembered()
    keys = {point: _key(point) for point in foreign}
    waiting = [point for point in foreign if keys[point] not in known]
    fatal: dict[EntryPoint, str] = {}
    survived: set[str] = set()
    while waiting:
        ended, reason = _import_elsewhere([point.module for point in waiting])
        if ended is None:  # no process can be begun here
            return {}
        survived |= {keys[point] for point in waiting[:ended]}
        if ended < len(waiting):
            fatal[waiting[ended]] = reason
        waiting = waiting[ended + 1 :]
    if survived:
        _remember(known | survived)
    return fatal


def _import_elsewhere(modules: Sequence[str]) -> tuple[int | None, str]:
    """How many modules a process came through, and what ended it."""
    given = json.dumps({"path": sys.path, "modules": list(modules)}).encode()
    try:
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None, ""
    try:
        output, _ = child.communicate(given, timeout=TIMEOUT)
        reason = f"its import ends the process ({_exit_text(child.returncode)})"
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
        reason = f"its import takes longer than {TIMEOUT:g} s"
    finally:
        child.kill()
        child.wait()
    if not output:  # it did not even begin
        return None, ""
    return output.count(b"ended"), reason


def _exit_text(code: int) -> str:
    with suppress(ValueError):
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"exit code {code}"


def _key(point: EntryPoint) -> str:
    name, release = (point.dist.name, point.dist.version) if point.dist else ("unknown", "unknown")
    what: list[Any] = [name, release, point.module, _files(point.module), sys.version, sys.prefix]
    return sha256(json.dumps(what).encode()).hexdigest()[:24]


def _files(module: str) -> list[tuple[str, int, int]]:
    """A module's file, or where it lies in a package all of that folder's: name, time of change and bytes of each."""
    try:
        top, *rest = module.split(".")
        spec = find_spec(top)  # of what is not inside a package: nothing is imported to find it
        folders = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not folders:
            paths = [Path(spec.origin)] if spec is not None and spec.origin else []
        else:
            inner = [Path(folder).joinpath(*rest) for folder in folders]
            paths = [one for place in inner for one in (place if place.is_dir() else place.parent).glob("*.py")]
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(paths)]
    except (ImportError, ValueError, OSError):
        return []


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "crysim" / "imported.json"


def _remembered() -> set[str]:
    try:
        known = json.loads(_cache().read_text(encoding="utf-8"))
        return {one for one in known if isinstance(one, str)} if isinstance(known, list) else set()
    except (OSError, ValueError, RuntimeError, RecursionError):
        return set()


def _remember(keys: set[str]) -> None:
    with suppress(OSError, RuntimeError):
        path = _cache()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(sorted(keys)), encoding="utf-8")
        temporary.replace(path)
