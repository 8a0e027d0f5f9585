"""The search that fits a surrogate, minimises it with an Ising machine, and learns from what its answers relax to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.composition import Contents
from crysim.crystal import Crystal, shortest_distances
from crysim.crystal.generation import RandomGenerator
from crysim.crystal.prior import VOLUMES, Prior, PriorGenerator
from crysim.errors import CrysimError, InputError
from crysim.interfaces import (
    Candidate,
    Encoder,
    Frame,
    IsingSolver,
    Problem,
    Strategy,
    Surrogate,
    Trial,
    TrialStatus,
    derive_rng,
)
from crysim.strategies.ising.history import History
from crysim.strategies.ising.options import DEFAULTS, OWN_PARTS, OWN_PARTS_SMALL, SMALL, IsingOptions
from crysim.strategies.ising.round import UNPHYSICAL, Round, fits_of
from crysim.strategies.ising.shared_round import SharedRound, own_distances
from crysim.strategies.racing import Race
from crysim.strategies.training_set import FEWEST, trains

logger = logging.getLogger(__name__)


class IsingSearch(Strategy):
    """Fit a quadratic model to bits and energies, minimise it, decode, relax, learn from the trajectory, repeat.

    The targets of the fit are energies in eV per cell of the contents, with the paper's exceptions: what is unphysical,
    or failed, counts as |lowest energy so far|. They are the strategy's own: the trials' energies stay what they are.
    """

    name: ClassVar[str] = "crysim"
    parts: ClassVar[tuple[str, ...]] = ("encoder", "surrogate", "solver")
    options_class: ClassVar[type] = IsingOptions
    newer_options: ClassVar[Mapping[str, Any]] = {
        "protocol": "paper",
        **{key: DEFAULTS["paper"][key] for key in ("initial", "race", "avoid_known", "prior_weight")},
        **{key: DEFAULTS["paper"][key] for key in ("targets", "draws")},
        **{key: getattr(IsingOptions, key) for key in ("initial_share", "answer_share", "solve_every")},
    }
    renamed_options: ClassVar[Mapping[str, str]] = {"explore": "exploration_weight", "batch": "candidates_per_solve"}

    def __init__(
        self, problem: Problem, encoder: Encoder, surrogate: Surrogate, solver: IsingSolver, **options: Any
    ) -> None:
        """Set up the search.

        Args:
            problem: what is searched for.
            encoder, surrogate, solver: the parts.
            options: see `IsingOptions`.

        Raises:
            InputError: a number out of range, or cells that the encoder does not take.
        """
        self.problem = problem
        self.options = IsingOptions(**options)
        if problem.contents.primitive and not encoder.primitive_contents:
            raise InputError(f"encoder '{encoder.name}' takes conventional cells only: leave out --cell primitive")
        self.encoder = encoder
        self.surrogate = surrogate
        self.solver = solver
        self.history = History()
        self._race = Race(problem.contents, wanted=bool(self.options.race))
        own = self.options.protocol == "own"
        self._distances = own_distances(problem) if own else problem.min_distances

    @classmethod
    def spelled_out(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options, as the protocol has those that are not given."""
        return asdict(IsingOptions(**options))

    @classmethod
    def part_defaults(
        cls, options: Mapping[str, Any], contents: Contents
    ) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """What makes a proposal cost little beside its relaxation; under the paper's protocol nothing is changed."""
        if options.get("protocol", IsingOptions.protocol) != "own":
            return {}
        return OWN_PARTS_SMALL if contents.num_atoms <= SMALL else OWN_PARTS

    @cached_property
    def _prior(self) -> PriorGenerator:
        # No long cells: the encoding spans the lengths of its first data, and would resolve the others less.
        return PriorGenerator(Prior(self.problem.contents, self.problem.space_groups), self._distances, wide_share=0.0)

    # -------------------------------------------------------------------------------------- first data

    def initial_crystals(self) -> list[Crystal]:
        """Random crystals (RG with its filter on distances), or those of the prior."""
        number_wanted = self.options.num_initial
        assert number_wanted is not None
        if self.options.initial == "prior":
            rngs = [derive_rng(self.problem.seed, "initial", "prior", number) for number in range(number_wanted)]
            return [self._prior.draw(rng, spread=VOLUMES) for rng in rngs]
        generator = RandomGenerator(
            self.problem.contents,
            self.problem.space_groups,
            self.problem.min_distance,
            self.problem.pair_distances,
        )
        return generator.sample(number_wanted, derive_rng(self.problem.seed, "initial"))

    def set_initial(self, frames: Sequence[Frame]) -> None:
        """Fit the encoder to all of them; train on those that `trains` tells.

        Raises:
            CrysimError: there are too few.
        """
        if len(frames) < FEWEST:
            raise CrysimError(f"only {len(frames)} of {self.options.num_initial} initial crystals have a finite energy")
        frames = self._comparable(frames)
        crystals = [frame.crystal for frame in frames]
        if self.problem.contents.primitive:
            self.encoder.fit(crystals, self.problem.contents)
        else:
            self.encoder.fit(crystals)
        self.history.initial.fill(frames)
        if self.options.prior_weight:
            self.history.set_rarity(self.encoder.encode(crystals), self.encoder.groups)
        energies = np.array([frame.energy for frame in frames])
        self.history.points.lowest = float(energies.min())
        kept = trains(energies)
        self._add([c for c, keep in zip(crystals, kept, strict=True) if keep], energies[kept])

    # --------------------------------------------------------------------------------------- proposing

    def ask(self, n: int) -> list[Candidate]:
        """Train, solve and decode, or take initial crystals: at most ``candidates_per_solve`` candidates."""
        return self._race.give_leave(self.new_round().propose(n))

    def new_round(self) -> Round:
        """The next proposal, to be made."""
        known = (self.problem, self.encoder, self.surrogate, self.solver, self.options, self.history, self._distances)
        if self.options.choice != "shared":
            return Round(*known)
        best = self._race.best
        return SharedRound(*known, prior=self._prior, volume=None if best is None else best[1])

    def ask_again(self, n: int, trials: Sequence[Trial]) -> None:
        """Fit the surrogate as that proposal did; the solver's answers are in the trials, not asked for again."""
        rejected = [self._vector(ones) for ones in trials[0].candidate.info.get("rejected", ())]
        fits = fits_of(trials)
        if fits is None:  # a journal of the first releases does not say how often such a proposal was solved
            self.ask(n)
            return
        again = self.new_round()
        for attempt, known in enumerate(fits):
            again.rejected = rejected[:known]
            again.fit(attempt)

    # ---------------------------------------------------------------------------------------- learning

    def tell(self, trials: Sequence[Trial]) -> None:
        """Add the trajectories to the data."""
        self._race.learn(trials)
        for trial in trials:
            self.history.number += 1
            self.history.tried.add(trial.candidate.start)
            if self.options.avoid_known:
                self._know(trial)
            info = trial.candidate.info
            self._reject(info.get("rejected", ()))
            if "bits" in info:
                self.history.add_answer(self._vector(info["bits"]))
            self.history.count(self.encoder.encode([trial.candidate.start])[0])
            if trial.frames:
                frames = self._comparable(trial.frames)
                self._learn(frames)
                self._learn_answer(info, frames[0].energy)
                self._learn_end(trial, frames)
            if trial.status is TrialStatus.FAILED and self.options.penalise_failures:
                start = self.encoder.encode([trial.candidate.start])
                self.history.points.add_penalised(start)
                self._learn_answer(info, self.history.points.penalty)
                # one that failed on its way has the energy that it came to
                if self.options.targets == "relaxed" and not trial.frames and len(self.history.ends):
                    self.history.ends.add_penalised(start)

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Learn the trajectories of seed structures, as far as the encoder has their space groups."""
        self._race.learn(trials)
        for trial in trials:
            self.history.tried.add(trial.candidate.start)
            if self.options.avoid_known:
                self._know(trial)
            try:
                frames = self._comparable(trial.frames)
                self._learn(frames)
                self._learn_end(trial, frames)
            except InputError:
                logger.warning("a seed structure is not learnt from: the encoder does not have its space group")

    def _know(self, trial: Trial) -> None:
        """Where a trial began, and where it came to rest, is not to be tried again."""
        self.history.known.add_start(trial.candidate.start)
        if trial.status is TrialStatus.RELAXED and trial.crystal is not None:
            self.history.known.add_minimum(trial.crystal)

    def _comparable(self, frames: Sequence[Frame]) -> list[Frame]:
        """Frames with energies per cell of the contents."""
        contents = self.problem.contents
        return [Frame(frame.crystal, contents.per_cell(frame.energy, frame.crystal)) for frame in frames]

    def _learn_answer(self, info: Mapping[str, Any], energy: float) -> None:
        """An answer has the energy of the crystal that was made of it."""
        if self.options.learn_answers and "bits" in info:
            self.history.points.add(self._vector(info["bits"])[None], np.array([energy]))

    def _learn_end(self, trial: Trial, frames: Sequence[Frame]) -> None:
        """Start, end and answer have the energy in which the relaxation ended, or was stopped."""
        if self.options.targets != "relaxed" or not frames:
            return
        end = frames[-1]
        if self.options.mid and end.energy < 0 and end.crystal.min_distance() < UNPHYSICAL:
            return
        vectors = list(self.encoder.encode([trial.candidate.start, end.crystal]))
        if "bits" in trial.candidate.info:
            vectors.append(self._vector(trial.candidate.info["bits"]))
        self.history.ends.lowest = min(self.history.ends.lowest, end.energy)
        self.history.ends.add(np.stack(vectors), np.full(len(vectors), end.energy))

    def _reject(self, vectors: Sequence[Sequence[int]]) -> None:
        """Vectors that stand for nothing physical count as what is unphysical does, without a relaxation."""
        if vectors:
            bits = np.stack([self._vector(ones) for ones in vectors])
            for vector in bits:
                self.history.add_answer(vector)
            self.history.points.add_penalised(bits)

    def _vector(self, ones: Sequence[int]) -> Bits:
        vector = np.zeros(self.encoder.num_bits, dtype=np.bool_)
        vector[list(ones)] = True
        return vector

    def _learn(self, frames: Sequence[Frame]) -> None:
        crystals = [frame.crystal for frame in frames]
        energies = np.array([frame.energy for frame in frames])
        points = self.history.points
        believed = np.ones(len(frames), dtype=np.bool_)
        if self.options.mid:
            believed = (energies >= 0) | (shortest_distances(crystals) >= UNPHYSICAL)
        if believed.any():
            points.lowest = min(points.lowest, float(energies[believed].min()))
        self._add(crystals, np.where(believed, energies, points.penalty))

    def _add(self, crystals: Sequence[Crystal], energies: Floats) -> None:
        self.history.points.add(self.encoder.encode(crystals), energies)

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """The surrogate's weights, if its next fit starts from them."""
        return self.surrogate.state()

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Give them back to the surrogate."""
        self.surrogate.load_state(state)
