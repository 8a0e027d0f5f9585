"""Strategy ``bayesian``: hyperopt's tree of Parzen estimators over crystal parameters (supplement F of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.crystal.prior import VOLUMES, Prior, PriorGenerator
from crysim.errors import InputError, UnknownNameError
from crysim.interfaces import Problem, Strategy
from crysim_baselines.hyperopt_search import HyperoptSearch, Values

_DRAWS = 50
"""Crystals of the prior that are drawn until hyperopt's parameters can express one."""


class Bayesian(HyperoptSearch):
    """Bayesian optimisation by TPE (Bergstra et al., NeurIPS 24, 2011), as in GN-OA."""

    name: ClassVar[str] = "bayesian"
    newer_options: ClassVar[Mapping[str, Any]] = {"batch": 1, "initial": "random", "race": False}

    def __init__(
        self,
        problem: Problem,
        *,
        startup_jobs: int = 200,
        gamma: float = 0.25,
        candidates: int = 24,
        screen: int = 10,
        batch: int = 1,
        initial: Literal["random", "prior"] = "random",
        race: bool = False,
    ) -> None:
        """Choose the options; hyperopt is not imported yet.

        Args:
            problem: what to solve.
            startup_jobs: trials drawn at random before the estimators are used (the paper: 200 of 300).
            gamma: share of the trials that the estimator of good ones is made of, at most.
            candidates: values drawn for every variable, of which the one with the best expected improvement is taken.
            screen: proposals drawn, at most, until one keeps GN-OA's limits of distances and volume; 1 takes what
                comes, as the paper's run did.
            batch: proposals of the estimators before any of them is told.
            initial: what the first trials are drawn from: ``random`` values of all parameters, or a ``prior`` of
                frequent groups and few free coordinates at packed volumes (`crysim.crystal.prior`).
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        super().__init__(problem, screen, race=race)
        if batch < 1:
            raise InputError(f"option 'batch' of strategy 'bayesian' is {batch}: it must be at least 1")
        if initial not in ("random", "prior"):
            raise UnknownNameError("kind of initial crystals", initial, ("random", "prior"))
        if startup_jobs < 1 or candidates < 1 or not 0 < gamma < 1:
            raise InputError(
                "strategy 'bayesian': startup_jobs and candidates must be at least 1, gamma between 0 and 1"
            )
        self._startup_jobs = startup_jobs
        self._gamma = gamma
        self._candidates = candidates
        self._together = batch
        self._from_prior = initial == "prior"

    @property
    def _batch(self) -> int:
        left = self._startup_jobs - self._told
        return left if left > 0 else self._together

    def _parameters(self, number: int, seed: int) -> Values:
        """Those of a crystal of the prior, or hyperopt's own."""
        if not self._from_prior or self._told >= self._startup_jobs:
            return super()._parameters(number, seed)
        rng = np.random.default_rng(seed)
        for _ in range(_DRAWS):
            values = self._space.values(self._prior.draw(rng, spread=VOLUMES), rng)
            if values is not None:
                return values
        return super()._parameters(number, seed)  # what hyperopt can express is far from the prior

    @cached_property
    def _prior(self) -> PriorGenerator:
        return PriorGenerator(Prior(self.problem.contents, self.problem.space_groups), self.problem.min_distances)

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
