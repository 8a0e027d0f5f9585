"""Who gets the next relaxation: shares among arms, by what each brought for what it cost."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Generic, TypeVar

import numpy as np

from crysim.arrays import Floats
from crysim.interfaces import Trial

Arm = TypeVar("Arm", bound=Hashable)

HALF_LIFE = 400
"""Trials after which what an arm brought and cost counts half: what it had to find may be found."""
GUESSED_COST = 400.0
"""Evaluations of `TYPICAL_SITES` sites that an arm is taken to have spent at the mean rate before it has shown what it
brings."""
TYPICAL_SITES = 6
"""Sites of a crystal whose evaluation is the unit of what arms spend."""
WORTH = 0.05
"""eV per atom: a new minimum is worth exp(-energy above the best / this)."""
REMEMBERED = 50
"""New minima of an arm that count, the last ones."""
LITTLE = 0.1
"""Worth that all arms together are taken to have brought before anything is known."""


@dataclass
class _Account:
    """What an arm found, by energy per atom and trial, and spent up to a trial (see `cost`)."""

    found: list[tuple[float, int]] = field(default_factory=list)
    spent: float = 0.0
    at: int = 0

    def spent_at(self, now: int) -> float:
        """What it spent, by how long ago."""
        return self.spent * faded(now - self.at)

    def worth_at(self, best: float, now: int) -> float:
        """What was found, by how low it is and how long ago."""
        return sum(exp((best - energy) / WORTH) * faded(now - at) for energy, at in self.found[-REMEMBERED:])


def cost(trial: Trial) -> float:
    """What a trial took: its evaluations, each by its crystal's sites, the only atoms that are reckoned with."""
    sites = TYPICAL_SITES if trial.crystal is None else len(trial.crystal.sites)
    return trial.evaluations * sites / TYPICAL_SITES


def faded(trials: int) -> float:
    """What something so many trials ago still counts."""
    return float(0.5 ** (trials / HALF_LIFE))


class Shares(Generic[Arm]):
    """Probabilities of arms.

    A share of them is fixed, so that no arm starves; the rest goes by the worth of the new minima that an arm found for
    what it spent, of late rather than long ago.
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
        self._last: tuple[object, Floats] | None = None

    def learn(self, arm: Arm, spent: float, new_minimum: float | None, now: int) -> None:
        """Take note of a trial: its `cost`, and the energy per atom of the minimum that it found, if that is new."""
        self._last = None
        account = self._accounts[arm]
        account.spent = account.spent_at(now) + spent
        account.at = now
        if new_minimum is not None:
            account.found.append((new_minimum, now))

    def probabilities(self, arms: Sequence[Arm], best: float, now: int) -> Floats:
        """Of arms, ``[n]``, with the lowest energy per atom so far; the candidates of a batch ask for the same."""
        asked = (tuple(arms), best, now)
        if self._last is None or self._last[0] != asked:
            self._last = asked, self._compute(arms, best, now)
        return self._last[1]

    def _compute(self, arms: Sequence[Arm], best: float, now: int) -> Floats:
        accounts = [self._accounts[arm] for arm in arms]
        worths = np.array([account.worth_at(best, now) for account in accounts])
        spents = np.array([account.spent_at(now) for account in accounts])
        mean = (worths.sum() + LITTLE) / (spents.sum() + GUESSED_COST)
        rates = (worths + mean * GUESSED_COST) / (spents + GUESSED_COST)
        fixed = np.array([self._fixed[arm] for arm in arms])
        by_rate = fixed * rates
        shares = (1 - self._learned) * fixed / fixed.sum() + self._learned * by_rate / by_rate.sum()
        return np.asarray(shares)
