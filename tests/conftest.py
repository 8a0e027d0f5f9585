"""What all tests share: properties without a clock, since a busy machine is slow and not wrong; processes at once."""

import gc
import signal
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fillings import fillings_made_once
from tests.prepared import as_installed, prepared

__all__ = ["fillings_made_once"]

settings.register_profile("crysim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("crysim")

# A suite in the background (nohup, a job of a script) ignores interrupts, and what it starts would inherit that: a
# command that a test interrupts would go on for ever.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was loaded stays: no collection of garbage looks through it again (the tests run pytest in pytest too)."""
    if not gc.get_freeze_count():
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _prepared_processes() -> Iterator[None]:
    with prepared():
        yield


@pytest.fixture(autouse=True)
def _new_interpreters(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("new_interpreters") is None:
        yield
        return
    with as_installed():
        yield
