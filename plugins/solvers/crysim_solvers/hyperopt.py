"""The tree-structured Parzen estimator (Bergstra et al., NIPS 2011) on a model's bits, with the hyperopt package."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np

from crysim import hookimpl
from crysim.errors import check_positive
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import QuadraticModel
from crysim.quadratic.partition import Partition
from crysim_solvers.samples import collect


class Hyperopt(IsingSolver):
    """TPE over the places of the ones: a comparison from the paper's authors, not a fast way to a minimum.

    Every one of an 'exactly k' group is a categorical variable over the group's bits, so no answer breaks a group;
    of two ones that fall on the same bit the second takes the next zero. A free bit is a variable of two values.

    Args:
        max_evaluations: vectors that are looked at; the time limit may end the search earlier.
        startup: random vectors before the estimator is used.
        max_variables: models with more ones and free bits than this are refused: a suggestion's cost grows with
            variables × evaluations (0.1 s at 100 variables, 1 s at 1,000).
    """

    name: ClassVar[str] = "hyperopt"
    extra: ClassVar[str | None] = "hyperopt"
    module: ClassVar[str | None] = "hyperopt"

    def __init__(self, *, max_evaluations: int = 300, startup: int = 20, max_variables: int = 1000) -> None:
        check_positive("solver 'hyperopt'", max_evaluations=max_evaluations, startup=startup)
        self.max_evaluations = max_evaluations
        self.startup = startup
        self.max_variables = max_variables

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why the model has too many variables, or None."""
        variables = int(Partition.of_model(model).counts.sum())
        if variables <= self.max_variables:
            return None
        return (
            f"solver 'hyperopt' takes at most {self.max_variables} ones and free bits (max_variables), and this model "
            f"has {variables}: take 'annealer' or 'convex'"
        )

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Suggest and evaluate vectors one by one."""
        self.check_model(model)
        import hyperopt

        begin = time.perf_counter_ns()
        partition = Partition.of_model(model)
        space, fixed = _space(hyperopt, partition)
        seen: list[Any] = []

        def energy(places: dict[str, int]) -> float:
            bits = partition.bits_of(_ones(partition, places, fixed)[None])
            seen.append(bits[0])
            return float(model.energies(bits)[0])

        if space:
            hyperopt.fmin(
                energy,
                space,
                algo=hyperopt.partial(hyperopt.tpe.suggest, n_startup_jobs=self.startup),
                max_evals=self.max_evaluations,
                timeout=None if time_limit is None else max(1e-3, time_limit),
                rstate=np.random.default_rng(seed),
                verbose=False,
                show_progressbar=False,
            )
        if not seen:
            energy({})
        return collect(model, np.array(seen), num_samples=num_samples, begin=begin)


def _space(hyperopt: Any, partition: Partition) -> tuple[dict[str, Any], set[int]]:
    """A categorical variable per one, and the groups that leave no choice."""
    space: dict[str, Any] = {}
    fixed: set[int] = set()
    for number, (size, count) in enumerate(zip(partition.sizes, partition.counts, strict=True)):
        if count in (0, size):
            fixed.add(number)
            continue
        for place in range(int(count)):
            label = f"{number}.{place}"
            space[label] = hyperopt.hp.randint(label, int(size))
    return space, fixed


def _ones(partition: Partition, places: dict[str, int], fixed: set[int]) -> Any:
    """The positions of the ones ``[num_ones]`` that the suggested places stand for, group by group."""
    ones: list[int] = []
    for number, (start, size, count) in enumerate(
        zip(partition.starts, partition.sizes, partition.counts, strict=True)
    ):
        taken: set[int] = set()
        for place in range(int(count)):
            at = place if number in fixed else int(places.get(f"{number}.{place}", place))
            while at in taken:
                at = (at + 1) % int(size)
            taken.add(at)
        ones.extend(int(start) + at for at in sorted(taken))
    return np.array(ones, dtype=np.int64)


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Hyperopt]
