"""Where a portfolio's crystals come from, for cells of one content: each makes a crystal, or says that it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal, MinDistances
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.prior import SITE_PRICE, Prior, PriorGenerator
from crysim.interfaces import Problem
from crysim_baselines import operators
from crysim_baselines.enumeration import Enumerate
from crysim_baselines.portfolio.minima import Minima, Minimum
from crysim_baselines.portfolio.refill import refilled

ENUMERATE, PRIOR, SPACED = "enumerate", "prior", "spaced"
AGAIN, REFILL, MUTANT, EXCHANGE = "again", "refill", "mutant", "exchange"
SHARES: Mapping[str, float] = {
    ENUMERATE: 0.08,
    PRIOR: 0.17,
    SPACED: 0.30,
    AGAIN: 0.12,
    REFILL: 0.15,
    MUTANT: 0.10,
    EXCHANGE: 0.08,
}
"""Of the relaxations of each content, where nothing is learned. Those of the first three are drawn afresh
(`crysim.strategies.afresh`), the others begin with a crystal that was found."""
PRICE_OF_MANY = 0.25
"""Of a free coordinate beyond `crysim.crystal.prior.MANY`, in natural logarithms of probability: such crystals are the
dearest to relax, and hardly one of a million ends in the minimum that is looked for."""
FEW_SITES = 0.5
"""Of the random crystals are drawn from the prior in which sites have a price."""
SPACING = (0.75, 0.95)
"""Multiples of a low minimum's distances that atoms keep."""
VOLUMES = (0.95, 1.1)
"""Multiples of a low minimum's volume."""
MOVES = (0.15, 0.8)
"""Å, standard deviations of a mutant's atoms."""


class Generators:
    """The generators of cells of one content."""

    def __init__(self, problem: Problem, minima: Minima) -> None:
        """Nothing is counted yet.

        Args:
            problem: of one content.
            minima: of all contents, as they are found.
        """
        self.problem = problem
        self._minima = minima
        self.enumeration = Enumerate(problem)

    @property
    def contents(self) -> Contents:
        """What they fill cells with."""
        return self.problem.contents

    @cached_property
    def _generator(self) -> PriorGenerator:
        return self._generator_with(site_price=0)

    @cached_property
    def _of_few_sites(self) -> PriorGenerator:
        return self._generator_with(SITE_PRICE)

    def _generator_with(self, site_price: int) -> PriorGenerator:
        problem = self.problem
        distances = MinDistances(problem.composition, problem.min_distance or 0.0, problem.pair_distances)
        prior = Prior(problem.contents, problem.space_groups, price_of_many=PRICE_OF_MANY, site_price=site_price)
        return PriorGenerator(prior, distances)

    def draw(self, arm: str, rng: np.random.Generator) -> Crystal | None:
        """A crystal of an arm; None where it has nothing to begin with, or its atoms come too close."""
        if arm == ENUMERATE:
            return self.enumeration.ask(1)[0].crystal
        if arm == PRIOR:
            volume = self._volume(self._minima.draw(rng), rng)
            return self._either(rng).draw(rng, volume)
        low = self._minima.draw(rng, None if arm == SPACED else self.contents)
        if low is None:
            return None
        if arm == SPACED:
            volume = self._volume(low, rng)
            return self._either(rng).draw(rng, volume, thresholds=self._spaced(low, rng))
        if arm == AGAIN:
            return self._again(low, rng)
        if arm == REFILL:
            return refilled(low.crystal, self._spaced(low, rng), rng, FEW_SITES)
        child = operators.mutate(low.crystal, rng, rng.uniform(*MOVES)) if arm == MUTANT else _exchanged(low, rng)
        if child is None or not keep_distances(child, self.contents.elements, self._generator.thresholds):
            return None
        return child

    def _either(self, rng: np.random.Generator) -> PriorGenerator:
        """One of the two priors: neither has the other's blind spots."""
        return self._of_few_sites if rng.random() < FEW_SITES else self._generator

    def _volume(self, low: Minimum | None, rng: np.random.Generator) -> float | None:
        """Å³ per cell, by a low minimum; None where there is none."""
        return None if low is None else low.volume * self.contents.num_atoms * rng.uniform(*VOLUMES)

    def _spaced(self, low: Minimum, rng: np.random.Generator) -> Floats:
        """Å, the distances of a low minimum, somewhat less: those that its bonds and its repulsions ask for."""
        return np.maximum(self._generator.thresholds, rng.uniform(*SPACING) * low.spacings)

    def _again(self, low: Minimum, rng: np.random.Generator) -> Crystal | None:
        """The same positions at other coordinates."""
        crystal = low.crystal
        if not crystal.num_free_coordinates:
            return None
        volume = self._volume(low, rng)
        assert volume is not None
        return self._generator.place(
            crystal.space_group, crystal.combination, volume, rng, thresholds=self._spaced(low, rng)
        )


def _exchanged(low: Minimum, rng: np.random.Generator) -> Crystal | None:
    """Two elements change places, on whole orbits of one size; None where there are none."""
    pairs = operators.exchangeable_orbits(low.crystal)
    return operators.with_exchanged(low.crystal, *pairs[int(rng.integers(len(pairs)))]) if pairs else None
