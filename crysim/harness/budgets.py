"""What a run has spent, and what it may spend: relaxations, evaluations of the energy model, and CPU seconds.

All of it is read from what the run's folder says, so a run that was killed and goes on ends where the same journal
would have ended it. CPU seconds are those of the process that did the work, shared evenly over a batch: the strategy's
(its initial crystals, what it makes of their energies, `ask` and `tell`) and the relaxations'. A batch that crosses a
limit is finished. What neither the run nor this machine computes, such as the answer of a solver elsewhere, costs none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from crysim.harness.lines import read_lines
from crysim.harness.spec import RunSettings
from crysim.interfaces import Candidate, Trial


@dataclass(frozen=True)
class Spent:
    """What was spent: relaxations begun, evaluations of the energy model, CPU seconds."""

    relaxations: int = 0
    evaluations: int = 0
    cpu_seconds: float = 0.0

    def plus(self, trials: Iterable[Trial]) -> Spent:
        """With trials, in their order; of those of old journals wall seconds stand for CPU seconds."""
        relaxations, evaluations, seconds = self.relaxations, self.evaluations, self.cpu_seconds
        for trial in trials:
            relaxations += 1
            evaluations += trial.evaluations
            seconds += trial.cpu_seconds
        return Spent(relaxations, evaluations, seconds)


def spent_on_initial(path: Path) -> Spent:
    """What the initial crystals of a run cost, by the file that holds them; nothing if there is none.

    A run that took the energies from another's is charged for them all the same. Files of earlier versions do not say
    how long they took.
    """
    if not path.exists():
        return Spent()
    records, _ = read_lines(path)
    return Spent(0, len(records[1:]), sum(record.get("cpu", 0.0) for record in records))


@dataclass(frozen=True)
class Budget:
    """What a run may spend; it ends at whichever limit comes first.

    Attributes:
        relaxations: at most.
        evaluations: of the energy model, those of initial crystals among them; None: any number.
        cpu_seconds: None: any number.
    """

    relaxations: int
    evaluations: int | None = None
    cpu_seconds: float | None = None

    @classmethod
    def of(cls, settings: RunSettings) -> Budget:
        """That of a run's settings."""
        return cls(settings.budget, settings.budget_evaluations, settings.budget_seconds)

    def left(self, spent: Spent) -> int:
        """Relaxations that may still begin."""
        over = spent.evaluations >= (inf if self.evaluations is None else self.evaluations)
        over = over or spent.cpu_seconds >= (inf if self.cpu_seconds is None else self.cpu_seconds)
        return 0 if over else max(0, self.relaxations - spent.relaxations)


class Account:
    """What a run that goes on has spent and may still spend, and what its strategy works before that is journalled."""

    def __init__(self, budget: Budget, initial: Path) -> None:
        """Begin with the initial crystals as far as their file, ``initial``, has them."""
        self._budget = budget
        self._file = initial
        self._initial = spent_on_initial(initial)
        self._trials = Spent()
        self._owed = 0.0

    def read_initial(self) -> None:
        """The initial crystals' file is complete now."""
        self._initial = spent_on_initial(self._file)

    def add(self, trials: Sequence[Trial]) -> None:
        """The journal holds these trials too."""
        self._trials = self._trials.plus(trials)

    @property
    def spent(self) -> Spent:
        """In all."""
        first, then = self._initial, self._trials
        return Spent(then.relaxations, first.evaluations + then.evaluations, first.cpu_seconds + then.cpu_seconds)

    @property
    def left(self) -> int:
        """Relaxations that may still begin."""
        return self._budget.left(self.spent)

    @property
    def refusal(self) -> str:
        """Why not even one relaxation began, where the initial crystals took all; else empty."""
        spent = self.spent
        if spent.relaxations or self.left:
            return ""
        return (
            f"the initial crystals took the whole budget ({spent.evaluations} evaluations, {spent.cpu_seconds:.1f} CPU "
            "seconds): raise it, or lower the strategy's option num_initial"
        )

    @contextmanager
    def strategy_works(self, *, charged: bool = True) -> Iterator[None]:
        """The strategy works within; not ``charged``: an earlier sitting was charged for it."""
        began = time.process_time()
        yield
        self._owed += (time.process_time() - began) * charged

    def charge(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates of a batch, each with an even share of the strategy's CPU seconds since the last one."""
        share = self._owed / max(1, len(candidates))
        self._owed = 0.0
        return [replace(candidate, cpu_seconds=share) for candidate in candidates]
