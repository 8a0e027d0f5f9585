"""A good plug-in of the kind strategy, and mutants of it, each with one fault that its conformance suite must catch."""

from __future__ import annotations

import time

import numpy as np

from crysim.composition import Composition
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import Candidate, Strategy, derive_rng


class Good(Strategy):
    """Random crystals, and now and then the best so far, shaken."""

    name = "good"

    def __init__(self, problem, *, every: int = 2) -> None:
        self.problem, self.every, self.told, self.best = problem, every, 0, None

    @property
    def distances(self):
        return self.problem.min_distance, self.problem.pair_distances

    @property
    def composition(self):
        return self.problem.contents

    def generator(self, number):
        return derive_rng(self.problem.seed, "good", number)

    def ask(self, n):
        return [self.propose(self.told + i) for i in range(n)]

    def propose(self, number):
        rng = self.generator(number)
        source = RandomGenerator(self.composition, self.problem.space_groups, *self.distances)
        crystal = source.sample(1, rng)[0]
        if self.best is not None and number % self.every:
            best = self.best[1]
            lengths = np.array(best.cell[:3]) * (1.0 + 0.02 * rng.random(3))
            crystal = best.with_parameters([*lengths, *best.cell[3:]], [site.free for site in best.sites])
        return Candidate(crystal, info={"number": number})

    def tell(self, trials):
        for trial in trials:
            self.told += 1
            if trial.counted and (self.best is None or trial.energy < self.best[0]):
                self.best = trial.energy, trial.crystal


class GoodWithState(Good):
    """Draws on from one generator, whose state is its own."""

    def __init__(self, problem, *, every: int = 2) -> None:
        super().__init__(problem, every=every)
        self.drawn = 0

    def generator(self, number):
        self.drawn += 1
        return derive_rng(self.problem.seed, "drawn", self.drawn)

    def state(self):
        return {"drawn": np.array([self.drawn])}

    def load_state(self, state):
        self.drawn = int(state["drawn"][0])


class IgnoresPairDistances(Good):
    @property
    def distances(self):
        return (self.problem.min_distance,)


class IgnoresMinDistance(Good):
    @property
    def distances(self):
        return 0.0, self.problem.pair_distances


class OtherComposition(Good):
    @property
    def composition(self):
        return Composition.from_formula("AlCu3")


class OtherGroups(Good):
    def ask(self, n):
        source = RandomGenerator(self.composition, [1, 2, 225])
        return [Candidate(one) for one in source.sample(n, self.generator(self.told))]


class MoreThanAsked(Good):
    def ask(self, n):
        return super().ask(n + 1)


class None_(Good):  # noqa: N801
    def ask(self, n):
        return super().ask(n) if self.told < 4 else []


class Generates(Good):
    def ask(self, n):
        return iter(super().ask(n))


class LosesItsState(GoodWithState):
    def load_state(self, state):
        pass


class HidesItsState(GoodWithState):
    def state(self):
        return None


class CountsWhatItAsked(Good):
    asked = 0

    def ask(self, n):
        self.asked += n
        return [self.propose(self.asked - n + i) for i in range(n)]


class IgnoresTheSeed(Good):
    def generator(self, number):
        return derive_rng(0, "good", number)


class DrawsFromEntropy(Good):
    def generator(self, number):
        return np.random.default_rng()


class DrawsFromTheGlobalGenerator(Good):
    def generator(self, number):
        np.random.seed(number)  # noqa: NPY002
        return super().generator(number)


class DependsOnTheDay(Good):
    def generator(self, number):
        return derive_rng(self.problem.seed, "good", number, int(time.time()) // 60)


class DependsOnHowLongItTook(Good):
    def tell(self, trials):
        super().tell(trials)
        if trials[-1].seconds > 1.0:
            self.best = None


class DependsOnHashes(Good):
    def generator(self, number):
        return derive_rng(self.problem.seed, "good", number, hash("strategy") & 0xFFFF)


class CannotBeJournalled(Good):
    def propose(self, number):
        return Candidate(super().propose(number).crystal, info={"crystal": object()})


class JournalsNotANumber(Good):
    def propose(self, number):
        return Candidate(super().propose(number).crystal, info={"energy": float("nan")})


class ChokesOnFailures(Good):
    def tell(self, trials):
        for trial in trials:
            if trial.energy is None and self.told < 4:
                raise TypeError("no energy")
        super().tell(trials)


class ChangesWhatItIsTold(Good):
    def tell(self, trials):
        super().tell(trials)
        for trial in trials:
            trial.candidate.info["told"] = True


MUTANTS = [
    IgnoresPairDistances, IgnoresMinDistance, OtherComposition, OtherGroups, MoreThanAsked, None_, Generates,
    LosesItsState, HidesItsState, CountsWhatItAsked, IgnoresTheSeed, DrawsFromEntropy, DrawsFromTheGlobalGenerator,
    DependsOnTheDay, DependsOnHowLongItTook, DependsOnHashes, CannotBeJournalled, JournalsNotANumber,
    ChokesOnFailures, ChangesWhatItIsTold,
]  # fmt: skip
