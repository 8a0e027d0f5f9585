"""Solvers: a quadratic model to bit vectors of low energy."""

from __future__ import annotations

from abc import ABC, abstractmethod

from crysim.errors import InputError
from crysim.interfaces.plugin import Plugin
from crysim.quadratic import QuadraticModel, SampleSet


class IsingSolver(Plugin, ABC):
    """Minimises a quadratic model under its 'exactly k' groups.

    The smallest one returns the best of random feasible vectors:

    >>> import time
    >>> import numpy as np
    >>> from crysim.interfaces import IsingSolver, SampleSet
    >>> from crysim.quadratic import BitGroup, QuadraticModel
    >>> class BestOfRandom(IsingSolver):
    ...     name = "best-of-random"
    ...
    ...     def __init__(self, *, tries: int = 200) -> None:
    ...         self.tries = tries
    ...
    ...     def solve(self, model, *, num_samples=1, time_limit=None, seed=0):
    ...         start = time.perf_counter_ns()
    ...         found = model.random_bits(self.tries, np.random.default_rng(seed))
    ...         bits = np.unique(found, axis=0)
    ...         energies = model.energies(bits)
    ...         best = np.argsort(energies, kind="stable")[:num_samples]
    ...         return SampleSet(bits[best], energies[best], {"total": time.perf_counter_ns() - start})
    >>> pick_two = (BitGroup("pick", 0, 4, k=2),)
    >>> model = QuadraticModel(np.array([1.0, -2.0, 0.5, -1.0]), factors=np.zeros((4, 1)), groups=pick_two)
    >>> samples = BestOfRandom().solve(model, num_samples=2)
    >>> samples.bits.astype(int).tolist(), samples.energies.tolist()
    ([[0, 1, 0, 1], [0, 1, 1, 0]], [-3.0, -1.5])
    """

    remote: bool = False
    """Whether it sends the model to a service: then nothing solves it twice, or for a trial, without being asked."""

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why this solver cannot take the model (too many bits, no low rank), in one line; None if it can."""
        return None

    def check_model(self, model: QuadraticModel) -> None:
        """Raise InputError with the reason if this solver cannot take the model."""
        reason = self.refuses(model)
        if reason:
            raise InputError(reason)

    @abstractmethod
    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
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
