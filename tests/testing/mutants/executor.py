"""A good executor, and mutants of it, each with one fault that the conformance suite must catch."""

from __future__ import annotations

import pickle
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from crysim.harness import processes
from crysim.harness.care import OwnProcesses
from crysim.interfaces import Executor, Trial

LARGE = 1_000_000
"""Bytes that a mutant does not carry whole."""


class Good(Executor):
    """Threads, each of which keeps a process of its own for relaxations."""

    name = "good"
    pool = OwnProcesses
    patience = 120.0
    time_to_end = 120.0
    """Seconds that the suite waits; fewer for a mutant that is caught by that."""

    def start(self, workers):
        self.workers = workers
        return self.pool(workers)

    @property
    def tasks(self):
        return self.workers


class GoodInProcesses(Good):
    """Workers are processes, which keep processes of their own for relaxations."""

    name = "good-in-processes"

    def start(self, workers):
        self.workers = workers
        return ProcessPoolExecutor(workers, mp_context=processes.start_context(1))


class _Altered(OwnProcesses):
    """Alters what comes of a call."""

    def submit(self, fn, /, *args, **kwargs):
        return super().submit(lambda: self.alter(fn(*args, **kwargs)))


class UndocumentedOptions(Good):
    def __init__(self, **options):
        self.options = options


class StartsNothing(Good):
    def start(self, workers):
        self.workers = workers
        return object()


class WantsNothing(Good):
    tasks = 0


class WantsMoreThanItHas(Good):
    patience = 5.0

    @property
    def tasks(self):
        return 2 * self.workers


class OneAtATime(Good):
    patience = 5.0

    def start(self, workers):
        self.workers = workers
        return OwnProcesses(1)


class ComputesWhileSubmitting(Good):
    patience = 5.0

    class pool(OwnProcesses):  # noqa: N801
        def submit(self, fn, /, *args, **kwargs):
            future = super().submit(fn, *args, **kwargs)
            future.exception()
            return future


class ResultsOfTheCallBefore(Good):
    class pool(_Altered):  # noqa: N801
        last = None

        def alter(self, result):
            self.last, result = result, self.last
            return result


class LosesEverySeventh(Good):
    patience = 5.0

    class pool(OwnProcesses):  # noqa: N801
        submitted = 0

        def submit(self, fn, /, *args, **kwargs):
            self.submitted += 1
            return super().submit(fn, *args, **kwargs) if self.submitted % 7 else Future()


class ErrorsAreResults(Good):
    class pool(OwnProcesses):  # noqa: N801
        def submit(self, fn, /, *args, **kwargs):
            def call():
                try:
                    return fn(*args, **kwargs)
                except Exception as error:  # noqa: BLE001
                    return error

            return super().submit(call)


class EndsWithTheFirstError(Good):
    class pool(OwnProcesses):  # noqa: N801
        def submit(self, fn, /, *args, **kwargs):
            def call():
                try:
                    return fn(*args, **kwargs)
                except Exception:
                    self.shutdown(wait=False)
                    raise

            return super().submit(call)


class CutsWhatIsLarge(Good):
    class pool(_Altered):  # noqa: N801
        def alter(self, result):
            return result[:LARGE] if isinstance(result, bytes) else result


class RefusesWhatIsLarge(Good):
    class pool(OwnProcesses):  # noqa: N801
        def submit(self, fn, /, *args, **kwargs):
            if len(pickle.dumps(args)) > LARGE:
                raise OverflowError("too large")
            return super().submit(fn, *args, **kwargs)


class RemembersCalls(Good):
    """As dask does where calls are said to be pure."""

    class pool(OwnProcesses):  # noqa: N801
        def __init__(self, workers):
            super().__init__(workers)
            self.known = {}

        def submit(self, fn, /, *args, **kwargs):
            key = (fn, pickle.dumps(args))
            if key not in self.known:
                self.known[key] = super().submit(fn, *args, **kwargs)
            return self.known[key]


class CallsTwice(Good):
    class pool(OwnProcesses):  # noqa: N801
        def submit(self, fn, /, *args, **kwargs):
            def call():
                fn(*args, **kwargs)
                return fn(*args, **kwargs)

            return super().submit(call)


class LeavesItsProcesses(GoodInProcesses):
    time_to_end = 3.0
    left = []  # noqa: RUF012

    def start(self, workers):
        pool = super().start(workers)
        self.left.append(pool)
        pool.shutdown = lambda wait=True, cancel_futures=False: None
        return pool


class EndsWithTheFirstDeath(Good):
    class pool(_Altered):  # noqa: N801
        def alter(self, result):
            if "died" in getattr(result, "error", ""):
                self.shutdown(wait=False)
            return result


class RoundsEnergies(Good):
    class pool(_Altered):  # noqa: N801
        def alter(self, result):
            if not isinstance(result, list) or not all(isinstance(one, Trial) for one in result):
                return result
            return [self.rounded(trial) for trial in result]

        def rounded(self, trial):
            if trial.energy is None:
                return trial
            energy = float(np.float32(trial.energy))
            return replace(trial, relaxation=replace(trial.relaxation, energy=energy))


class ReversesBatches(Good):
    class pool(_Altered):  # noqa: N801
        def alter(self, result):
            return result[::-1] if isinstance(result, list) else result


MUTANTS = [
    UndocumentedOptions, StartsNothing, WantsNothing, WantsMoreThanItHas, OneAtATime, ComputesWhileSubmitting,
    ResultsOfTheCallBefore, LosesEverySeventh, ErrorsAreResults, EndsWithTheFirstError, CutsWhatIsLarge,
    RefusesWhatIsLarge, RemembersCalls, CallsTwice, LeavesItsProcesses, EndsWithTheFirstDeath, RoundsEnergies,
    ReversesBatches,
]  # fmt: skip
