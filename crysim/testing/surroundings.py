"""What no plug-in may touch, and what its answers may not depend on."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest


@contextmanager
def global_generators_untouched() -> Iterator[None]:
    """Fails if numpy's or Python's global generator is drawn from or seeded meanwhile; they stand as before after."""
    with _generators_at(12345):
        before = _numpy_state(), random.getstate()
        yield
        after = _numpy_state(), random.getstate()
    assert after[0] == before[0], "numpy's global generator was drawn from or seeded"
    assert after[1] == before[1], "Python's global generator was drawn from or seeded"


@contextmanager
def another_day() -> Iterator[None]:
    """The clock of the day is 33 h on, and numpy's and Python's global generators stand elsewhere, meanwhile."""
    clock = time.time
    with _generators_at(99), pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + 33 * 3600)
        patch.setattr(time, "time_ns", lambda: int((clock() + 33 * 3600) * 1e9))
        yield


@contextmanager
def _generators_at(seed: int) -> Iterator[None]:
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])


def _numpy_state() -> tuple[bytes, int]:
    state = np.random.get_state()  # noqa: NPY002
    return state[1].tobytes(), int(state[2])  # type: ignore[index]
