"""A portfolio's crystals as drafts: what an arm draws from, and how, wherever it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.prior import SITE_PRICE, PriorGenerator
from crysim.crystal.recipes import PriorRecipe
from crysim.interfaces import Draft, Problem, Stream
from crysim_baselines import operators
from crysim_baselines.portfolio.alike import ordered_draw
from crysim_baselines.portfolio.derivative import derived
from crysim_baselines.portfolio.minima import Lows, Minimum
from crysim_baselines.portfolio.packed import packed
from crysim_baselines.portfolio.refill import refilled

PRIOR, SPACED = "prior", "spaced"
AGAIN, REFILL, MUTANT, EXCHANGE, DERIVE = "again", "refill", "mutant", "exchange", "derive"
ALIKE, PACKED = "alike", "packed"
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
_OR_SPACED = frozenset({ALIKE, PACKED})


@dataclass(frozen=True)
class Filling:
    """What cells of one content are filled from: two priors, since neither has the other's blind spots."""

    prior: PriorRecipe
    few_sites: PriorRecipe

    @classmethod
    def of(cls, problem: Problem) -> Filling:
        """Of a problem with one content."""
        prior = replace(
            PriorRecipe.of(problem.contents, problem.space_groups, problem.min_distance, problem.pair_distances),
            price_of_many=PRICE_OF_MANY,
        )
        return cls(prior, replace(prior, site_price=SITE_PRICE))

    @property
    def contents(self) -> Contents:
        """Of the cells."""
        return self.prior.contents

    @property
    def thresholds(self) -> Floats:
        """Å ``[elements, elements]``, the distances that all atoms keep."""
        return self.prior.generator.thresholds

    def either(self, rng: np.random.Generator) -> PriorGenerator:
        """One of the two."""
        return self.recipe(rng).generator

    def recipe(self, rng: np.random.Generator) -> PriorRecipe:
        """How one of the two is made."""
        return self.few_sites if rng.random() < FEW_SITES else self.prior

    def spaced(self, low: Minimum, rng: np.random.Generator) -> Floats:
        """Å, the distances of a low minimum, somewhat less: those that its bonds and its repulsions ask for."""
        return np.maximum(self.thresholds, rng.uniform(*SPACING) * low.spacings)

    def volume(self, per_atom: float | None, rng: np.random.Generator) -> float | None:
        """Å³ per cell, by that per atom of a low minimum; None where there is none."""
        return None if per_atom is None else per_atom * self.contents.num_atoms * rng.uniform(*VOLUMES)


@dataclass(frozen=True)
class ArmDraft(Draft):
    """A crystal of an arm. Where the arm makes none, or one of a group that is not allowed, another one is drawn: for
    `ALIKE` and `PACKED` one that keeps a low minimum's distances, for all others one of a prior.

    Attributes:
        filling: of the cell.
        arm: which generator.
        low: what it begins with; None for `PRIOR`.
        lows: what a prior's volume is drawn from.
        stream: of the candidate, once arm and low minimum are drawn.
    """

    filling: Filling
    arm: str
    low: Minimum | None
    lows: Lows
    stream: Stream

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        """The crystal; its origin, where that is not the arm."""
        rng = self.stream.generator()
        crystal = self._by_arm(rng)
        if crystal is not None and self._allowed(crystal):
            return crystal, {}
        if self.arm in _OR_SPACED:
            return self._spaced(rng), {"origin": SPACED}
        return self._of_prior(rng), {"origin": PRIOR}

    def _allowed(self, crystal: Crystal) -> bool:
        groups = self.filling.prior.space_groups
        return groups is None or crystal.space_group in groups

    def _by_arm(self, rng: np.random.Generator) -> Crystal | None:
        """The arm's crystal; None where its atoms come too close, or there is nothing to change."""
        if self.arm == PRIOR:
            return self._of_prior(rng)
        assert self.low is not None
        filling, low = self.filling, self.low
        if self.arm == SPACED:
            return self._spaced(rng)
        if self.arm == AGAIN:
            return _again(filling, low, rng)
        if self.arm == REFILL:
            return refilled(low.crystal, filling.spaced(low, rng), rng, FEW_SITES)
        child = self._of_few(rng) if self.arm in _OR_SPACED else self._changed(low.crystal, rng)
        if child is None or not keep_distances(child, filling.contents.elements, filling.thresholds):
            return None
        return child

    def _changed(self, crystal: Crystal, rng: np.random.Generator) -> Crystal | None:
        if self.arm == DERIVE:
            return derived(crystal, self.filling.contents, rng)
        if self.arm == MUTANT:
            return operators.mutate(crystal, rng, rng.uniform(*MOVES))
        return _exchanged(crystal, rng)

    def _spaced(self, rng: np.random.Generator) -> Crystal:
        assert self.low is not None
        volume = self.filling.volume(self.low.volume, rng)
        return self.filling.either(rng).draw(rng, volume, thresholds=self.filling.spaced(self.low, rng))

    def _of_few(self, rng: np.random.Generator) -> Crystal | None:
        """Of bodies in the place of atoms, or of fewer elements."""
        assert self.low is not None
        filling = self.filling
        volume = filling.volume(self.low.volume, rng)
        assert volume is not None
        if self.arm == ALIKE:
            return ordered_draw(filling.few_sites, volume, filling.thresholds, filling.spaced(self.low, rng), rng)
        units = self.low.units
        return None if units is None else packed(units, filling.recipe(rng), volume, rng.uniform(*SPACING), rng)

    def _of_prior(self, rng: np.random.Generator) -> Crystal:
        volume = self.filling.volume(self.lows.draw(rng), rng)
        return self.filling.either(rng).draw(rng, volume)


def _again(filling: Filling, low: Minimum, rng: np.random.Generator) -> Crystal | None:
    """The same positions at other coordinates."""
    crystal = low.crystal
    if not crystal.num_free_coordinates:
        return None
    volume = filling.volume(low.volume, rng)
    assert volume is not None
    return filling.prior.generator.place(
        crystal.space_group, crystal.combination, volume, rng, thresholds=filling.spaced(low, rng)
    )


def _exchanged(crystal: Crystal, rng: np.random.Generator) -> Crystal | None:
    """Two elements change places, on whole orbits of one size; None where there are none."""
    pairs = operators.exchangeable_orbits(crystal)
    return operators.with_exchanged(crystal, *pairs[int(rng.integers(len(pairs)))]) if pairs else None
