"""What a run achieved: the paper's metrics (sections 2.3 and 4.3), and stricter ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from statistics import NormalDist

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import Contents
from crysim.crystal.distinct import distinct as distinct_crystals
from crysim.crystal.matching import NO_MATCH, ReferenceMatcher
from crysim.harness.budgets import Spent
from crysim.harness.columns import TrialColumns, columns_of
from crysim.interfaces import Trial, TrialStatus

DECIMALS = 2
"""Energies are equal to the lowest (N_E) if they agree with it when rounded to this many decimals of an eV per cell,
the precision of the paper's tables."""
NOTHING = Spent()
MATCH_WINDOW = 0.1
"""eV per atom above the reference's energy, where that is known, beyond which a crystal is not the ground truth however
well it matches. It spares most of the matcher's work, which takes a third of a second for 160 atoms."""


@dataclass(frozen=True)
class Effort:
    """What had been spent when something was first reached.

    Attributes:
        relaxations: how many were begun, that one included; the first is 1.
        evaluations: of the energy model until then, those of initial crystals among them.
        seconds: the strategy's and the relaxations' wall time together.
        cpu_seconds: of both, and of the initial crystals; of journals that do not have it, wall time.
    """

    relaxations: int
    evaluations: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class RunMetrics:
    """The metrics of one run. Iterations count relaxations from 1; energies are eV per cell.

    The paper looks only at the crystals of the lowest energy, and so do the fields up to ``num_matched``.

    Attributes:
        lowest: E_min, the lowest energy of the trials that count; None if none counts.
        lowest_at: what had been spent when it was first reached, at the same number of decimals as ``num_lowest``.
        first_match: I_M,0, the first of the crystals of lowest energy that matches; None if none does or there is no
            reference.
        first_displacement: D_M,0, its displacement.
        closest_match: I_M,min, the one with the smallest displacement.
        closest_displacement: D_M,min, that displacement.
        num_lowest: N_E, crystals whose energy equals E_min (see `DECIMALS`).
        num_matched: N_M, how many of these match.
        num_filtered: excluded because a pair ended too close.
        num_failed: relaxations that failed.
        num_unconverged: not converged within the steps; they count.
        num_trials: relaxations in the journal.
        matched: what had been spent at I_M,0.
        found: what had been spent at the first trial within `MATCH_WINDOW` that the paper's matcher accepts; None if
            none.
        found_strict: likewise by the strict match.
        energy_reached: likewise when the energy came within the tolerance of the reference's.
        num_distinct: distinct minima, or None if they were not counted.
        mean_accumulated: area under the accumulated lowest energy divided by the budget, eV per cell; before the first
            trial that counts, its energy is taken.
        evaluations: of the energy model in the whole run, those of initial crystals among them.
        seconds: wall time of the whole run.
        cpu_seconds: of the whole run.
    """

    lowest: float | None
    lowest_at: Effort | None
    first_match: int | None
    first_displacement: float | None
    closest_match: int | None
    closest_displacement: float | None
    num_lowest: int
    num_matched: int
    num_filtered: int
    num_failed: int
    num_unconverged: int
    num_trials: int
    matched: Effort | None
    found: Effort | None
    found_strict: Effort | None
    energy_reached: Effort | None
    num_distinct: int | None
    mean_accumulated: float | None
    evaluations: int
    seconds: float
    cpu_seconds: float

    @property
    def success(self) -> bool:
        """The paper's: a crystal of the lowest energy matches."""
        return self.num_matched > 0


def run_metrics(
    trials: Sequence[Trial],
    *,
    matcher: ReferenceMatcher | None = None,
    reference_energy: float | None = None,
    energy_tolerance: float = 0.001,
    budget: int | None = None,
    num_distinct: int | None = None,
    contents: Contents | None = None,
    initial: Spent = NOTHING,
) -> RunMetrics:
    """The metrics of one run.

    Args:
        trials: of the run, in order.
        matcher: of the reference; None: nothing is matched.
        reference_energy: of the same energy model, eV per cell.
        energy_tolerance: eV per atom by which the reference's energy may be missed and count as reached.
        budget: relaxations that the run had; the number of trials if None. The accumulated curve goes on flat to it.
        num_distinct: distinct minima of these trials, where they were counted (`num_distinct_minima`).
        contents: of the run; all energies, the reference's too, are per cell of these. None: of the trials' own cells.
        initial: what was spent before the first trial.
    """
    if budget is not None:
        trials = trials[:budget]
    columns = columns_of(trials)
    num_atoms = None if contents is None or not contents.sizes_vary else contents.num_atoms
    energies = columns.energies_per(num_atoms)
    spent = _Efforts(columns, initial)
    counting = np.flatnonzero(columns.counted)
    lowest = float(energies[counting].min()) if len(counting) else None
    at_lowest = [] if lowest is None else _rounded_to(energies, counting, lowest)
    crystal_of = lru_cache(maxsize=64)(lambda i: trials[i].crystal)

    displacements: dict[int, float] = {}
    if matcher is not None:
        for i in at_lowest:
            crystal = crystal_of(i)
            displacement = matcher.match(crystal).displacement if crystal is not None else None
            if displacement is not None:
                displacements[i] = displacement
    first = min(displacements, default=None)
    closest = min(displacements, key=lambda i: (displacements[i], i), default=None)

    def within(window: float, atoms: Ints) -> Ints:
        """Trials that count with an energy of at most so much per atom above the reference's."""
        if reference_energy is None:
            return np.zeros(0, dtype=np.int64)
        return counting[energies[counting] <= reference_energy + window * atoms[counting]]

    given = None if contents is None else np.full(len(columns), contents.num_atoms)
    near = (
        counting
        if reference_energy is None
        else within(MATCH_WINDOW, columns.rows["atoms"] if given is None else given)
    )

    def first_match_of(*, strict: bool) -> Effort | None:
        if matcher is None:
            return None
        for i in map(int, near):
            crystal = crystal_of(i)
            match = NO_MATCH if crystal is None else matcher.match(crystal)
            if match.strict if strict else match.found:
                return spent[i]
        return None

    reached = within(energy_tolerance, columns.rows["start_atoms"] if given is None else given)
    curve = _accumulated(energies, columns, budget)
    return RunMetrics(
        lowest=lowest,
        lowest_at=spent[at_lowest[0]] if at_lowest else None,
        first_match=None if first is None else first + 1,
        first_displacement=None if first is None else displacements[first],
        closest_match=None if closest is None else closest + 1,
        closest_displacement=None if closest is None else displacements[closest],
        num_lowest=len(at_lowest),
        num_matched=len(displacements),
        num_filtered=len(columns.of_status(TrialStatus.TOO_CLOSE)),
        num_failed=len(columns.of_status(TrialStatus.FAILED)),
        num_unconverged=len(columns.of_status(TrialStatus.NOT_CONVERGED)),
        num_trials=len(columns),
        matched=None if first is None else spent[first],
        found=first_match_of(strict=False),
        found_strict=first_match_of(strict=True),
        energy_reached=spent[int(reached[0])] if len(reached) else None,
        num_distinct=num_distinct,
        mean_accumulated=_area(curve),
        evaluations=spent[-1].evaluations if len(columns) else initial.evaluations,
        seconds=spent[-1].seconds if len(columns) else 0.0,
        cpu_seconds=spent[-1].cpu_seconds if len(columns) else initial.cpu_seconds,
    )


def accumulated_lowest(
    trials: Sequence[Trial], budget: int | None = None, *, contents: Contents | None = None
) -> Floats:
    """The lowest energy so far after each relaxation, ``[budget]`` eV per cell; NaN before the first that counts.

    A run that ended early keeps its last value up to the budget.

    Args:
        trials: of a run, in order.
        budget: of the run; the number of trials if None.
        contents: of a primitive cell: energies are per cell of these. None: of the trials' own cells.
    """
    columns = columns_of(trials)
    num_atoms = None if contents is None or not contents.sizes_vary else contents.num_atoms
    return _accumulated(columns.energies_per(num_atoms), columns, budget)


def _accumulated(energies: Floats, columns: TrialColumns, budget: int | None) -> Floats:
    length = len(columns) if budget is None else budget
    curve = np.full(length, np.nan)
    known = np.where(columns.counted, energies, np.nan)[:length]
    curve[: len(known)] = known
    return np.fmin.accumulate(curve) if length else curve


def num_distinct_minima(trials: Sequence[Trial]) -> int:
    """How many distinct relaxed crystals a run found, by `crysim.crystal.distinct.distinct`."""
    relaxed = columns_of(trials).of_status(TrialStatus.RELAXED)
    found = [t for t in map(trials.__getitem__, map(int, relaxed)) if t.crystal is not None and t.energy is not None]
    crystals = [t.crystal for t in found if t.crystal is not None]
    return len(distinct_crystals(crystals, [t.energy for t in found if t.energy is not None]))


def wilson_interval(successes: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a success rate (J. Am. Stat. Assoc. 22, 209, 1927); (0, 1) without runs."""
    if runs == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / runs
    centre = (rate + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * sqrt(rate * (1 - rate) / runs + z * z / (4 * runs * runs))
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and population standard deviation, as the paper's tables have them; NaN of nothing."""
    if not values:
        return float("nan"), float("nan")
    return float(np.mean(values)), float(np.std(values))


class _Efforts:
    """What had been spent after each trial."""

    def __init__(self, columns: TrialColumns, initial: Spent) -> None:
        self._evaluations = initial.evaluations + np.cumsum(columns.rows["evaluations"])
        self._seconds = np.cumsum(columns.all_seconds)
        self._cpu_seconds = initial.cpu_seconds + np.cumsum(columns.rows["cpu_seconds"])

    def __getitem__(self, i: int) -> Effort:
        number = i % len(self._seconds) + 1
        return Effort(number, int(self._evaluations[i]), float(self._seconds[i]), float(self._cpu_seconds[i]))


def _rounded_to(energies: Floats, counting: Ints, lowest: float) -> list[int]:
    """The trials whose energy is the lowest, rounded as Python rounds."""
    near = counting[energies[counting] < lowest + 2 * 10.0**-DECIMALS]
    return [int(i) for i in near if round(float(energies[i]), DECIMALS) == round(lowest, DECIMALS)]


def _area(curve: Floats) -> float | None:
    known = np.flatnonzero(np.isfinite(curve))
    if not len(known):
        return None
    filled = curve.copy()
    filled[: known[0]] = curve[known[0]]
    return float(filled.mean())
