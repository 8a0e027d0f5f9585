"""Relaxations in a process of their own: a crystal that kills it, or hangs in it, costs no more than itself.

For commands that relax what somebody else made, one batch after another, and are no runs of a bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from crysim.crystal import Crystal
from crysim.harness.care import Care, Failure, OwnProcesses, carefully
from crysim.harness.settings import time_limit
from crysim.harness.spec import PartSpec
from crysim.harness.tasks import Here, Task
from crysim.harness.trials import failed_relaxation, relax_each
from crysim.interfaces import EnergyModel, Relaxation, RelaxSettings

Compute: TypeAlias = Callable[[Task], Any]
"""What comes of a task, computed wherever."""


@dataclass(frozen=True)
class Plain:
    """Crystals that are relaxed together, as a task of a worker process; no trial comes of them."""

    crystals: tuple[Crystal, ...]
    settings: RelaxSettings

    def __call__(self, model: EnergyModel) -> list[Relaxation]:
        """Relax them; one at which the model raises has failed."""
        return relax_each(self.crystals, [None] * self.size, model, self.settings)

    @property
    def size(self) -> int:
        """How many crystals."""
        return len(self.crystals)

    def one_by_one(self) -> list[Plain]:
        """One crystal each."""
        return [Plain((crystal,), self.settings) for crystal in self.crystals]

    def join(self, results: Sequence[Sequence[Relaxation]]) -> list[Relaxation]:
        """All relaxations."""
        return list(chain.from_iterable(results))

    def failed(self, reason: str) -> list[Relaxation]:
        """Relaxations that failed."""
        return [failed_relaxation(reason) for _ in self.crystals]


@contextmanager
def here(model: EnergyModel) -> Iterator[Compute]:
    """Computes tasks in this process."""
    place = Here(model)
    yield lambda task: place.submit(task)()


@contextmanager
def apart(
    energy: PartSpec, threads: int, settings: RelaxSettings, task_timeout: float | None = None
) -> Iterator[Compute]:
    """Computes tasks in a process that begins with the first of them, and anew where it died or was killed.

    Args:
        energy: the model, built there.
        threads: of the process.
        settings: of the relaxations, whose own clock says how long to wait where nothing else does.
        task_timeout: seconds that the process may take for one crystal, or None.

    Raises (when a task is computed):
        CrysimError: the model cannot be built there, or broke its interface.
    """
    care = Care(energy, threads, time_limit(task_timeout, settings.timeout))
    engine = OwnProcesses(1)

    def compute(task: Task) -> Any:
        found = engine.submit(carefully, task, care).result()
        if isinstance(found, Failure):
            raise found.to_error()
        return found

    try:
        yield compute
    finally:
        engine.shutdown(cancel_futures=True)
