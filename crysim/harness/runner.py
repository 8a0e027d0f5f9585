"""A run in a process of its own: strategy and journal are there, energies and relaxations wherever its parent has them.

The parent sends a `Begin`; the process answers with an `Ended`, and before that sends progress, tasks, and that it
waits for what came of one, which is all that the parent sends. While it does not wait it is at work itself, in the
strategy and its solver for the most part, and the parent bounds how long that may take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crysim.crystal import MinDistances
from crysim.crystal.bonding import is_bound
from crysim.crystal.crystal import one_atom
from crysim.crystal.distinct import invariant
from crysim.harness.care import Failure
from crysim.harness.loop import Progress, drive, limit_threads
from crysim.harness.processes import Channel
from crysim.harness.spec import RunSpec
from crysim.harness.tasks import Task
from crysim.process_state import garbage_kept


@dataclass(frozen=True)
class Job:
    """A run and the folder that it is written to."""

    spec: RunSpec
    folder: Path


@dataclass(frozen=True)
class Begin:
    """To the process: a run to drive.

    Attributes:
        job: the run.
        fingerprint: of the energy model.
        shared: a folder in which runs share the energies of initial crystals, or None.
        wanted: tasks that are computed at a time.
    """

    job: Job
    fingerprint: Mapping[str, str]
    shared: Path | None
    wanted: int


@dataclass(frozen=True)
class WarmUp:
    """To the process: compile what crystals are made, kept apart and compared with, before others compile the same.

    Attributes:
        comparing: whether this process is to compile the last of that too, and not another one meanwhile.
    """

    comparing: bool = True


@dataclass(frozen=True)
class Submitted:
    """From the process: a task to be computed."""

    number: int
    task: Task


@dataclass(frozen=True)
class Waiting:
    """From the process: it waits for what came of a task, or for the `crysim.harness.care.Failure` of it."""

    number: int


@dataclass(frozen=True)
class Ended:
    """From the process: the run, or the warming up, has ended; with its last progress, or with why it failed."""

    progress: Progress | None = None
    failure: Failure | None = None


def serve_runs(message: Begin | WarmUp, channel: Channel) -> Ended:
    """In the process: drive a run."""
    try:
        if isinstance(message, WarmUp):
            _warm_up(message)
            return Ended()
        spec = message.job.spec
        limit_threads(spec.threads)
        place = _Elsewhere(channel, message.wanted)
        return Ended(
            drive(spec, message.job.folder, place, message.fingerprint, shared=message.shared, on_progress=channel.send)
        )
    except (EOFError, BrokenPipeError):  # the parent is gone
        raise
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises ends its run, not the others
        return Ended(failure=Failure.of(error))


class _Elsewhere:
    """The place where the parent has tasks computed."""

    def __init__(self, channel: Channel, wanted: int) -> None:
        self.wanted = wanted
        self._channel = channel
        self._submitted = 0

    def submit(self, task: Task) -> Callable[[], Any]:
        """Send a task to the parent."""
        number = self._submitted
        self._submitted += 1
        self._channel.send(Submitted(number, task))
        return lambda: self._wait(number)

    def _wait(self, number: int) -> Any:
        self._channel.send(Waiting(number))
        result = self._channel.recv()
        if isinstance(result, Failure):
            raise result.to_error()
        return result


def _warm_up(wanted: WarmUp) -> None:
    crystal = one_atom()
    with garbage_kept():
        MinDistances(crystal.composition, 1.0).satisfied_by(crystal)
        crystal.min_distance()
        if wanted.comparing:
            compile_comparisons()


def compile_comparisons() -> None:
    """Compile what the crystals that come back are looked at with."""
    crystal = one_atom()
    invariant(crystal)
    is_bound(crystal)
