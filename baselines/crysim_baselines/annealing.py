"""Strategy ``annealing``: hyperopt's annealing over crystal parameters, the space of ``bayesian``."""

from __future__ import annotations

from typing import Any, ClassVar

from crysim import hookimpl
from crysim.errors import InputError
from crysim.interfaces import Problem, Strategy
from crysim_baselines.hyperopt_search import HyperoptSearch


class Annealing(HyperoptSearch):
    """Draws each variable about that of a good trial, within a range that shrinks as trials add up."""

    name: ClassVar[str] = "annealing"

    def __init__(
        self, problem: Problem, *, avg_best_idx: float = 2.0, shrink_coef: float = 0.1, screen: int = 10
    ) -> None:
        """Choose the options; hyperopt is not imported yet.

        Args:
            problem: what to solve.
            avg_best_idx: mean rank of the good trial that a proposal starts from (hyperopt's default).
            shrink_coef: how fast the range shrinks: by 1 / (1 + trials · coefficient) (hyperopt's default).
            screen: proposals drawn, at most, until one keeps GN-OA's limits of distances and volume.
        """
        super().__init__(problem, screen)
        if avg_best_idx < 1 or shrink_coef < 0:
            raise InputError("strategy 'annealing': avg_best_idx must be at least 1, and shrink_coef not negative")
        self._avg_best_idx = avg_best_idx
        self._shrink_coef = shrink_coef

    def _suggest(self, number: int, seed: int) -> dict[str, Any]:
        from hyperopt import anneal

        (document,) = anneal.suggest(
            [number],
            self._domain,
            self._trials,
            seed,
            avg_best_idx=self._avg_best_idx,
            shrink_coef=self._shrink_coef,
        )
        return dict(document)


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [Annealing]
