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
    """Fails if numpy's or Python's global generator is drawn from or seeded meanwhile."""
    before = np.random.get_state()[1:3], random.getstate()  # type: ignore[index]  # noqa: NPY002
    yield
    after = np.random.get_state()[1:3], random.getstate()  # type: ignore[index]  # noqa: NPY002
    assert after[0][1] == before[0][1], "numpy's global generator was drawn from"
    assert np.array_equal(after[0][0], before[0][0]), "numpy's global generator was seeded or drawn from"
    assert after[1] == before[1], "Python's global generator was seeded or drawn from"


@contextmanager
def another_day() -> Iterator[None]:
    """The clock of the day is 33 h on, and numpy's and Python's global generators stand elsewhere, meanwhile."""
    clock = time.time
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(99)  # noqa: NPY002
    random.seed(99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + 33 * 3600)
        patch.setattr(time, "time_ns", lambda: int((clock() + 33 * 3600) * 1e9))
        try:
            yield
        finally:
            np.random.set_state(states[0])  # noqa: NPY002
            random.setstate(states[1])
