"""Strategy ``bayesian``: hyperopt's tree of Parzen estimators over crystal parameters (supplement F of the paper)."""

from __future__ import annotations

from typing import Any, ClassVar

from crysim import hookimpl
from crysim.errors import InputError
from crysim.interfaces import Problem, Strategy
from crysim_baselines.hyperopt_search import HyperoptSearch


class Bayesian(HyperoptSearch):
    """Bayesian optimisation by TPE (Bergstra et al., NeurIPS 24, 2011), as in GN-OA."""

    name: ClassVar[str] = "bayesian"

    def __init__(
        self,
        problem: Problem,
        *,
        startup_jobs: int = 200,
        gamma: float = 0.25,
        candidates: int = 24,
        screen: int = 10,
    ) -> None:
        """Choose the options; hyperopt is not imported yet.

        Args:
            problem: what to solve.
            startup_jobs: trials drawn at random before the estimators are used (the paper: 200 of 300).
            gamma: share of the trials that the estimator of good ones is made of, at most.
            candidates: values drawn for every variable, of which the one with the best expected improvement is taken.
            screen: proposals drawn, at most, until one keeps GN-OA's limits of distances and volume; 1 takes what
                comes, as the paper's run did.
        """
        super().__init__(problem, screen)
        if startup_jobs < 1 or candidates < 1 or not 0 < gamma < 1:
            raise InputError(
                "strategy 'bayesian': startup_jobs and candidates must be at least 1, gamma between 0 and 1"
            )
        self._startup_jobs = startup_jobs
        self._gamma = gamma
        self._candidates = candidates

    @property
    def _batch(self) -> int:
        return max(1, self._startup_jobs - self._told)

    def _suggest(self, number: int, seed: int) -> dict[str, Any]:
        from hyperopt import rand, tpe

        if self._told < self._startup_jobs:
            (document,) = rand.suggest([number], self._domain, self._trials, seed)
        else:
            (document,) = tpe.suggest(
                [number],
                self._domain,
                self._trials,
                seed,
                n_startup_jobs=0,
                n_EI_candidates=self._candidates,
                gamma=self._gamma,
                verbose=False,
            )
        return dict(document)


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [Bayesian]
