"""A good plug-in of the kind solver, and mutants of it, each with one fault that its conformance suite must catch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic.penalties import descend


class Good(IsingSolver):
    """Random vectors, brought to minima under exchanges; free bits by trying them all in turn."""

    name = "good"

    def __init__(self, *, starts: int = 12) -> None:
        self.starts = starts

    def generator(self, seed):
        return np.random.default_rng(seed)

    def solve(self, model, *, num_samples=1, time_limit=None, seed=0):
        begin, rng, found = time.perf_counter(), self.generator(seed), []
        free = np.ones(model.num_bits, dtype=np.bool_)
        for group in model.groups:
            free[group.slice] = False
        for _ in range(max(self.starts, num_samples)):
            x = model.random_bits(1, rng)[0]
            for _ in range(3):
                x = descend(model, x)
                for bit in np.flatnonzero(free):
                    x[bit] = model.local_fields(x)[bit] < 0
            found.append(x)
            if time_limit is not None and time.perf_counter() - begin > time_limit:
                break
        bits = np.unique(np.array(found), axis=0)
        energies = model.energies(bits)
        order = np.argsort(energies, kind="stable")[:num_samples]
        return SampleSet(bits[order], energies[order], {"total": int(1e9 * (time.perf_counter() - begin)) + 1})


class Altered(Good):
    """Alters the good answer."""

    def solve(self, model, **given):
        return self.alter(super().solve(model, **given), model)


class FalseProof(Altered):
    def alter(self, samples, model):
        return replace(samples, lower_bound=float(samples.energies[0]), optimal=True)


class FalseBound(Altered):
    def alter(self, samples, model):
        return replace(samples, lower_bound=float(samples.energies[0]) - 1e-3)


class AMillionTooLow(Altered):
    def alter(self, samples, model):
        return replace(samples, energies=samples.energies - 1e6)


class Infeasible(Altered):
    def alter(self, samples, model):
        bits = samples.bits.copy()
        bits[-1, model.groups[0].slice] = True
        return replace(samples, bits=bits, energies=model.energies(bits))


class WorstFirst(Altered):
    def alter(self, samples, model):
        return replace(samples, bits=samples.bits[::-1], energies=samples.energies[::-1])


class NotANumber(Altered):
    def alter(self, samples, model):
        return replace(samples, energies=np.full_like(samples.energies, np.nan))


class Doubled(Altered):
    def solve(self, model, *, num_samples=1, **given):
        samples = Good.solve(self, model, num_samples=num_samples, **given)
        rows = np.sort(np.arange(num_samples) % len(samples.bits))
        return replace(samples, bits=samples.bits[rows], energies=samples.energies[rows])


class Flat(Altered):
    def alter(self, samples, model):
        return replace(samples, bits=samples.bits.ravel())


class Lists(Altered):
    def alter(self, samples, model):
        return replace(samples, bits=samples.bits.tolist(), energies=samples.energies.tolist())


class Numbers(Altered):
    def alter(self, samples, model):
        return replace(samples, bits=samples.bits.astype(np.int8))


class MoreThanAsked(Good):
    def solve(self, model, *, num_samples=1, **given):
        return super().solve(model, num_samples=num_samples + 3, **given)


class ChangesTheModel(Good):
    def solve(self, model, **given):
        samples = super().solve(model, **given)
        model.linear[0] += 1.0
        return samples


class IgnoresTheTimeLimit(Good):
    def solve(self, model, *, time_limit=None, **given):
        if time_limit == 0.2:  # the suite's test of it; elsewhere the sleep would only take time
            time.sleep(1.2)
        return super().solve(model, time_limit=time_limit, **given)


class IgnoresTheSeed(Good):
    def generator(self, seed):
        return np.random.default_rng()


class DrawsFromTheGlobalGenerator(Good):
    def generator(self, seed):
        np.random.seed(seed)  # noqa: NPY002
        return np.random.default_rng(seed)


class DependsOnHashes(Good):
    def generator(self, seed):
        return np.random.default_rng([seed, hash("solver") & 0xFFFF])


class DependsOnTheDay(Good):
    def generator(self, seed):
        return np.random.default_rng([seed, int(time.time()) // 60])


MUTANTS = [
    FalseProof, FalseBound, AMillionTooLow, Infeasible, WorstFirst, NotANumber, Doubled, Flat, Lists, Numbers,
    MoreThanAsked, ChangesTheModel, IgnoresTheTimeLimit, IgnoresTheSeed, DrawsFromTheGlobalGenerator, DependsOnHashes,
    DependsOnTheDay,
]  # fmt: skip
