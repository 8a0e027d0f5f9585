"""One proposal of strategy ``crysim``: train, solve, decode, choose."""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Bits
from crysim.crystal import Crystal, MinDistances, shortest_distances
from crysim.errors import CrysimError
from crysim.interfaces import (
    Candidate,
    Encoder,
    FitReport,
    IsingSolver,
    Problem,
    SampleSet,
    Surrogate,
    Trial,
    derive_rng,
)
from crysim.quadratic import QuadraticModel
from crysim.quadratic.bounds import with_quick_lower_bound
from crysim.strategies.ising.history import History
from crysim.strategies.ising.options import IsingOptions
from crysim.strategies.selection import Answer, Decoded, Selected, select_lowest
from crysim.strategies.training_set import FEWEST, normal_scores

UNPHYSICAL = 0.5
"""Å; a frame with a closer pair and a negative energy is not believed (section 2.2)."""
TURNS = ("initial", "distance", "energy")
"""How a candidate is chosen in turn."""


class Clock:
    """Adds up the seconds of each phase."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """The time since the last call was of this phase."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


@dataclass(frozen=True)
class Solved:
    """A trained model and what the solver found in it.

    Attributes:
        report: of the fit.
        model: that was solved.
        samples: the answers.
    """

    report: FitReport
    model: QuadraticModel
    samples: SampleSet

    def describe(self, row: int, points: int) -> dict[str, Any]:
        """An answer and the fit to so many points, for the journal."""
        samples = self.samples
        energy = float(samples.energies[row])
        bound = samples.lower_bound
        fit = {
            key: value if isfinite(value) else None for key, value in asdict(self.report).items() if key != "seconds"
        }
        return {
            "bits": np.flatnonzero(samples.bits[row]).tolist(),
            "solver": {
                "energy": energy,
                "rank": row,
                "samples": len(samples.energies),
                "lower_bound": bound,
                "gap": None if bound is None else max(0.0, energy - bound),
                "optimal": samples.optimal and row == 0,
            },
            "fit": {"points": points, **fit},
        }


@dataclass
class Round:
    """Makes one proposal of what the search knows.

    Attributes:
        problem: what is searched for.
        encoder, surrogate, solver: the search's.
        options: the user's.
        history: what was tried and learnt; it is read only.
        distances: that crystals of answers keep.
        rejected: answers of this round that stand for nothing physical.
        clock: since the round began.
        fits: how many answers had been rejected before each fit.
    """

    problem: Problem
    encoder: Encoder
    surrogate: Surrogate
    solver: IsingSolver
    options: IsingOptions
    history: History
    distances: MinDistances
    rejected: list[Bits] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    fits: list[int] = field(default_factory=list)

    def propose(self, n: int) -> list[Candidate]:
        """Train, solve and decode, or take initial crystals: at most ``per_solve`` candidates."""
        wanted = min(n, self.options.per_solve)
        choice = self.options.choice_for(self.problem.composition)
        turn = TURNS[self.history.number // self.options.per_solve % len(TURNS)] if choice == "in-turn" else choice
        candidates = self._of_initial(wanted) if turn == "initial" else []
        if not candidates:
            candidates = self._of_answers(turn, wanted, in_turn=choice == "in-turn")
        first = candidates[0]
        info = {**first.info, "rejected": [np.flatnonzero(vector).tolist() for vector in self.rejected]}
        if self.rejected:
            info["fits"] = self.fits  # else it is plain: none for an initial crystal, one for an answer
        candidates[0] = Candidate(first.crystal, info, self.clock.seconds)
        return candidates

    def _of_initial(self, wanted: int) -> list[Candidate]:
        """Initial crystals that were not tried."""
        known = self.history.initial.untried(wanted, self.history.tried)
        return [Candidate(crystal, info={"initial": place}) for place, crystal in known]

    def _of_answers(self, turn: str, wanted: int, *, in_turn: bool) -> list[Candidate]:
        """Candidates that the solver's answers decode to; where none is physical, another choice takes its turn."""
        for attempt in range(self.options.redraws + 1):
            solved = self.solve(wanted, attempt)
            candidates = self._of_lowest_energy(solved, wanted) if turn == "energy" else []
            if not candidates:
                candidates, unphysical = self._of_largest_distance(solved, wanted)
            if candidates:
                return candidates
        if in_turn:
            candidates = self._of_lowest_energy(solved, wanted) if turn != "energy" else []
            candidates = candidates or self._of_initial(wanted)
        return candidates or [max(unphysical, key=lambda one: one.start.min_distance())]

    def solve(self, wanted: int, attempt: int) -> Solved:
        """Train on all that is known, and solve the model.

        Raises:
            CrysimError: the solver gives no answer.
        """
        seed, number, options = self.problem.seed, self.history.number, self.options
        report = self.fit(attempt)
        model = self._priced(self.surrogate.quadratic_model(self.encoder.groups))
        self.clock.lap("train")
        samples = self.solver.solve(
            model,
            num_samples=max(wanted, options.num_samples),
            time_limit=options.solve_seconds,
            seed=int(derive_rng(seed, "solve", number, attempt).integers(2**31)),
        )
        if not len(samples.energies):
            raise CrysimError("the solver returned no vector")
        samples = with_quick_lower_bound(model, samples)
        self.clock.lap("solve")
        return Solved(report, model, samples)

    def fit(self, attempt: int) -> FitReport:
        """Train the surrogate on all that is known, the answers that this round has rejected included."""
        seed, number, options = self.problem.seed, self.history.number, self.options
        self.fits.append(len(self.rejected))
        points, ends = self.history.points, self.history.ends
        if options.targets == "relaxed" and len(ends) >= FEWEST:
            points = ends
        bits, energies = points.training_data(self.rejected, clip=options.clip, most=options.max_points)
        if options.targets != "energy":
            energies = normal_scores(energies)
        return self.surrogate.fit(bits, energies, derive_rng(seed, "fit", number, attempt))

    def _priced(self, model: QuadraticModel) -> QuadraticModel:
        """The model with the prices on what was tried often and on what is rare among initial crystals."""
        visits, weight = self.history.visits, self.options.exploration_weight
        rarity, rare = self.history.rarity, self.options.prior_weight or 0.0
        if rarity is not None and rare:
            model = replace(model, linear=model.linear + rare * rarity)
        if visits is None or not weight:
            return model
        linear = model.linear.copy()
        for group in model.groups:
            if group.k == 1:
                linear[group.slice] += weight * np.sqrt(visits[group.slice])
        return replace(model, linear=linear)

    def _of_lowest_energy(self, solved: Solved, wanted: int) -> list[Candidate]:
        """The crystals of all answers whose own vectors have the lowest energies; none if all are tried or close."""
        bits = solved.samples.bits
        answers = [Answer(row, *self._spaced(bits[row], place)) for place, row in enumerate(self._order(bits))]
        chosen = select_lowest(
            answers,
            lambda crystals: solved.model.energies(self.encoder.encode(crystals)),
            wanted,
            tried=self.history.tried,
        )
        points = len(self.history.points)
        candidates = [self._candidate(one, self.encoder.encode([one.crystal]), solved, points) for one in chosen]
        self.clock.lap("decode")
        return candidates

    def _of_largest_distance(self, solved: Solved, wanted: int) -> tuple[list[Candidate], list[Candidate]]:
        """Candidates of the best answers, and those of answers without a physical crystal, which are rejected."""
        points = len(self.history.points) + len(self.rejected)
        candidates: list[Candidate] = []
        unphysical: list[Candidate] = []
        for place, row in enumerate(self._order(solved.samples.bits)):
            vector = solved.samples.bits[row]
            decoded = self._decode(vector, place)
            one = self._least_close(row, decoded, {candidate.start for candidate in candidates})
            candidate = self._candidate(one, vector[None], solved, points)
            self.clock.lap("decode")
            if self.options.redraws and self.options.mid and one.crystal.min_distance() < UNPHYSICAL:
                unphysical.append(candidate)
                self.rejected.append(vector)
                continue
            candidates.append(candidate)
            if len(candidates) == wanted:
                break
        return candidates, unphysical

    def _candidate(self, one: Selected, vector: Bits, solved: Solved, points: int) -> Candidate:
        """What is tried, with what the journal is to know of it: the energy predicted of ``vector`` ``[1, M]``, ..."""
        info = one.describe() | solved.describe(one.row, points)
        info["predicted"] = float(self.surrogate.predict(vector)[0])
        info["solved_before"] = self.history.has_answer(solved.samples.bits[one.row])
        return Candidate(one.crystal, info)

    def _order(self, bits: Bits) -> list[int]:
        """The rows of the answers ``[n, M]``, best first, those that were answers before last."""
        old = [self.history.has_answer(vector) for vector in bits]
        return sorted(range(len(old)), key=lambda row: old[row])

    def _decode(self, vector: Bits, place: int) -> list[Crystal]:
        """The crystals that an answer stands for; ``place`` is its rank among those of the same solve."""
        return self.encoder.decode(vector, derive_rng(self.problem.seed, "decode", self.history.number, place))

    def _spaced(self, vector: Bits, place: int) -> tuple[int, list[Decoded]]:
        """How many crystals an answer stands for, and those of them without a pair that is too close."""
        crystals = self._decode(vector, place)
        if not self.options.mid:
            return len(crystals), [Decoded(index, crystal) for index, crystal in enumerate(crystals)]
        distances = self.distances
        rng = derive_rng(self.problem.seed, "repair", self.history.number, place)
        found = []
        for index, crystal in enumerate(crystals):
            if distances.satisfied_by(crystal):
                found.append(Decoded(index, crystal))
            elif self.options.repair and (moved := distances.separate(crystal, rng)) is not None:
                found.append(Decoded(index, moved, repaired=True))
        return len(crystals), found

    def _least_close(self, row: int, decoded: Sequence[Crystal], taken: Container[Crystal]) -> Selected:
        """The crystal of an answer with the largest minimum distance, among those not tried yet if there are any."""
        distances = shortest_distances(decoded)
        order: NDArray[np.intp] = np.argsort(-distances, kind="stable") if self.options.mid else np.arange(len(decoded))
        untried = [i for i in order if decoded[i] not in self.history.tried and decoded[i] not in taken]
        best = int((untried or order)[0])
        return Selected(row, len(decoded), Decoded(best, decoded[best]), tried_before=not untried)


def fits_of(trials: Sequence[Trial]) -> list[int] | None:
    """How many answers had been rejected before each fit of the proposal of some trials; None if they do not say."""
    info = trials[0].candidate.info
    if "fits" in info:
        return [int(number) for number in info["fits"]]
    if info.get("rejected"):
        return None
    return [0] if "bits" in info else []
