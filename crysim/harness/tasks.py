"""What a run lets others compute: energies and relaxations of a few crystals, in whatever process.

A task can be pickled, as can what comes of it, and is called with the energy model. Where a process did not survive
it, its crystals are tried one by one (`crysim.harness.care`), and what comes of them is put together again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.harness.spec import RunSettings
from crysim.harness.trials import failed_trials, relax_candidates
from crysim.interfaces import Candidate, EnergyModel, Trial

Wait = Callable[[], Any]
"""Waits for a task to be done, and returns what came of it.

Raises:
    CrysimError: it failed as a whole.
"""


class Task(Protocol):
    """Work on some crystals that a worker process does."""

    def __call__(self, model: EnergyModel) -> Any:
        """Do it."""

    @property
    def size(self) -> int:
        """How many crystals."""

    def one_by_one(self) -> Sequence[Task]:
        """The same, one crystal each."""

    def join(self, results: Sequence[Any]) -> Any:
        """What would have come of it, from what came of its crystals, one by one."""

    def failed(self, reason: str) -> Any:
        """What comes of it where no process survives it, or none answers."""


class Place(Protocol):
    """Where tasks are computed."""

    @property
    def wanted(self) -> int:
        """Tasks that it computes at a time."""

    def submit(self, task: Task) -> Wait:
        """Have a task computed."""


class Here:
    """This process; a task is computed when it is waited for."""

    wanted = 1

    def __init__(self, model: EnergyModel) -> None:
        self._model = model

    def submit(self, task: Task) -> Wait:
        """Remember a task."""
        return lambda: task(self._model)


def in_order(place: Place, tasks: Sequence[Task], ahead: int) -> Iterator[Any]:
    """What comes of tasks, in their order, ``ahead`` of them under way at a time."""
    waits: list[Wait] = []
    for task in tasks:
        if len(waits) >= ahead:
            yield waits.pop(0)()
        waits.append(place.submit(task))
    for wait in waits:
        yield wait()


@dataclass(frozen=True)
class Evaluated:
    """Energies ``[n]``, eV per cell, NaN where the model failed; and the CPU seconds that they took."""

    energies: Floats
    cpu_seconds: float


@dataclass(frozen=True)
class Energies:
    """Energies of unrelaxed crystals."""

    crystals: tuple[Crystal, ...]

    def __call__(self, model: EnergyModel) -> Evaluated:
        """Compute them."""
        began = time.process_time()
        energies = model.energies(list(self.crystals))
        return Evaluated(energies, time.process_time() - began)

    @property
    def size(self) -> int:
        """How many crystals."""
        return len(self.crystals)

    def one_by_one(self) -> list[Energies]:
        """One crystal each."""
        return [Energies((crystal,)) for crystal in self.crystals]

    def join(self, results: Sequence[Evaluated]) -> Evaluated:
        """All energies."""
        return Evaluated(np.concatenate([one.energies for one in results]), sum(one.cpu_seconds for one in results))

    def failed(self, reason: str) -> Evaluated:
        """No energy is known."""
        return Evaluated(np.full(self.size, np.nan), 0.0)


@dataclass(frozen=True)
class Relaxations:
    """Trials of candidates that are relaxed together.

    Attributes:
        candidates: what of them the relaxation depends on, drafts as such; the rest does not travel.
        first: number of the first trial.
        settings, contents: see `crysim.harness.trials.relax_candidates`.
    """

    candidates: tuple[Candidate, ...]
    first: int
    settings: RunSettings
    contents: Contents

    @classmethod
    def of(cls, candidates: Sequence[Candidate], first: int, settings: RunSettings, contents: Contents) -> Relaxations:
        """The task of candidates; `crysim.harness.driver` puts back what does not travel."""
        bare = tuple(Candidate(one.crystal, stop=one.stop, draft=one.draft, blend=one.blend) for one in candidates)
        return cls(bare, first, RunSettings(**settings.shared()), contents)

    def __call__(self, model: EnergyModel) -> list[Trial]:
        """Draw what is to be drawn, relax and classify."""
        return relax_candidates(self.candidates, model, self.settings, self.first, self.contents)

    @property
    def size(self) -> int:
        """How many crystals."""
        return len(self.candidates)

    def one_by_one(self) -> list[Relaxations]:
        """One crystal each."""
        return [
            Relaxations((one,), self.first + i, self.settings, self.contents) for i, one in enumerate(self.candidates)
        ]

    def join(self, results: Sequence[Sequence[Trial]]) -> list[Trial]:
        """All trials."""
        return list(chain.from_iterable(results))

    def failed(self, reason: str) -> list[Trial]:
        """Trials that failed."""
        return failed_trials(self.candidates, self.first, reason)
