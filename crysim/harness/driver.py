"""The one that holds a run's strategy and journal: asks, has tasks computed, journals, tells.

With ``ahead`` batches under way the calls are ask 1 ... ask k, tell 1, ask k+1, tell 2, ...: batches are journalled and
told in the order asked, whichever comes back first. What is asked so depends on ``ahead``, and on nothing else that a
machine decides. A run that goes on makes the very calls of the one before, with `Strategy.asked` in place of ``ask``
for what the journal holds; what was under way when it was killed is asked for again, and comes out the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crysim.errors import PluginFaultError
from crysim.harness.budgets import Account
from crysim.harness.drawing import Drawings, Drawn, joined
from crysim.harness.journal import Batch, Journal
from crysim.harness.run_folder import load_state, save_state
from crysim.harness.sittings import Sitting, limits_at
from crysim.harness.spec import RunSpec
from crysim.harness.tasks import Place, Relaxations, Wait
from crysim.interfaces import Candidate, Strategy, Trial

Told = Callable[[Sequence[Trial]], None]


@dataclass(frozen=True)
class _UnderWay:
    """A batch that was asked for and not told yet: one that the journal holds, or one that is being relaxed."""

    candidates: Sequence[Candidate]
    asked: int | None = None
    journalled: Batch | None = None
    wait: Wait | None = None


class Driver:
    """Drives a strategy that has its initial crystals to the end of a run.

    Args:
        spec: the run.
        folder: its own, locked.
        strategy: has been given its initial crystals.
        journal: of the folder.
        sittings: of the run, this one among them.
        account: what the run has spent, nothing of it by trials yet.
        place: where relaxations are computed.
        told: called with every batch of new trials, once the strategy has heard of them.
    """

    def __init__(
        self,
        spec: RunSpec,
        folder: Path,
        strategy: Strategy,
        journal: Journal,
        sittings: Sequence[Sitting],
        account: Account,
        place: Place,
        told: Told,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._strategy = strategy
        self._journal = journal
        self._sittings = sittings
        self._account = account
        self._place = place
        self._report = told
        self._replay = deque(journal.batches)
        self._seeds = spec.seed_structures[: spec.budget]
        self._asked = 0
        self._told = 0
        self._state, self._settled = self._load_state()

    def _load_state(self) -> tuple[Mapping[str, np.ndarray[Any, Any]] | None, int]:
        state, settled = load_state(self._folder)
        # The journal may have lost lines that had been durable (a damaged disk, a hand).
        return (None, 0) if settled > len(self._journal) else (state, settled)

    def run(self) -> None:
        """Seed structures first, and when all of them are told, what the strategy asks for."""
        self._go(self._next_seeds, self._strategy.tell_seeds)
        self._go(self._next_batch, self._strategy.tell)
        self._take_up_state()

    def _go(self, begin: Callable[[], _UnderWay | None], tell: Told) -> None:
        under_way: deque[_UnderWay] = deque()
        while True:
            while len(under_way) < self._spec.batches_ahead and (batch := begin()) is not None:
                self._asked += len(batch.candidates)
                under_way.append(batch)
            if not under_way:
                return
            self._settle(under_way.popleft(), tell)

    # ------------------------------------------------------------------------------ what is asked for

    def _room(self) -> int:
        """Candidates that may still be asked for; 0 ends the run, once what is under way is told.

        Only what was asked and told may decide it, and not what the journal holds beyond: so a run that goes on stops
        asking where the undisturbed one does. One whose budgets were raised told all of the smaller ones before it
        asked on, and does so again.
        """
        limits = limits_at(self._sittings, self._told)
        return 0 if limits.is_over(self._account.spent) else limits.relaxations - self._asked

    def _next_seeds(self) -> _UnderWay | None:
        if self._asked >= len(self._seeds) or self._room() <= 0:
            return None
        if self._replay:
            return self._from_journal()
        seeds = self._seeds[self._asked : self._asked + self._spec.batch]
        return self._relax(
            [Candidate(crystal, info={"seed_structure": self._asked + i}) for i, crystal in enumerate(seeds)]
        )

    def _next_batch(self) -> _UnderWay | None:
        room = self._room()
        if room <= 0 or self._strategy.finished():
            return None
        self._take_up_state()
        if not self._replay:
            asked = min(self._spec.batch, room)
            with self._account.strategy_works():
                candidates = self._strategy.ask(asked)
            return self._relax(self._account.charge(candidates), asked)
        batch = self._from_journal()
        assert batch.journalled is not None
        if batch.journalled.stateful and self._asked >= self._settled:
            # The process died between the journal and the state: this brings the state to where it was.
            asked = batch.journalled.asked or min(self._spec.batch, room)
            self._strategy.ask_again(asked, batch.journalled.trials)
        else:
            self._strategy.asked(batch.candidates)
        return batch

    def _take_up_state(self) -> None:
        """Load the state that was saved, where it belongs: strategies that have one are never asked ahead."""
        if self._state is not None and self._told == self._settled:
            self._strategy.load_state(self._state)
            self._state = None

    def _from_journal(self) -> _UnderWay:
        batch = self._replay.popleft()
        return _UnderWay([trial.candidate for trial in batch.trials], journalled=batch)

    def _relax(self, candidates: Sequence[Candidate], asked: int | None = None) -> _UnderWay:
        task = Relaxations.of(candidates, self._asked, self._spec, self._spec.system)
        return _UnderWay(candidates, asked, wait=self._place.submit(task))

    # ------------------------------------------------------------------------------ what came of it

    def _settle(self, batch: _UnderWay, tell: Told) -> None:
        """Journal a batch, and tell the strategy what the journal says."""
        if batch.journalled is not None:
            self._account.add(batch.journalled.trials)
            tell(batch.journalled.trials)
            self._account.forget()
            self._told += len(batch.journalled.trials)
            return
        assert batch.wait is not None
        trials = [
            replace(trial, candidate=joined(asked, trial.candidate))
            for trial, asked in zip(self._with_starts(batch.wait()), batch.candidates, strict=True)
        ]
        seeds = self._told < len(self._seeds)
        told = self._journal.append(trials, stateful=not seeds and self._state_now() is not None, asked=batch.asked)
        self._account.add(told)
        with self._account.strategy_works():
            tell(told)
        self._told += len(told)
        if not seeds:
            save_state(self._folder, self._state_now(), self._told)
        self._report(told)

    def _with_starts(self, trials: Sequence[Trial]) -> list[Trial]:
        """The trials; where no process survived a batch, what its drafts stand for is drawn, and said."""
        lost = tuple(trial.candidate for trial in trials if trial.candidate.draft is not None)
        if not lost:
            return list(trials)
        drawn = iter(self._place.submit(Drawings(lost, self._spec.strategy.name))())
        return [trial if trial.candidate.draft is None else _of_drawn(trial, next(drawn)) for trial in trials]

    def _state_now(self) -> dict[str, np.ndarray[Any, Any]] | None:
        state = self._strategy.state()
        if state is not None and self._spec.batches_ahead > 1:
            raise PluginFaultError(
                f"strategy '{self._spec.strategy.name}' broke its interface: it has a state, and says that it may be "
                f"asked {self._strategy.max_ahead} times before it is told"
            )
        return state


def _of_drawn(trial: Trial, drawn: Drawn) -> Trial:
    """A trial that failed with its draft, now that this was drawn, or cannot be."""
    reason = drawn.fault or trial.reason
    relaxation = replace(trial.relaxation, reason=reason)
    return replace(trial, candidate=drawn.candidate, relaxation=relaxation, reason=reason)
