"""Reads the journals of many runs on all cores, each into its cache, so that one process need not read them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from crysim.errors import CrysimError
from crysim.harness.blocks import stored_path
from crysim.harness.stored_trials import is_cached, stored_trials

WORTH_PROCESSES = 200 << 20
"""Bytes of journals that are in no cache, from which on several processes read them: one takes a second to begin."""


def fill_caches(journals: Sequence[tuple[Path, str]]) -> None:
    """Read journals that have no cache yet on all cores, if they are large; what is wrong with one, its reader says.

    Args:
        journals: with what each begins with (`crysim.harness.journal.beginning_of`).
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    sizes = {path: _size(path) for path, _ in journals}
    new = [(path, beginning) for path, beginning in journals if sizes[path] and not is_cached(path, beginning)]
    writable = all(os.access(path.parent, os.W_OK) for path, _ in new)
    if min(cores, len(new)) < 2 or not writable or sum(sizes[path] for path, _ in new) < WORTH_PROCESSES:
        return
    new.sort(key=lambda one: sizes[one[0]], reverse=True)
    with suppress(OSError, subprocess.SubprocessError):
        _share([new[place::cores] for place in range(cores)])


def _size(path: Path) -> int:
    """Bytes of a journal as it is when it is not packed, about; 0 if there is none."""
    stored = stored_path(path)
    return 0 if not stored.exists() else stored.stat().st_size * (1 if stored == path else 5)


def _share(shares: Sequence[Sequence[tuple[Path, str]]]) -> None:
    """Read all but the first share in other processes, the first here, and wait for them."""
    others: list[subprocess.Popen[bytes]] = []
    command = [sys.executable, "-P", "-m", "crysim.harness.scanning"]
    try:
        for share in shares[1:]:
            other = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
            others.append(other)
            assert other.stdin is not None
            with other.stdin:
                other.stdin.write(json.dumps([(str(path.resolve()), beginning) for path, beginning in share]).encode())
        _fill(shares[0])
        for other in others:
            other.wait()
    finally:
        for other in others:
            other.kill()
            other.wait()


def _fill(share: Sequence[tuple[Path, str]]) -> None:
    for path, beginning in share:
        with suppress(CrysimError, OSError):
            stored_trials(path, beginning)


if __name__ == "__main__":
    _fill([(Path(path), beginning) for path, beginning in json.load(sys.stdin)])
