"""What a process has only once, and what a library changes of it: lent to one thread at a time, and put back.

numpy's global generator, the filters of warnings, standard output and the places where modules are looked for belong to
the whole process. Two threads that each keep, change and restore one of them would leave each other's changes behind,
and a process that begins meanwhile would inherit them.
"""

from __future__ import annotations

import contextlib
import gc
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

PROCESS_STATE = threading.RLock()
"""Held by whoever has changed what the process has only once, until it is put back."""


@contextmanager
def global_generator_kept() -> Iterator[None]:
    """Around a library that draws from numpy's global generator: it finds one state always, and leaves no trace."""
    import numpy as np

    with PROCESS_STATE:
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


@contextmanager
def warnings_ignored(category: type[Warning] = Warning, message: str = "") -> Iterator[None]:
    """Around a library that warns of what nobody asked for.

    Args:
        category: of the warnings that are ignored.
        message: a regular expression that their text begins with.
    """
    with PROCESS_STATE, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message, category)
        yield


@contextmanager
def output_discarded() -> Iterator[None]:
    """Around a library that prints on standard output while it loads."""
    with PROCESS_STATE, contextlib.redirect_stdout(io.StringIO()):
        yield


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Around what makes many objects that stay, as imports and compiling: looking for garbage among them takes a tenth
    of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
