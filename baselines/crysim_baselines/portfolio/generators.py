"""Where a portfolio's crystals come from, for cells of one content: each generator gives a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from crysim.interfaces import Candidate, Problem, Stream
from crysim_baselines.enumeration import Enumerate
from crysim_baselines.portfolio.alike import has_alike
from crysim_baselines.portfolio.drafts import (
    AGAIN,
    ALIKE,
    DERIVE,
    EXCHANGE,
    MUTANT,
    PACKED,
    PRIOR,
    REFILL,
    SPACED,
    ArmDraft,
    Filling,
)
from crysim_baselines.portfolio.minima import Minima
from crysim_baselines.portfolio.settled import Settling

ENUMERATE, SETTLED, ANNEALED = "enumerate", "settled", "annealed"
SHARES: Mapping[str, float] = {
    ENUMERATE: 0.08,
    PRIOR: 0.17,
    SPACED: 0.30,
    AGAIN: 0.12,
    REFILL: 0.15,
    MUTANT: 0.10,
    EXCHANGE: 0.08,
    DERIVE: 0.15,
    PACKED: 0.15,
    ALIKE: 0.10,
    SETTLED: 0.60,
    ANNEALED: 0.40,
}
"""Of the relaxations of each content, where nothing is learned. Those of the first three and of `ALIKE` are drawn
afresh (`crysim.strategies.afresh`), the others begin with a crystal that was found, or may."""
_OF_ANY = frozenset({SPACED, PACKED, ALIKE})
"""What takes distances and bodies from minima of any contents."""

POOLED: Mapping[str, tuple[int, Mapping[str, float]]] = {
    SETTLED: (24, {PRIOR: 0.45, AGAIN: 0.15, REFILL: 0.25, MUTANT: 0.10, EXCHANGE: 0.05}),
    ANNEALED: (12, {PRIOR: 0.7, AGAIN: 0.3}),
}
"""Crystals that settle for one that is relaxed, and their shares: of those arms that draw one in a few milliseconds. Of
those that are annealed before there are fewer."""


class Generators:
    """The generators of cells of one content.

    What remembers what it gave before (`ENUMERATE`) gives crystals; the others give drafts, which hold what of the
    minima they depend on.
    """

    def __init__(self, problem: Problem, minima: Minima, settling: Settling | None = None) -> None:
        """Nothing is counted yet.

        Args:
            problem: of one content.
            minima: of all contents, as they are found.
            settling: of all contents; None: nothing settles before it is relaxed.
        """
        self.problem = problem
        self._minima = minima
        self._settling = settling
        self.enumeration = Enumerate(problem)

    @cached_property
    def _filling(self) -> Filling:
        """What cells are filled from; contents that fit no group are refused here, and not where they are drawn."""
        filling = Filling.of(self.problem)
        _ = filling.thresholds
        return filling

    def offers(self, arm: str) -> bool:
        """Whether an arm has what it needs: a potential, bodies in the lowest crystal, or elements that are alike."""
        if arm in POOLED:
            return self._settling is not None and self._settling.potential is not None
        if arm == PACKED:
            return self._minima.in_units
        return arm != ALIKE or has_alike(self.problem.contents)

    def propose(self, arm: str, rng: np.random.Generator) -> Candidate:
        """A candidate of an arm, ``origin`` in its info; from a prior, where there is nothing to begin with."""
        if arm == ENUMERATE:
            return Candidate(self.enumeration.ask(1)[0].start, {"origin": ENUMERATE})
        if arm in POOLED:
            if self._settling is not None and self.offers(arm):
                pool = self._pool(arm, rng)
                lowest = self._settling.draft(pool, Stream.of(rng), anneals=arm == ANNEALED)
                return Candidate(None, {"origin": arm}, draft=lowest)
            arm = PRIOR
        draft = self._draft(arm, rng)
        return Candidate(None, {"origin": draft.arm}, draft=draft)

    def _draft(self, arm: str, rng: np.random.Generator) -> ArmDraft:
        low = None
        if arm != PRIOR:
            low = self._minima.draw(rng, None if arm in _OF_ANY else self.problem.contents, parts=arm == DERIVE)
            arm = PRIOR if low is None else arm
        low = low and low.measured(arm == PACKED)
        return ArmDraft(self._filling, arm, low, self._minima.lows, Stream.of(rng))

    def _pool(self, arm: str, rng: np.random.Generator) -> list[ArmDraft]:
        size, shares = POOLED[arm]
        arms = list(shares)
        chosen = rng.choice(len(arms), size=size, p=list(shares.values()))
        return [self._draft(arms[one], np.random.default_rng(rng.integers(2**63))) for one in chosen]
