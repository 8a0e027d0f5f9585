"""How much memory there is, so that a solver can refuse a model before it starts."""

from __future__ import annotations

import os
from pathlib import Path

from crysim.errors import InputError

GIB = 2.0**30


def available_memory() -> float:
    """Bytes that this process may still take: of the machine, or of its container if that has less."""
    free = float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else float("inf")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = 1024.0 * float(line.split()[1])
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and (text := limit.read_text().strip()).isdigit():
        free = min(free, float(text) - float(used.read_text()))
    return free


def check_limit(memory_limit: float | None) -> None:
    """Raise InputError unless the option ``memory_limit`` (GiB) is None or positive."""
    if memory_limit is not None and memory_limit <= 0:
        raise InputError(f"memory_limit is {memory_limit}: it must be a number of GiB above 0")


def refuses_memory(solver: str, num_bits: int, needed: float, memory_limit: float | None) -> str | None:
    """Why a model of ``num_bits`` bits that needs so many bytes cannot be taken, in one line; None if it can.

    Args:
        memory_limit: GiB that may be used; None: 80 % of what is available.
    """
    allowed = 0.8 * available_memory() if memory_limit is None else memory_limit * GIB
    if needed <= allowed:
        return None
    return (
        f"solver '{solver}' would need about {needed / GIB:.1f} GiB for the couplings of {num_bits:,} bits, and "
        f"{allowed / GIB:.1f} GiB may be used (memory_limit): take 'annealer' or 'convex', which never hold them"
    )
