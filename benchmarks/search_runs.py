"""One search of the benchmark `search.py`: the loop of a run, in this process and without a folder, to the match."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crysim.analysis.forty import LOWER
from crysim.analysis.metrics import MATCH_WINDOW
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.harness.budgets import Budget, Spent
from crysim.harness.spec import RunSpec
from crysim.harness.trials import relax_candidates
from crysim.interfaces import EnergyModel, Frame, Trial, TrialStatus

ENDLESS = 100_000
"""Relaxations of a search that its seconds end."""

GOOD = 0.05
"""eV per atom above the reference's energy up to which a relaxation was worth its while."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One search.

    Attributes:
        key: what makes it the same search: system, method, seed and settings.
        reference: the crystal looked for.
        specs: its runs, one after the other.
    """

    key: Row
    reference: Crystal
    specs: tuple[RunSpec, ...]


def search(task: Task, model: EnergyModel) -> Row:
    """One search: its runs in turn, each within its budget, to the match."""
    matcher = ReferenceMatcher(task.reference)
    target = float(model.energies([task.reference])[0]) / task.reference.num_atoms
    began = time.perf_counter()
    spent, trials, own = Spent(), 0, 0.0
    lowest: float | None = None
    by_origin: dict[str, list[float | None]] = {}
    reached: Row | None = None
    found: Spent | None = None
    found_by: str | None = None
    given_up = dict.fromkeys((TrialStatus.STOPPED, TrialStatus.KNOWN), 0)
    for spec in task.specs:
        for initial, batch in batches(spec, model):
            spent += initial
            for trial in batch:
                spent = spent.plus([trial])
                own += (trial.candidate.cpu_seconds or 0.0) * (found is None)
                given_up.update({trial.status: given_up[trial.status] + 1} if trial.status in given_up else {})
                energy = per_atom(trial)
                origin = str(trial.candidate.info.get("origin", "any"))
                by_origin.setdefault(origin, []).append(energy)
                if energy is None:
                    continue
                lowest = energy if lowest is None else min(lowest, energy)
                if reached is None and energy <= target + 0.001:
                    reached = _effort(spent)
                if found is None and abs(energy - target) <= MATCH_WINDOW and _is_match(trial, matcher):
                    found, found_by = spent, origin
            trials += len(batch)
            if found is not None:
                break
        if found is not None:
            break
    granted = task.key["seconds"]
    origins = {name: _good(tried, target) for name, tried in by_origin.items()}
    return {
        "found": found is not None and found.cpu_seconds <= granted,
        **_effort(found or spent),
        "strategy_seconds": round(own, 3),
        "all_relaxations": trials,
        "origins": origins,
        "found_by": found_by,
        "stopped": given_up[TrialStatus.STOPPED],
        "known": given_up[TrialStatus.KNOWN],
        "above_reference": None if lowest is None else round(1000 * (lowest - target), 2),
        "lower": lowest is not None and lowest < target - LOWER,
        "energy_reached": reached,
        "wall_seconds": round(time.perf_counter() - began, 2),
    }


def batches(spec: RunSpec, model: EnergyModel, most: int = ENDLESS) -> Iterator[tuple[Spent, Sequence[Trial]]]:
    """The batches of a run until its budget is spent, each with what was spent before it and is in none of its trials.

    The same calls in the same order as a run on disk: `crysim.harness.loop`.
    """
    budget, spent = Budget.of(spec), Spent()
    began = time.process_time()
    strategy = spec.build_strategy()
    crystals = strategy.initial_crystals()
    energies = model.energies(crystals) if crystals else np.zeros(0)
    strategy.set_initial([Frame(c, float(e)) for c, e in zip(crystals, energies, strict=True) if np.isfinite(e)])
    initial = Spent(0, len(crystals), time.process_time() - began)
    spent = initial
    owed = 0.0
    while (left := min(most, budget.left(spent))) > 0:
        began = time.process_time()
        candidates = strategy.ask(min(spec.batch, left))
        share = (owed + time.process_time() - began) / len(candidates)
        candidates = [replace(candidate, cpu_seconds=share) for candidate in candidates]
        trials = relax_candidates(candidates, model, spec, spent.relaxations, spec.system)
        spent = spent.plus(trials)
        began = time.process_time()
        strategy.tell(trials)
        owed = time.process_time() - began
        yield initial, trials
        initial = Spent()
        most -= len(trials)


def warm_up(spec: RunSpec, model: EnergyModel) -> None:
    """Compile and load what a strategy needs, on a small cell."""
    small = replace(spec, system=Contents.from_formula("Ca4S4"), seed=12345, budget=ENDLESS, budget_seconds=20.0)
    for number, _ in enumerate(batches(small, model, most=3 * spec.batch)):
        if number == 2:
            break


def per_atom(trial: Trial) -> float | None:
    """What a relaxation ended at, eV per atom; None where it does not count."""
    if not trial.counted or trial.energy is None or trial.crystal is None:
        return None
    return trial.energy / trial.crystal.num_atoms


def _is_match(trial: Trial, matcher: ReferenceMatcher) -> bool:
    return trial.crystal is not None and matcher.match(trial.crystal).strict


def _good(energies: list[float | None], target: float) -> Row:
    """Of the relaxations of one origin: how many, and how many ended within `GOOD` of the reference or below it."""
    good = sum(energy is not None and energy <= target + GOOD for energy in energies)
    return {"relaxations": len(energies), "good": good}


def _effort(spent: Spent) -> Row:
    return {
        "relaxations": spent.relaxations,
        "evaluations": spent.evaluations,
        "cpu_seconds": round(spent.cpu_seconds, 3),
    }
