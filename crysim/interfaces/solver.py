"""Solvers: a quadratic model to bit vectors of low energy."""

from __future__ import annotations

from abc import ABC, abstractmethod

from crysim.interfaces.plugin import Plugin
from crysim.quadratic import QuadraticModel, SampleSet


class IsingSolver(Plugin, ABC):
    """Minimises a quadratic model under its 'exactly k' groups."""

    remote: bool = False
    """Whether it sends the model to a service: then nothing solves it twice, or for a trial, without being asked."""

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why this solver cannot take the model (too many bits, no low rank), in one line; None if it can."""
        return None

    @abstractmethod
    def solve(
        self,
        model: QuadraticModel,
        *,
        num_samples: int = 1,
        time_limit: float | None = None,
        seed: int = 0,
    ) -> SampleSet:
        """Find up to ``num_samples`` distinct feasible vectors, best first.

        Args:
            model: what to minimise.
            num_samples: how many distinct vectors are wanted.
            time_limit: seconds of wall time after which the best so far is returned; None: the solver's default.
            seed: the same model, options and seed give the same answer on a CPU, unless the time limit cuts in.

        Raises:
            InputError: the solver refuses the model.
            CrysimError: no answer could be had (no network, nothing feasible).
        """
