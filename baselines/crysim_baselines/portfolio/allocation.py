"""Who gets the next relaxation: shares among arms, by what each brought for what it cost."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Generic, TypeVar

import numpy as np

Arm = TypeVar("Arm", bound=Hashable)

HALF_LIFE = 400
"""Trials after which what an arm brought and cost counts half: what it had to find may be found."""
GUESSED_EVALUATIONS = 400.0
"""Evaluations that an arm is taken to have spent at the mean rate before it has shown what it brings."""
WORTH = 0.05
"""eV per atom: a new minimum is worth exp(-energy above the best / this)."""


@dataclass
class _Account:
    found: list[tuple[float, int]] = field(default_factory=list)
    spent: float = 0.0
    at: int = 0

    def spent_at(self, now: int) -> float:
        return self.spent * 0.5 ** ((now - self.at) / HALF_LIFE)


class Shares(Generic[Arm]):
    """Probabilities of arms.

    A share of them is fixed, so that no arm starves; the rest goes by the worth of the new minima that an arm found for
    each evaluation that it spent, of late rather than long ago.
    """

    def __init__(self, fixed: dict[Arm, float], learned: float) -> None:
        """Begin with nothing known.

        Args:
            fixed: probabilities of the arms where nothing is learned.
            learned: share that goes by what is learned, 0 to 1.
        """
        total = sum(fixed.values())
        self._fixed = {arm: share / total for arm, share in fixed.items()}
        self._learned = learned
        self._accounts: dict[Arm, _Account] = {arm: _Account() for arm in fixed}

    def learn(self, arm: Arm, evaluations: int, new_minimum: float | None, now: int) -> None:
        """Take note of a trial: what it cost, and the energy per atom of the minimum that it found, if that is new."""
        account = self._accounts[arm]
        account.spent = account.spent_at(now) + evaluations
        account.at = now
        if new_minimum is not None:
            account.found.append((new_minimum, now))

    def probabilities(self, arms: Sequence[Arm], best: float, now: int) -> np.ndarray:
        """Of arms, ``[n]``, with the lowest energy per atom so far."""
        worths, spents = [], []
        for arm in arms:
            account = self._accounts[arm]
            worths.append(
                sum(exp(-(e - best) / WORTH) * 0.5 ** ((now - at) / HALF_LIFE) for e, at in account.found[-50:])
            )
            spents.append(account.spent_at(now))
        mean = (sum(worths) + 0.1) / (sum(spents) + GUESSED_EVALUATIONS)
        fixed = np.array([self._fixed[arm] for arm in arms])
        rates = np.array(
            [(w + mean * GUESSED_EVALUATIONS) / (s + GUESSED_EVALUATIONS) for w, s in zip(worths, spents, strict=True)]
        )
        by_rate = fixed * rates
        return (1 - self._learned) * fixed / fixed.sum() + self._learned * by_rate / by_rate.sum()
