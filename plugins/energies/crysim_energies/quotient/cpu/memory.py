"""Keeps the memory of one evaluation for the next."""

from __future__ import annotations

import numpy as np

LARGEST = 31 << 20
"""Bytes, below the 32 MB up to which glibc learns."""


def keep_memory() -> None:
    """Have the C library keep what is freed, up to some 60 MB: to hand it back and fault it in anew cost a fifth.

    glibc's limits grow with the largest block that was ever freed (mallopt(3), M_MMAP_THRESHOLD): so one is freed, that
    was never touched. Elsewhere this does nothing.
    """
    np.empty(LARGEST, dtype=np.uint8)
