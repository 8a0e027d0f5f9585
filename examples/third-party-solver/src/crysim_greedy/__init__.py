"""A solver that repairs random vectors and keeps the best: the smallest plug-in that passes the suite."""

from time import monotonic, perf_counter_ns

import numpy as np

from crysim import hookimpl
from crysim.interfaces import IsingSolver, SampleSet


class Greedy(IsingSolver):
    name = "greedy"

    def __init__(self, *, restarts: int = 50) -> None:
        self.restarts = restarts

    def solve(self, model, *, num_samples=1, time_limit=None, seed=0):
        start, deadline = perf_counter_ns(), monotonic() + (time_limit or 10.0)
        rng = np.random.default_rng(seed)
        found = [model.random_bits(1, rng)[0]]
        for _ in range(max(self.restarts, num_samples)):
            if monotonic() > deadline:
                break
            x = model.random_bits(1, rng)[0]
            x = model.local_fields(x) < np.median(model.local_fields(x))  # downhill, whatever the groups say
            found.append(model.repair(x[None])[0])
        bits = np.unique(np.array(found), axis=0)
        energies = model.energies(bits)
        order = np.argsort(energies, kind="stable")[:num_samples]
        return SampleSet(bits[order], energies[order], {"total": perf_counter_ns() - start})


@hookimpl
def crysim_solvers():
    return [Greedy]
