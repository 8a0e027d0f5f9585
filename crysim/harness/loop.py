"""A run: any strategy within its budgets, taken up where it was if it was killed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from crysim.harness.budgets import Account, Budget
from crysim.harness.driver import Driver
from crysim.harness.initial import initial_frames
from crysim.harness.journal import ENDED, INITIAL, JOURNAL, Journal, ended_by_strategy, read_manifest
from crysim.harness.lines import write_atomically
from crysim.harness.manifest import make_manifest
from crysim.harness.run_folder import LOCK, locked, make_folder, raise_budgets, settle_manifest
from crysim.harness.sittings import Sitting, add_sitting, read_sittings
from crysim.harness.spec import RunSpec
from crysim.harness.tasks import Here, Place
from crysim.interfaces import EnergyModel, Strategy, Trial

SAME = 1e-4
"""eV per atom within which the lowest crystals of a run are taken for one, whose group is the first one's."""


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


OnProgress = Callable[[Progress], None]


def _silent(progress: Progress) -> None:
    pass


def execute(
    spec: RunSpec, folder: Path, model: EnergyModel, *, shared: Path | None = None, on_progress: OnProgress = _silent
) -> Progress:
    """Run a specification to the end of its budget, going on with what its folder holds.

    A larger budget than the one that the folder's run had goes on with it; of a smaller one, nothing more is relaxed.

    The strategy hears of a trial only after the journal holds it, and hears exactly what the journal says; so a run
    that was killed and goes on gives the same trials as one that was not (on a CPU, apart from wall times).

    Args:
        spec: the run.
        folder: its own; made if missing.
        model: the energy model of ``spec.energy``.
        shared: a folder in which runs share the energies of initial crystals.
        on_progress: called after every step.

    Returns:
        How it ended.

    Raises:
        InputError: the folder cannot be written, or holds a run of another configuration, or a damaged one.
        CrysimError: another process writes to the folder, or the strategy gave up.
    """
    limit_threads(spec.threads)
    return drive(spec, folder, Here(model), model.fingerprint(), shared=shared, on_progress=on_progress)


def drive(
    spec: RunSpec,
    folder: Path,
    place: Place,
    fingerprint: Mapping[str, str],
    *,
    shared: Path | None = None,
    on_progress: OnProgress = _silent,
) -> Progress:
    """`execute` with the energies and relaxations computed in a place, whose energy model has a fingerprint."""
    make_folder(folder)
    with locked(folder / LOCK, wait=5.0):
        manifest = make_manifest(spec, fingerprint)
        settle_manifest(folder, manifest)
        with Journal(folder / JOURNAL) as journal:
            account, tally = Account(Budget.of(spec), folder / INITIAL), Tally(spec)
            for batch in journal.batches:
                tally.add(batch.trials)
            if len(journal) <= spec.budget:
                tally.reason = ended_by_strategy(folder, len(journal)) or tally.reason
            if _goes_on(spec, folder, manifest, account, journal):
                sittings = begin_sitting(spec, folder, manifest, len(journal))
                strategy = _begin(spec, folder, place, fingerprint, account, shared, on_progress)
                on_progress(tally.progress("search"))

                def told(trials: Sequence[Trial]) -> None:
                    tally.add(trials)
                    on_progress(tally.progress("search"))

                Driver(spec, folder, strategy, journal, sittings, account, place, told).run()
                if reason := strategy.finished():
                    said = {"trials": len(journal), "reason": reason}
                    write_atomically(folder / ENDED, (json.dumps(said) + "\n").encode())
                    tally.reason = reason
            tally.reason = account.refusal or tally.reason
    done = tally.progress("done")
    on_progress(done)
    return done


def _goes_on(spec: RunSpec, folder: Path, manifest: Mapping[str, Any], account: Account, journal: Journal) -> bool:
    """Whether a run has something left to do; its strategy is not built to see that it has not."""
    if ended_by_strategy(folder, len(journal)):
        return False
    had = read_sittings(folder, read_manifest(folder) or manifest)[-1].limits
    # With smaller budgets than it had nothing more is relaxed, also of what was under way.
    ahead = 1 if Budget.of(spec).allows_less_than(had) else spec.batches_ahead
    return bool(account.left(journal.batches, ahead))


def begin_sitting(spec: RunSpec, folder: Path, manifest: Mapping[str, Any], trials: int) -> list[Sitting]:
    """Write down that a run begins or goes on after so many trials, with its budget; return all of its sittings."""
    before = read_manifest(folder) or manifest
    sittings = add_sitting(folder, before, Sitting.of(spec, trials, manifest["versions"]))
    raise_budgets(folder, manifest)
    return sittings


def _begin(
    spec: RunSpec,
    folder: Path,
    place: Place,
    fingerprint: Mapping[str, str],
    account: Account,
    shared: Path | None,
    on_progress: OnProgress,
) -> Strategy:
    """A strategy that has its initial crystals with their energies."""

    def shown(done: int, total: int, lowest: float | None) -> None:
        on_progress(Progress("initial", done, total, lowest=lowest))

    strategy = spec.build_strategy()
    frames = initial_frames(folder, strategy, place, fingerprint, spec.relax.pressure, shared, shown)
    account.read_initial()
    with account.strategy_works():
        strategy.set_initial(frames)
    return strategy


class Tally:
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
        """Count more of them."""
        trials = trials[: self._budget - self._done]  # of a run that had a larger budget, what the smaller one buys
        self._done += len(trials)
        for trial in trials:
            if trial.counted and trial.energy is not None and trial.crystal is not None:
                self._counting += 1
                energy = self._contents.per_cell(trial.energy, trial.crystal)
                gained = inf if self._lowest is None else self._lowest - energy
                if gained > SAME * self._contents.num_atoms:  # a copy of it shows its noise, and not another group
                    self._space_group = trial.crystal.space_group
                if gained > 0:
                    self._lowest = energy
            else:
                self.reason = trial.reason

    def progress(self, phase: str) -> Progress:
        """How far the run is."""
        return Progress(phase, self._done, self._budget, self._counting, self._lowest, self.reason, self._space_group)


def limit_threads(threads: int) -> None:
    """Use this many threads in torch, now or when it is imported; more cost more than they gain on a busy machine."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
    else:
        os.environ["OMP_NUM_THREADS"] = str(threads)
