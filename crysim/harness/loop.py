"""The loop that drives any strategy within its budgets, and takes up a killed run where it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crysim.harness.budgets import Account, Budget
from crysim.harness.initial import initial_frames
from crysim.harness.journal import INITIAL, JOURNAL, Journal
from crysim.harness.manifest import make_manifest
from crysim.harness.run_folder import load_state, locked, make_folder, save_state, settle_manifest
from crysim.harness.spec import RunSpec
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, Strategy, Trial

LOCK = "lock"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        phase: ``initial`` while the initial crystals' energies are computed, ``search``, or ``done``.
        done, total: energies or relaxations.
        counting: trials that count so far.
        lowest: eV per cell, the lowest energy of a trial that counts, or of an initial crystal in that phase; or None.
        reason: why the last trial that does not count does not.
        space_group: of the crystal with the lowest energy.
    """

    phase: str
    done: int
    total: int
    counting: int = 0
    lowest: float | None = None
    reason: str = ""
    space_group: int | None = None


Report = Callable[[Progress], None]


def _silent(progress: Progress) -> None:
    pass


def execute(
    spec: RunSpec, folder: Path, model: EnergyModel, *, pool: Path | None = None, report: Report = _silent
) -> Progress:
    """Run a specification to the end of its budget, going on with what its folder holds.

    The strategy hears of a trial only after the journal holds it, and hears exactly what the journal says; so a run
    that was killed and goes on gives the same trials as one that was not (on a CPU, apart from wall times).

    Args:
        spec: the run.
        folder: its own; made if missing.
        model: the energy model of ``spec.energy``.
        pool: a folder in which runs share the energies of initial crystals.
        report: called after every step.

    Returns:
        How it ended.

    Raises:
        InputError: the folder cannot be written, or holds a run of another configuration, or a damaged one.
        CrysimError: another process writes to the folder, or the strategy gave up.
    """
    limit_threads(spec.threads)
    make_folder(folder)
    with locked(folder / LOCK, wait=5.0):
        settle_manifest(folder, make_manifest(spec, model.fingerprint()))
        with Journal(folder / JOURNAL) as journal:
            account, tally = Account(Budget.of(spec), folder / INITIAL), _Tally(spec)
            for batch in journal.batches:
                account.add(batch.trials)
                tally.add(batch.trials)
            if account.left:
                strategy = _resume(spec, folder, model, journal, account, pool, report)
                report(tally.progress("search"))
                _search(spec, folder, model, journal, strategy, account, tally, report)
            tally.reason = account.refusal or tally.reason
    done = tally.progress("done")
    report(done)
    return done


def _resume(
    spec: RunSpec,
    folder: Path,
    model: EnergyModel,
    journal: Journal,
    account: Account,
    pool: Path | None,
    report: Report,
) -> Strategy:
    """A strategy that has heard of everything in the journal."""

    def shown(done: int, total: int, lowest: float | None) -> None:
        report(Progress("initial", done, total, lowest=lowest))

    strategy = spec.build_strategy()
    frames = initial_frames(folder, strategy, model, spec.relax.pressure, pool, shown)
    account.read_initial()
    with account.strategy_works(charged=not len(journal)):
        strategy.set_initial(frames)
    state, settled = load_state(folder)
    if settled > len(journal):  # the journal lost lines that had been durable (a damaged disk, a hand)
        state, settled = None, 0
    told = 0
    for batch in journal.batches:
        if told < len(spec.seed_structures):
            strategy.tell_seeds(batch.trials)
            told += len(batch.trials)
            continue
        if state is not None and told == settled:
            strategy.load_state(state)
        if batch.stateful and told >= settled:
            # The process died between the journal and the state: asking again brings the state to where it was.
            strategy.ask(min(spec.batch, spec.budget - told))
        strategy.tell(batch.trials)
        told += len(batch.trials)
    if state is not None and told == settled:
        strategy.load_state(state)
    return strategy


def _search(
    spec: RunSpec,
    folder: Path,
    model: EnergyModel,
    journal: Journal,
    strategy: Strategy,
    account: Account,
    tally: _Tally,
    report: Report,
) -> None:
    seeds = spec.seed_structures[: spec.budget]
    while (first := len(journal)) < len(seeds) and account.left:
        candidates = [
            Candidate(crystal, info={"seed_structure": number})
            for number, crystal in enumerate(seeds[first : first + spec.batch], start=first)
        ]
        told = journal.append(_relax(candidates, model, spec, first), stateful=False)
        with account.strategy_works():
            strategy.tell_seeds(told)
        account.add(told)
        tally.add(told)
        report(tally.progress("search"))
    while (left := account.left) > 0:
        with account.strategy_works():
            candidates = strategy.ask(min(spec.batch, left))
        trials = _relax(account.charge(candidates), model, spec, len(journal))
        told = journal.append(trials, stateful=strategy.state() is not None)
        with account.strategy_works():
            strategy.tell(told)
        save_state(folder, strategy.state(), len(journal))
        account.add(told)
        tally.add(told)
        report(tally.progress("search"))


def _relax(candidates: Sequence[Candidate], model: EnergyModel, spec: RunSpec, first: int) -> list[Trial]:
    return relax_candidates(candidates, model, spec, first, spec.system)


class _Tally:
    """What the trials so far come to."""

    def __init__(self, spec: RunSpec) -> None:
        self._budget = spec.budget
        self._contents = spec.system
        self._done = 0
        self._counting = 0
        self._lowest: float | None = None
        self.reason = ""
        self._space_group: int | None = None

    def add(self, trials: Sequence[Trial]) -> None:
        self._done += len(trials)
        for trial in trials:
            if trial.counts and trial.energy is not None and trial.crystal is not None:
                self._counting += 1
                energy = self._contents.per_cell(trial.energy, trial.crystal)
                if self._lowest is None or energy < self._lowest:
                    self._lowest, self._space_group = energy, trial.crystal.space_group
            else:
                self.reason = trial.reason

    def progress(self, phase: str) -> Progress:
        return Progress(phase, self._done, self._budget, self._counting, self._lowest, self.reason, self._space_group)


def limit_threads(threads: int) -> None:
    """Use this many threads in torch, now or when it is imported; more cost more than they gain on a busy machine."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
    else:
        os.environ["OMP_NUM_THREADS"] = str(threads)
