"""Relaxations in a process of their own: a crystal that kills it, or hangs in it, costs no more than itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from crysim.crystal import Crystal
from crysim.harness.care import Care, Failure, OwnProcesses, carefully
from crysim.harness.settings import time_limit
from crysim.harness.spec import PartSpec
from crysim.harness.trials import failed_relaxation, relax_each
from crysim.interfaces import EnergyModel, Relaxation, RelaxSettings

Compute: TypeAlias = Callable[[Sequence[Crystal]], list[Relaxation]]
"""Relaxes some crystals, wherever."""


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
def here(model: EnergyModel, settings: RelaxSettings) -> Iterator[Compute]:
    """Relaxes crystals in this process."""
    yield lambda crystals: model.relax(crystals, settings)


@contextmanager
def apart(energy: PartSpec, threads: int, settings: RelaxSettings) -> Iterator[Compute]:
    """Relaxes crystals in a process that begins with the first of them, and anew where it died or was killed.

    Raises (when it is called):
        CrysimError: the model cannot be built there, or broke its interface.
    """
    care = Care(energy, threads, time_limit(None, settings.timeout))
    engine = OwnProcesses(1)

    def compute(crystals: Sequence[Crystal]) -> list[Relaxation]:
        found = engine.submit(carefully, Plain(tuple(crystals), settings), care).result()
        if isinstance(found, Failure):
            raise found.to_error()
        relaxations: list[Relaxation] = found
        return relaxations

    try:
        yield compute
    finally:
        engine.shutdown(cancel_futures=True)
