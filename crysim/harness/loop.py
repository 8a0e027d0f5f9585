"""The loop that drives any strategy within a budget of relaxations, and takes up a killed run where it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crysim.harness.initial import initial_frames
from crysim.harness.journal import JOURNAL, Journal, read_manifest
from crysim.harness.manifest import make_manifest
from crysim.harness.run_folder import (
    LOCK,
    load_state,
    locked,
    make_folder,
    raise_budgets,
    save_state,
    settle_manifest,
)
from crysim.harness.sittings import Sitting, add_sitting, budget_at
from crysim.harness.spec import RunSpec
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, Strategy, Trial


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

    A larger budget than the one that the folder's run had goes on with it; of a smaller one, nothing more is relaxed.

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
        manifest = make_manifest(spec, model.fingerprint())
        settle_manifest(folder, manifest)
        with Journal(folder / JOURNAL) as journal:
            tally = _Tally(spec)
            for batch in journal.batches:
                tally.add(batch.trials)
            if len(journal) < spec.budget:
                sittings = begin_sitting(spec, folder, manifest, len(journal))
                strategy = _resume(spec, folder, model, journal, sittings, pool, report)
                report(tally.progress("search"))
                _search(spec, folder, model, journal, strategy, tally, report)
    done = tally.progress("done")
    report(done)
    return done


def begin_sitting(spec: RunSpec, folder: Path, manifest: Mapping[str, Any], trials: int) -> list[Sitting]:
    """Write down that a run begins or goes on after so many trials, with its budget; return all of its sittings."""
    before = read_manifest(folder) or manifest
    sittings = add_sitting(folder, before, Sitting(trials, spec.budget, manifest["versions"]))
    raise_budgets(folder, manifest)
    return sittings


def _resume(
    spec: RunSpec,
    folder: Path,
    model: EnergyModel,
    journal: Journal,
    sittings: Sequence[Sitting],
    pool: Path | None,
    report: Report,
) -> Strategy:
    """A strategy that has heard of everything in the journal."""

    def shown(done: int, total: int, lowest: float | None) -> None:
        report(Progress("initial", done, total, lowest=lowest))

    strategy = spec.build_strategy()
    frames = initial_frames(folder, strategy, model, spec.relax.pressure, pool, shown)
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
            # The process died between the journal and the state: this brings the state to where it was.
            asked = batch.asked or min(spec.batch, budget_at(sittings, told) - told)
            strategy.ask_again(asked, batch.trials)
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
    tally: _Tally,
    report: Report,
) -> None:
    seeds = spec.seed_structures[: spec.budget]
    while (first := len(journal)) < len(seeds):
        candidates = [
            Candidate(crystal, info={"seed_structure": number})
            for number, crystal in enumerate(seeds[first : first + spec.batch], start=first)
        ]
        told = journal.append(_relax(candidates, model, spec, first), stateful=False)
        strategy.tell_seeds(told)
        tally.add(told)
        report(tally.progress("search"))
    while (left := spec.budget - len(journal)) > 0:
        asked = min(spec.batch, left)
        trials = _relax(strategy.ask(asked), model, spec, len(journal))
        told = journal.append(trials, stateful=strategy.state() is not None, asked=asked)
        strategy.tell(told)
        save_state(folder, strategy.state(), len(journal))
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
        self._reason = ""
        self._space_group: int | None = None

    def add(self, trials: Sequence[Trial]) -> None:
        trials = trials[: self._budget - self._done]  # of a run that had a larger budget, what the smaller one buys
        self._done += len(trials)
        for trial in trials:
            if trial.counts and trial.energy is not None and trial.crystal is not None:
                self._counting += 1
                energy = self._contents.per_cell(trial.energy, trial.crystal)
                if self._lowest is None or energy < self._lowest:
                    self._lowest, self._space_group = energy, trial.crystal.space_group
            else:
                self._reason = trial.reason

    def progress(self, phase: str) -> Progress:
        return Progress(phase, self._done, self._budget, self._counting, self._lowest, self._reason, self._space_group)


def limit_threads(threads: int) -> None:
    """Use this many threads in torch, now or when it is imported; more cost more than they gain on a busy machine."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
    else:
        os.environ["OMP_NUM_THREADS"] = str(threads)
