"""Strategy ``crysim``: the paper's loop of a surrogate and an Ising machine (section 2.2, figure 1)."""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, replace
from math import isfinite
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from crysim import hookimpl
from crysim.arrays import Bits, Floats
from crysim.crystal import Crystal, shortest_distances
from crysim.crystal.generation import RandomGenerator
from crysim.crystal.prior import VOLUMES, Prior, PriorGenerator
from crysim.errors import CrysimError, InputError, UnknownNameError
from crysim.interfaces import (
    Candidate,
    Encoder,
    FitReport,
    Frame,
    IsingSolver,
    Problem,
    SampleSet,
    Strategy,
    Surrogate,
    Trial,
    TrialStatus,
    derive_rng,
)
from crysim.quadratic import QuadraticModel
from crysim.quadratic.bounds import bounded
from crysim.strategies.initial import InitialCrystals
from crysim.strategies.selection import Answer, Decoded, Selected, select_lowest
from crysim.strategies.training_set import Points

logger = logging.getLogger(__name__)

UNPHYSICAL = 0.5
"""Å; a frame with a closer pair and a negative energy is not believed (section 2.2)."""
TURNS = ("initial", "distance", "energy")
"""How a candidate is chosen in turn."""
SMALL = 30
"""Atoms per cell up to which candidates are chosen by energy alone."""
FEWEST = 10
"""Initial crystals that are kept at least, however high their energies."""


class IsingSearch(Strategy):
    """Fit a quadratic model to bits and energies, minimise it, decode, relax, learn from the trajectory, repeat.

    The targets of the fit are energies in eV per cell of the contents, with the paper's exceptions: what is unphysical,
    or failed, counts as |lowest energy so far|. They are the strategy's own: the trials' energies stay what they are.
    """

    name: ClassVar[str] = "crysim"
    parts: ClassVar[tuple[str, ...]] = ("encoder", "surrogate", "solver")
    newer_options: ClassVar[tuple[str, ...]] = ("initial",)

    def __init__(
        self,
        problem: Problem,
        encoder: Encoder,
        surrogate: Surrogate,
        solver: IsingSolver,
        *,
        num_initial: int = 1000,
        batch: int = 1,
        mid: bool = True,
        clip: bool = True,
        penalise_failures: bool = True,
        num_samples: int = 8,
        choice: Literal["in-turn", "energy", "distance"] | None = None,
        learn_answers: bool = True,
        explore: float = 0.03,
        repair: bool = True,
        redraws: int = 3,
        solve_seconds: float | None = None,
        max_points: int | None = None,
        initial: Literal["random", "prior"] = "random",
    ) -> None:
        """Set up the search.

        Args:
            problem: what is searched for.
            encoder, surrogate, solver: the parts.
            num_initial: random crystals whose energies, unrelaxed, are the first data (paper: 1000).
            batch: candidates made of the distinct answers to one solve (paper: 1).
            mid: heed minimum interatomic distances: choose only crystals without a pair that is too close (with
                ``choice="distance"``: the one with the largest distance), and do not believe negative energies below
                0.5 Å. False turns both off, for the paper's ablation (Table 1).
            clip: lower targets above |lowest energy so far| to it, as the paper leaves such initial crystals out; one
                first frame of 1000 eV would leave the standardised fit no scale for the rest.
            penalise_failures: a failed relaxation's start counts as |lowest energy so far|; else nothing is learnt.
            num_samples: distinct answers asked of the solver at least.
            choice: which of the crystals that the answers stand for is tried: of the best answer's the one with the
                largest minimum ``distance`` (paper); of all answers' the one whose own vector has the lowest
                ``energy`` in the model, since an answer is a vector that no crystal need have and the model errs most
                where no data are; or ``in-turn`` an initial crystal, the lowest in energy first and one of each Wyckoff
                combination, then one by distance, then one by energy. None: by energy up to `SMALL` atoms, in turn
                above, where energies alone lead to groups of low symmetry, in which whatever is tried relaxes to a
                fair energy and nothing to the lowest.
            learn_answers: the answer itself, with the energy of the crystal that it was decoded to, is a point too;
                the paper learns the crystals' own vectors alone, which may leave the model its error.
            explore: c in the price c·√n, in standard deviations of the energies, that the model puts on a bit of a
                group with one 1-bit (lengths, angles, space group, combinations) that n candidates had (paper: 0).
            repair: where the choice is by energy, of crystals with a pair that is too close move the sites that are
                (to random points, until they are not), instead of leaving such crystals out. Only with ``mid``.
            redraws: if all these answers decode to crystals with a pair below 0.5 Å only, they count as
                |lowest energy so far| at once, and it trains and solves again, so often at most; 0: such a crystal is
                relaxed like any other (paper). Only with ``mid``.
            solve_seconds: time limit of one solve; None: the solver's own. Results then depend on the machine.
            max_points: training points at most, the oldest left out first; None: all.
            initial: what the first data are drawn from: the paper's ``random`` crystals, or a ``prior`` of frequent
                space groups and few free coordinates at packed volumes (`crysim.crystal.prior`).

        Raises:
            InputError: a number out of range.
        """
        for key, value, least in (
            ("num_initial", num_initial, FEWEST),
            ("batch", batch, 1),
            ("num_samples", num_samples, 1),
            ("explore", explore, 0),
            ("redraws", redraws, 0),
            ("max_points", FEWEST if max_points is None else max_points, FEWEST),
        ):
            if value < least:
                raise InputError(f"option '{key}' of strategy 'crysim' is {value}: it must be at least {least}")
        if initial not in ("random", "prior"):
            raise UnknownNameError("kind of initial crystals", initial, ("random", "prior"))
        if solve_seconds is not None and not solve_seconds > 0:
            raise InputError(f"option 'solve_seconds' of strategy 'crysim' is {solve_seconds}: it must be above 0")
        if problem.contents.primitive and not encoder.primitive_contents:
            raise InputError(f"encoder '{encoder.name}' takes conventional cells only: leave out --cell primitive")
        self.problem = problem
        self._encoder = encoder
        self._surrogate = surrogate
        self._solver = solver
        self._num_initial = num_initial
        self._batch = batch
        self._mid = mid
        self._clip = clip
        self._penalise_failures = penalise_failures
        self._num_samples = num_samples
        self._choice = choice or ("energy" if problem.composition.num_atoms <= SMALL else "in-turn")
        self._learn_answers = learn_answers
        self._explore = explore
        self._repair = repair
        self._redraws = redraws
        self._solve_seconds = solve_seconds
        self._max_points = max_points
        self._from_prior = initial == "prior"
        self._initial = InitialCrystals()
        self._points = Points()
        self._number = 0
        self._tried: set[Crystal] = set()
        self._solved: set[bytes] = set()
        self._visits: NDArray[np.int64] | None = None

    # -------------------------------------------------------------------------------------- first data

    def initial(self) -> list[Crystal]:
        """Random crystals (RG with its filter on distances), or those of the prior."""
        if self._from_prior:
            prior = PriorGenerator(Prior(self.problem.contents, self.problem.space_groups), self.problem.min_distances)
            numbers = range(self._num_initial)
            rngs = [derive_rng(self.problem.seed, "initial", "prior", number) for number in numbers]
            return [prior.draw(rng, spread=VOLUMES) for rng in rngs]
        generator = RandomGenerator(
            self.problem.contents,
            self.problem.space_groups,
            self.problem.min_distance,
            self.problem.pair_distances,
        )
        return generator.sample(self._num_initial, derive_rng(self.problem.seed, "initial"))

    def start(self, frames: Sequence[Frame]) -> None:
        """Fit the encoder to all of them; train on those whose energy is not above |the lowest|.

        Raises:
            CrysimError: there are too few.
        """
        if len(frames) < FEWEST:
            raise CrysimError(f"only {len(frames)} of {self._num_initial} initial crystals have a finite energy")
        frames = self._comparable(frames)
        crystals = [frame.crystal for frame in frames]
        if self.problem.contents.primitive:
            self._encoder.fit(crystals, self.problem.contents)
        else:
            self._encoder.fit(crystals)
        self._initial.fill(frames)
        energies = np.array([frame.energy for frame in frames])
        self._points.lowest = float(energies.min())
        kept = energies <= max(self._points.ceiling, float(np.sort(energies)[FEWEST - 1]))
        self._add([c for c, keep in zip(crystals, kept, strict=True) if keep], energies[kept])

    # --------------------------------------------------------------------------------------- proposing

    def ask(self, n: int) -> list[Candidate]:
        """Train, solve and decode, or take initial crystals: at most ``batch`` candidates."""
        clock = _Clock()
        wanted = min(n, self._batch)
        turn = TURNS[self._number // self._batch % len(TURNS)] if self._choice == "in-turn" else self._choice
        rejected: list[Bits] = []
        candidates = self._of_initial(wanted) if turn == "initial" else []
        if not candidates:
            candidates = self._of_answers(turn, wanted, rejected, clock)
        first = candidates[0]
        info = {**first.info, "rejected": [np.flatnonzero(vector).tolist() for vector in rejected]}
        candidates[0] = Candidate(first.crystal, info, clock.seconds)
        return candidates

    def _of_initial(self, wanted: int) -> list[Candidate]:
        """Initial crystals that were not tried."""
        known = self._initial.untried(wanted, self._tried)
        return [Candidate(crystal, info={"initial": place}) for place, crystal in known]

    def _of_answers(self, turn: str, wanted: int, rejected: list[Bits], clock: _Clock) -> list[Candidate]:
        """Candidates that the solver's answers decode to; where none is physical, another choice takes its turn."""
        for attempt in range(self._redraws + 1):
            report, model, samples = self._solve(wanted, attempt, rejected, clock)
            candidates = self._of_lowest_energy(samples, model, report, wanted, clock) if turn == "energy" else []
            if not candidates:
                candidates, unphysical = self._of_largest_distance(samples, report, wanted, rejected, clock)
            if candidates:
                return candidates
        if self._choice == "in-turn":
            candidates = self._of_lowest_energy(samples, model, report, wanted, clock) if turn != "energy" else []
            candidates = candidates or self._of_initial(wanted)
        return candidates or [max(unphysical, key=lambda one: one.crystal.min_distance())]

    def _solve(
        self, wanted: int, attempt: int, rejected: Sequence[Bits], clock: _Clock
    ) -> tuple[FitReport, QuadraticModel, SampleSet]:
        seed, number = self.problem.seed, self._number
        bits, energies = self._points.training_data(rejected, clip=self._clip, most=self._max_points)
        report = self._surrogate.fit(bits, energies, derive_rng(seed, "fit", number, attempt))
        model = self._priced(self._surrogate.quadratic_model(self._encoder.groups))
        clock.lap("train")
        samples = self._solver.solve(
            model,
            num_samples=max(wanted, self._num_samples),
            time_limit=self._solve_seconds,
            seed=int(derive_rng(seed, "solve", number, attempt).integers(2**31)),
        )
        if not len(samples.energies):
            raise CrysimError("the solver returned no vector")
        samples = bounded(model, samples)
        clock.lap("solve")
        return report, model, samples

    def _priced(self, model: QuadraticModel) -> QuadraticModel:
        """The model with the price on what was tried often."""
        if self._visits is None or not self._explore:
            return model
        linear = model.linear.copy()
        for group in model.groups:
            if group.k == 1:
                linear[group.slice] += self._explore * np.sqrt(self._visits[group.slice])
        return replace(model, linear=linear)

    def _of_lowest_energy(
        self, samples: SampleSet, model: QuadraticModel, report: FitReport, wanted: int, clock: _Clock
    ) -> list[Candidate]:
        """The crystals of all answers whose own vectors have the lowest energies; none if all are tried or close."""
        answers = [
            Answer(row, *self._spaced(samples.bits[row], place)) for place, row in enumerate(self._choose(samples))
        ]
        chosen = select_lowest(
            answers, lambda crystals: model.energies(self._encoder.encode(crystals)), wanted, tried=self._tried
        )
        points = len(self._points)
        candidates = [
            self._candidate(one, self._encoder.encode([one.crystal]), samples, report, points) for one in chosen
        ]
        clock.lap("decode")
        return candidates

    def _candidate(self, one: Selected, vector: Bits, samples: SampleSet, report: FitReport, points: int) -> Candidate:
        """What is tried, with what the journal is to know of it: the energy predicted of ``vector`` ``[1, M]``, ..."""
        info = one.describe() | _describe(samples, one.row, report, points)
        info["predicted"] = float(self._surrogate.predict(vector)[0])
        info["solved_before"] = _key(samples.bits[one.row]) in self._solved
        return Candidate(one.crystal, info)

    def _of_largest_distance(
        self, samples: SampleSet, report: FitReport, wanted: int, rejected: list[Bits], clock: _Clock
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Candidates of the best answers, and those of answers without a physical crystal, which are rejected."""
        points = len(self._points) + len(rejected)
        candidates: list[Candidate] = []
        unphysical: list[Candidate] = []
        for place, row in enumerate(self._choose(samples)):
            vector = samples.bits[row]
            decoded = self._decode(vector, place)
            one = self._least_close(row, decoded, {candidate.crystal for candidate in candidates})
            candidate = self._candidate(one, vector[None], samples, report, points)
            clock.lap("decode")
            if self._redraws and self._mid and one.crystal.min_distance() < UNPHYSICAL:
                unphysical.append(candidate)
                rejected.append(vector)
                continue
            candidates.append(candidate)
            if len(candidates) == wanted:
                break
        return candidates, unphysical

    def _choose(self, samples: SampleSet) -> list[int]:
        """The rows of the vectors, best first, those that were solved for before last."""
        new = [_key(vector) not in self._solved for vector in samples.bits]
        return sorted(range(len(new)), key=lambda row: not new[row])

    def _decode(self, vector: Bits, place: int) -> list[Crystal]:
        """The crystals that an answer stands for; ``place`` is its rank among those of the same solve."""
        return self._encoder.decode(vector, derive_rng(self.problem.seed, "decode", self._number, place))

    def _spaced(self, vector: Bits, place: int) -> tuple[int, list[Decoded]]:
        """How many crystals an answer stands for, and those of them without a pair that is too close."""
        crystals = self._decode(vector, place)
        if not self._mid:
            return len(crystals), [Decoded(index, crystal) for index, crystal in enumerate(crystals)]
        spacing = self.problem.min_distances
        rng = derive_rng(self.problem.seed, "repair", self._number, place)
        found = []
        for index, crystal in enumerate(crystals):
            if spacing.satisfied_by(crystal):
                found.append(Decoded(index, crystal))
            elif self._repair and (moved := spacing.separate(crystal, rng)) is not None:
                found.append(Decoded(index, moved, repaired=True))
        return len(crystals), found

    def _least_close(self, row: int, decoded: Sequence[Crystal], taken: Container[Crystal]) -> Selected:
        """The crystal of an answer with the largest minimum distance, among those not tried yet if there are any."""
        distances = shortest_distances(decoded)
        order: NDArray[np.intp] = np.argsort(-distances, kind="stable") if self._mid else np.arange(len(decoded))
        untried = [i for i in order if decoded[i] not in self._tried and decoded[i] not in taken]
        best = int((untried or order)[0])
        return Selected(row, len(decoded), Decoded(best, decoded[best]), tried_before=not untried)

    # ---------------------------------------------------------------------------------------- learning

    def tell(self, trials: Sequence[Trial]) -> None:
        """Add the trajectories to the data."""
        for trial in trials:
            self._number += 1
            self._tried.add(trial.candidate.crystal)
            info = trial.candidate.info
            self._reject(info.get("rejected", ()))
            if "bits" in info:
                self._solved.add(_key(self._vector(info["bits"])))
            self._count(trial.candidate.crystal)
            if trial.frames:
                frames = self._comparable(trial.frames)
                self._learn(frames)
                self._learn_answer(info, frames[0].energy)
            if trial.status is TrialStatus.FAILED and self._penalise_failures:
                self._points.add_penalised(self._encoder.encode([trial.candidate.crystal]))
                self._learn_answer(info, self._points.penalty)

    def hear(self, trials: Sequence[Trial]) -> None:
        """Learn the trajectories of seed structures, as far as the encoder has their space groups."""
        for trial in trials:
            self._tried.add(trial.candidate.crystal)
            try:
                self._learn(self._comparable(trial.frames))
            except InputError:
                logger.warning("a seed structure is not learnt from: the encoder does not have its space group")

    def _comparable(self, frames: Sequence[Frame]) -> list[Frame]:
        """Frames with energies per cell of the contents."""
        contents = self.problem.contents
        return [Frame(frame.crystal, contents.per_cell(frame.energy, frame.crystal)) for frame in frames]

    def _count(self, crystal: Crystal) -> None:
        vector = self._encoder.encode([crystal])[0].astype(np.int64)
        self._visits = vector if self._visits is None else self._visits + vector

    def _learn_answer(self, info: Mapping[str, Any], energy: float) -> None:
        """An answer has the energy of the crystal that was made of it."""
        if self._learn_answers and "bits" in info:
            self._points.add(self._vector(info["bits"])[None], np.array([energy]))

    def _reject(self, vectors: Sequence[Sequence[int]]) -> None:
        """Vectors that stand for nothing physical count as what is unphysical does, without a relaxation."""
        if vectors:
            bits = np.stack([self._vector(ones) for ones in vectors])
            self._solved.update(map(_key, bits))
            self._points.add_penalised(bits)

    def _vector(self, ones: Sequence[int]) -> Bits:
        vector = np.zeros(self._encoder.num_bits, dtype=np.bool_)
        vector[list(ones)] = True
        return vector

    def _learn(self, frames: Sequence[Frame]) -> None:
        crystals = [frame.crystal for frame in frames]
        energies = np.array([frame.energy for frame in frames])
        believed = np.ones(len(frames), dtype=np.bool_)
        if self._mid:
            believed = (energies >= 0) | (shortest_distances(crystals) >= UNPHYSICAL)
        if believed.any():
            self._points.lowest = min(self._points.lowest, float(energies[believed].min()))
        self._add(crystals, np.where(believed, energies, self._points.penalty))

    def _add(self, crystals: Sequence[Crystal], energies: Floats) -> None:
        self._points.add(self._encoder.encode(crystals), energies)

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """The surrogate's weights, if its next fit starts from them."""
        return self._surrogate.state()

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Give them back to the surrogate."""
        self._surrogate.load_state(state)


class _Clock:
    """Adds up the seconds of each phase."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """The time since the last call was of this phase."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


def _describe(samples: SampleSet, row: int, report: FitReport, points: int) -> dict[str, Any]:
    """The solver's answer and the fit, for the journal."""
    energy = float(samples.energies[row])
    bound = samples.lower_bound
    fit = {key: value if isfinite(value) else None for key, value in asdict(report).items() if key != "seconds"}
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


def _key(vector: Bits) -> bytes:
    return np.packbits(vector).tobytes()


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [IsingSearch]
