"""The search that fits a surrogate, minimises it with an Ising machine, and learns from what its answers relax to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from crysim.arrays import Bits, Floats
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
from crysim.strategies.ising.options import IsingOptions
from crysim.strategies.ising.round import UNPHYSICAL, Round, fits_of
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
    newer_options: ClassVar[Mapping[str, Any]] = {"initial": "random"}
    renamed_options: ClassVar[Mapping[str, str]] = {"explore": "exploration_weight"}

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

    # -------------------------------------------------------------------------------------- first data

    def initial_crystals(self) -> list[Crystal]:
        """Random crystals (RG with its filter on distances), or those of the prior."""
        if self.options.initial == "prior":
            prior = PriorGenerator(Prior(self.problem.contents, self.problem.space_groups), self.problem.min_distances)
            numbers = range(self.options.num_initial)
            rngs = [derive_rng(self.problem.seed, "initial", "prior", number) for number in numbers]
            return [prior.draw(rng, spread=VOLUMES) for rng in rngs]
        generator = RandomGenerator(
            self.problem.contents,
            self.problem.space_groups,
            self.problem.min_distance,
            self.problem.pair_distances,
        )
        return generator.sample(self.options.num_initial, derive_rng(self.problem.seed, "initial"))

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
        energies = np.array([frame.energy for frame in frames])
        self.history.points.lowest = float(energies.min())
        kept = trains(energies)
        self._add([c for c, keep in zip(crystals, kept, strict=True) if keep], energies[kept])

    # --------------------------------------------------------------------------------------- proposing

    def ask(self, n: int) -> list[Candidate]:
        """Train, solve and decode, or take initial crystals: at most ``batch`` candidates."""
        return self.new_round().propose(n)

    def new_round(self) -> Round:
        """The next proposal, to be made."""
        return Round(self.problem, self.encoder, self.surrogate, self.solver, self.options, self.history)

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
        for trial in trials:
            self.history.number += 1
            self.history.tried.add(trial.candidate.crystal)
            info = trial.candidate.info
            self._reject(info.get("rejected", ()))
            if "bits" in info:
                self.history.add_answer(self._vector(info["bits"]))
            self.history.count(self.encoder.encode([trial.candidate.crystal])[0])
            if trial.frames:
                frames = self._comparable(trial.frames)
                self._learn(frames)
                self._learn_answer(info, frames[0].energy)
            if trial.status is TrialStatus.FAILED and self.options.penalise_failures:
                self.history.points.add_penalised(self.encoder.encode([trial.candidate.crystal]))
                self._learn_answer(info, self.history.points.penalty)

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Learn the trajectories of seed structures, as far as the encoder has their space groups."""
        for trial in trials:
            self.history.tried.add(trial.candidate.crystal)
            try:
                self._learn(self._comparable(trial.frames))
            except InputError:
                logger.warning("a seed structure is not learnt from: the encoder does not have its space group")

    def _comparable(self, frames: Sequence[Frame]) -> list[Frame]:
        """Frames with energies per cell of the contents."""
        contents = self.problem.contents
        return [Frame(frame.crystal, contents.per_cell(frame.energy, frame.crystal)) for frame in frames]

    def _learn_answer(self, info: Mapping[str, Any], energy: float) -> None:
        """An answer has the energy of the crystal that was made of it."""
        if self.options.learn_answers and "bits" in info:
            self.history.points.add(self._vector(info["bits"])[None], np.array([energy]))

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
