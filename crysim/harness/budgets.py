"""What a run has spent, and what it may spend: relaxations, evaluations of the energy model, and CPU seconds.

All of it is read from what the run's folder says, so a run that was killed and goes on ends where the same journal
would have ended it. CPU seconds are those of the process that did the work, shared evenly over a batch: the strategy's
(its initial crystals, what it makes of their energies, `ask` and `tell`) and the relaxations'. A batch that crosses a
limit is finished. What neither the run nor this machine computes, such as the answer of a solver elsewhere, costs none.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.harness.blocks import is_stored
from crysim.harness.columns import columns_of
from crysim.harness.lines import read_lines
from crysim.harness.spec import RunSettings
from crysim.interfaces import Candidate, Trial

if TYPE_CHECKING:
    from crysim.harness.journal import Batch


@dataclass(frozen=True)
class Spent:
    """What was spent: relaxations begun, evaluations of the energy model, CPU seconds."""

    relaxations: int = 0
    evaluations: int = 0
    cpu_seconds: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.relaxations + other.relaxations,
            self.evaluations + other.evaluations,
            self.cpu_seconds + other.cpu_seconds,
        )

    def plus(self, trials: Sequence[Trial]) -> Spent:
        """With trials, in their order; of those of old journals wall seconds stand for CPU seconds."""
        rows = columns_of(trials).rows
        return self + Spent(len(rows), int(rows["evaluations"].sum()), float(rows["cpu_seconds"].sum()))


def spent_on_initial(path: Path) -> Spent:
    """What the initial crystals of a run cost, by the file that holds them; nothing if there is none.

    A run that took the energies from another's is charged for them all the same. Files of earlier versions do not say
    how long they took.
    """
    if not is_stored(path):
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

    def allows_less_than(self, other: Budget) -> bool:
        """Whether any of it is smaller than the other's."""
        mine, others = (
            (one.relaxations, *(inf if x is None else x for x in (one.evaluations, one.cpu_seconds)))
            for one in (self, other)
        )
        return any(one < another for one, another in zip(mine, others, strict=True))

    def left(self, spent: Spent) -> int:
        """Relaxations that may still begin."""
        return 0 if self.is_over(spent) else max(0, self.relaxations - spent.relaxations)

    def is_over(self, spent: Spent) -> bool:
        """Whether evaluations or CPU seconds are spent."""
        if self.evaluations is not None and spent.evaluations >= self.evaluations:
            return True
        return self.cpu_seconds is not None and spent.cpu_seconds >= self.cpu_seconds


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
        return self._initial + self._trials

    def left(self, batches: Sequence[Batch], ahead: int = 1) -> int:
        """Relaxations that may still begin, or were under way, after the batches of a journal, none of which is added.

        A batch that was asked for before a budget was reached belongs to the run: with ``ahead`` under way at a time
        the budget may have been reached with the last but ``ahead - 1`` of those told.
        """
        trials, decided = self._trials, max(0, len(batches) - (ahead - 1))
        for batch in batches[:decided]:
            trials = trials.plus(batch.trials)
        relaxations = trials.relaxations + sum(len(batch.trials) for batch in batches[decided:])
        return self._budget.left(replace(self._initial + trials, relaxations=relaxations))

    @property
    def refusal(self) -> str:
        """Why not even one relaxation began, where the initial crystals took all; else empty."""
        spent = self.spent
        if spent.relaxations or self._budget.left(spent):
            return ""
        return (
            f"the initial crystals took the whole budget ({spent.evaluations} evaluations, {spent.cpu_seconds:.1f} CPU "
            "seconds): raise it, or lower the strategy's option num_initial"
        )

    @contextmanager
    def strategy_works(self) -> Iterator[None]:
        """The strategy works within."""
        began = time.process_time()
        yield
        self._owed += time.process_time() - began

    def forget(self) -> None:
        """What the strategy has worked so far, an earlier sitting was charged for."""
        self._owed = 0.0

    def charge(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates of a batch, each with an even share of the strategy's CPU seconds since the last one."""
        share = self._owed / max(1, len(candidates))
        self._owed = 0.0
        return [replace(candidate, cpu_seconds=share) for candidate in candidates]
