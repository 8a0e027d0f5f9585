"""The softest mode of crystals at rest: does any motion of the free atoms and cell lower the energy?

A Lanczos iteration on the Hessian in the metric of the elastic network (`stiffness`), in which stable crystals have
eigenvalues about 1, so that a negative one shows within a few products. A product of the Hessian with a motion is a
difference of two gradients.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, eigh_tridiagonal, solve_triangular

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.networks.network import list_bonds
from crysim_energies.quotient.relaxation.potential import evaluator
from crysim_energies.quotient.relaxation.relax import Relaxer
from crysim_energies.quotient.relaxation.stiffness import stiffness

REACH = 0.01
"""Å by which an atom moves at most in a difference of gradients, and times 0.2 the cell's strain."""
PRODUCTS = 14
"""Products of the Hessian at most: a mode that is not found with these is hardly soft."""
UNSTABLE = -0.02
"""An eigenvalue in the elastic network's metric below this is a way down and not noise."""
SETTLED = 0.1
"""A way down is followed once its residual is below this share of its eigenvalue."""


@dataclass(frozen=True)
class Mode:
    """A motion of the free crystal: its curvature in the elastic network's metric, and the step ``[p]`` along it.

    The step moves one atom by 1 Å, or strains the cell by 0.2.
    """

    curvature: float
    step: Floats


class _Lanczos:
    """The iteration for one crystal: ask for `trial`, hand the gradient there to `receive`."""

    def __init__(self, unit: AsymmetricUnit, guess: Floats, rng: np.random.Generator) -> None:
        self.unit = unit
        self.start = unit.start()
        self.trial = self.start
        self.mode: Mode | None = None
        self.done = False
        self._factor = cholesky(guess, lower=True)
        self._gradient: Floats | None = None
        self._basis: list[Floats] = []
        self._diagonal: list[float] = []
        self._off: list[float] = []
        self._scale = 0.0
        self._first = rng.standard_normal(unit.num_parameters)

    def receive(self, gradient: Floats) -> None:
        """Take in the gradient at the trial and set the next one."""
        if not np.isfinite(gradient).all():
            self.done = True  # a calculator refuses what is so near to a crystal at rest: nothing is known of its modes
            return
        if self._gradient is None:
            self._gradient = gradient
            self._ask(self._first)
            return
        image = solve_triangular(self._factor, (gradient - self._gradient) / self._scale, lower=True)
        self._diagonal.append(float(self._basis[-1] @ image))
        for _ in range(2):  # once is not enough against rounding
            for vector in self._basis:
                image = image - (vector @ image) * vector
        left = float(np.linalg.norm(image))
        values, vectors = eigh_tridiagonal(np.array(self._diagonal), np.array(self._off))
        lowest, residual = float(values[0]), left * abs(float(vectors[-1, 0]))
        settled = lowest < UNSTABLE and residual < SETTLED * abs(lowest)
        if settled or len(self._basis) >= min(PRODUCTS, self.unit.num_parameters - 1) or left < 1e-9:
            self.done = True
            if lowest < UNSTABLE:
                step = self._motion(np.tensordot(vectors[:, 0], np.stack(self._basis), axes=1))
                self.mode = Mode(lowest, step / self._length(step))
            return
        self._off.append(left)
        self._ask(image)

    def _ask(self, vector: Floats) -> None:
        vector = vector / np.linalg.norm(vector)
        self._basis.append(vector)
        step = self._motion(vector)
        self._scale = REACH / self._length(step)
        self.trial = self.unit.moved(self.start, self._scale * step)

    def _motion(self, vector: Floats) -> Floats:
        motion: Floats = solve_triangular(self._factor.T, vector, lower=False)
        return motion

    def _length(self, step: Floats) -> float:
        return self.unit.step_length(self.start, step, 1.0, 0.2)


def softest_modes(
    relaxer: Relaxer, crystals: Sequence[Crystal], rngs: Sequence[np.random.Generator]
) -> tuple[list[Mode | None], list[int], list[float]]:
    """For each crystal a motion of its free parameters along which its energy falls, or None if none is found.

    Args:
        relaxer: whose network and batches are used.
        crystals: at rest, without symmetry if all motions are to be looked at.
        rngs: for the iteration's first vector, one of each crystal.

    Returns:
        The modes, how many gradients each crystal took, and its share of the wall time.
    """
    network = relaxer.network
    modes: list[Mode | None] = [None] * len(crystals)
    counts = [0] * len(crystals)
    seconds = [0.0] * len(crystals)
    waiting = list(range(len(crystals)))
    while waiting:
        began = time.perf_counter()
        chosen: list[int] = []
        units: list[AsymmetricUnit] = []
        bonds: list[Bonds] = []
        size = 0
        while waiting and (not chosen or size < relaxer.max_bonds):
            chosen.append(waiting.pop(0))
            units.append(AsymmetricUnit(crystals[chosen[-1]], network.max_l))
            # the motions are so small that the first list serves for all
            bonds.append(list_bonds(network, units[-1], units[-1].start(), 4 * REACH))
            size += bonds[-1].size
        batch = evaluator(network, units, bonds)
        searches = [
            _Lanczos(unit, stiffness(unit, b.at, b), rngs[i]) for unit, b, i in zip(units, bonds, chosen, strict=True)
        ]
        while not all(search.done for search in searches):
            trials: list[Parameters] = [search.trial for search in searches]
            for i, search, gradient in zip(chosen, searches, batch.evaluate(trials).gradients, strict=True):
                if not search.done:
                    counts[i] += 1
                    search.receive(gradient)
        for i, search in zip(chosen, searches, strict=True):
            modes[i] = search.mode
            seconds[i] = (time.perf_counter() - began) / len(chosen)
    return modes, counts, seconds
