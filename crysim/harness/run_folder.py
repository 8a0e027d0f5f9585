"""A run's folder while a process writes it: one process at a time, and only with the configuration it began with."""

from __future__ import annotations

import errno
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from crysim.errors import CrysimError, InputError
from crysim.harness.blocks import stored_path
from crysim.harness.journal import JOURNAL, MANIFEST, STATE, read_manifest
from crysim.harness.lines import write_atomically
from crysim.harness.manifest import ABSENT, BUDGETS, run_difference, unsaid
from crysim.regular_files import open_regular, read_arrays, read_json
from crysim.written_files import path_part, refuse_link

Arrays = dict[str, np.ndarray[Any, Any]]
_TRIALS = "__trials__"
LOCK = "lock"
_HELD = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
"""What a system answers where another process holds a lock; anything else means that it cannot lock."""


def run_folder(out: Path, system: str, method: str, seed: int) -> Path:
    """The folder of a run among the results of a bench.

    Raises:
        InputError: the system or the method cannot name a folder.
    """
    return out / path_part(system, "the system") / path_part(method, "the method") / f"seed-{seed}"


def check_writable(path: Path) -> None:
    """See whether a folder could be made and written, without making it.

    Raises:
        InputError: it could not.
    """
    place = path.absolute()
    try:
        while not place.exists():
            place = place.parent
        if "\0" in str(path):
            raise ValueError("a path holds no NUL")
        with tempfile.TemporaryFile(dir=place):
            pass
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError | ValueError) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError(f"cannot write to the folder {path}: {reason}; give another with --out")


@contextmanager
def locked(path: Path, *, wait: float | None) -> Iterator[None]:
    """Hold a lock file; the system frees it when the process dies, however it dies.

    Args:
        path: the lock file, made if missing.
        wait: seconds to wait for another process; None: as long as it takes.

    Raises:
        InputError: a link, a pipe or a folder stands in its place.
        CrysimError: another process holds it still, or the file system has no locks.
    """
    refuse_link(path)
    if path.exists() and not path.is_file():
        raise InputError(f"'{path}' is no ordinary file, and must be one or be missing: move it")
    deadline = None if wait is None else time.monotonic() + wait
    with path.open("ab") as file:
        while not _try_lock(file):
            if deadline is not None and time.monotonic() > deadline:
                raise CrysimError(f"another process is writing to {path.parent}: wait until it has ended")
            time.sleep(0.1)
        yield


def is_locked(path: Path) -> bool | None:
    """Whether another process holds a lock file at this moment; None where that cannot be known."""
    if os.name != "posix" or not path.exists():
        return None if path.exists() else False
    import fcntl

    try:
        with open_regular(path, "the lock") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in _HELD else None
    return False


def _try_lock(file: BinaryIO) -> bool:
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # pragma: no cover
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise CrysimError(
            f"the file system of {Path(file.name).parent} has no locks ({error.strerror or error}), so two processes "
            f"could write there at once: give a folder on another one"
        ) from error
    return True


def check_manifest(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether the folder holds the run of a manifest already, within whatever budget; False if it holds none.

    Raises:
        InputError: the run there was begun with another configuration; the first key that differs is named. Or there
            is a journal, and nothing says of which run.
    """
    old = read_manifest(folder)
    if old is None:
        journal = stored_path(folder / JOURNAL)
        if journal.exists() and journal.stat().st_size:
            raise InputError(
                f"{folder} holds a {JOURNAL} and no {MANIFEST} that says of which run: restore {MANIFEST}, or delete "
                f"the folder to run it anew"
            )
        return False
    difference = run_difference(old, json.loads(json.dumps(manifest)))
    if difference is not None:
        key, *values = difference
        was, now = (unsaid(manifest["config"], key) if value == ABSENT else value for value in values)
        raise InputError(
            f"{folder} holds a run with another configuration: {key} was {json.dumps(was)} and is now "
            f"{json.dumps(now)}; give another --out, or the same configuration to go on with it"
        )
    return True


def settle_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a new run's manifest, or check an old run's.

    Raises:
        InputError: see `check_manifest`.
    """
    if not check_manifest(folder, manifest):
        _write_manifest(folder / MANIFEST, manifest)


def raise_budgets(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write to a run's manifest the budgets that are larger than those that it has; smaller ones change nothing."""
    path = folder / MANIFEST
    stored = read_json(path, "the manifest")
    old, new = stored["config"], manifest["config"]
    larger = [key for key in BUDGETS if _bound(new.get(key)) > _bound(old.get(key))]
    for key in larger:
        old.pop(key, None)
        if new.get(key) is not None:
            old[key] = new[key]
    if larger:
        _write_manifest(path, stored)


def _bound(budget: float | None) -> float:
    return inf if budget is None else budget


def _write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    write_atomically(path, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())


def save_state(folder: Path, state: Mapping[str, np.ndarray[Any, Any]] | None, trials: int) -> None:
    """Write what a strategy's next proposal depends on, as it is after ``trials`` trials."""
    if state is None:
        return
    buffer = io.BytesIO()
    np.savez(buffer, **{_TRIALS: np.array(trials)}, **state)  # type: ignore[arg-type]
    write_atomically(folder / STATE, buffer.getvalue())


def load_state(folder: Path) -> tuple[Arrays | None, int]:
    """The last state that was written, and after how many trials; None and 0 if there is none.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / STATE
    if not path.exists():
        return None, 0
    try:
        arrays = read_arrays(path, "the state")
        return arrays, int(arrays.pop(_TRIALS))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: delete it, and the run works it out anew from its journal") from error
