"""A batch of which initial crystals, the solver's answers and fresh draws of the prior each have a share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from crysim.composition import Composition
from crysim.crystal import MinDistances
from crysim.crystal.prior import MIN_RATIO, PriorGenerator
from crysim.crystal.radii import radius_sums
from crysim.interfaces import Candidate, Problem, derive_rng
from crysim.strategies.ising.known import KnownCrystals
from crysim.strategies.ising.round import Round

SPARE = 8
"""So many times as many crystals are looked at as are wanted, since known ones are left out."""


@dataclass
class SharedRound(Round):
    """Makes a batch of what the search knows.

    Attributes:
        prior: draws crystals.
        volume: Å³ per cell of the contents at which they are drawn; None: from covalent spheres.
    """

    prior: PriorGenerator | None = None
    volume: float | None = None
    _taken: KnownCrystals = field(default_factory=KnownCrystals)

    def propose(self, n: int) -> list[Candidate]:
        """At most ``candidates_per_solve`` candidates: initial crystals, answers, and draws, each with its origin."""
        options = self.options
        wanted = min(n, options.per_solve)
        first = round(options.initial_share * wanted)
        turn = self.history.number // options.per_solve % options.solve_every == 0
        answers = min(wanted - first, round(options.answer_share * wanted * options.solve_every)) if turn else 0
        places = self.history.initial.untried(SPARE * first, self.history.tried)
        candidates = self._fresh(
            (Candidate(crystal, {"origin": "initial", "initial": place}) for place, crystal in places), first
        )
        if answers:
            found = self._of_lowest_energy(self.solve(answers, 0), SPARE * answers)
            named = (replace(one, info={**one.info, "origin": "answer"}) for one in found)
            candidates += self._fresh(named, answers)
        lacking = wanted - len(candidates)
        if lacking and self._draws_each > 1 and not self.fits and (turn or self.surrogate.state() is None):
            self.fit(0)  # without a state a run that goes on has no earlier fit
            self.clock.lap("train")
        candidates += self._draws(lacking)
        self.clock.lap("decode")
        info = {**candidates[0].info, "fits": self.fits}
        candidates[0] = replace(candidates[0], info=info, seconds=self.clock.seconds)
        return candidates

    @property
    def _draws_each(self) -> int:
        return self.options.draws or 1

    def _draws(self, wanted: int) -> list[Candidate]:
        """New crystals of the prior; of several each the one that the surrogate, as last fitted, has lowest."""
        assert self.prior is not None
        found: list[Candidate] = []
        for number in range(SPARE * wanted):
            if len(found) == wanted:
                break
            rng = derive_rng(self.problem.seed, "draw", self.history.number, number)
            drawn = [self.prior.draw(rng, self.volume) for _ in range(self._draws_each)]
            best = 0
            if len(drawn) > 1:
                best = int(np.argmin(self.surrogate.predict(self.encoder.encode(drawn))))
            one = Candidate(drawn[best], {"origin": "prior"})
            last = SPARE * wanted - number <= wanted - len(found)
            found += [one] if last else self._fresh([one], 1)
        return found

    def _fresh(self, candidates: Iterable[Candidate], wanted: int) -> list[Candidate]:
        """The first candidates that are neither known nor among those taken before."""
        found: list[Candidate] = []
        for candidate in candidates:
            if len(found) == wanted:
                break
            crystal = candidate.start
            if self.options.avoid_known:
                if self.history.known.holds(crystal) or self._taken.holds(crystal):
                    continue
                self._taken.add_start(crystal)
            found.append(candidate)
        return found


def own_distances(problem: Problem) -> MinDistances:
    """Distances that crystals keep at the start: a share of covalent radii, and what the problem gives explicitly."""
    composition: Composition = problem.composition
    given = MinDistances(composition, problem.min_distance or 0.0, problem.pair_distances).thresholds
    wanted = np.maximum(given, MIN_RATIO * radius_sums(composition))
    names = composition.elements
    pairs = {(a, b): float(wanted[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if j <= i}
    return MinDistances(composition, 0.0, pairs)
