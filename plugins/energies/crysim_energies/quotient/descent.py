"""Quasi-Newton descent of one crystal in its free parameters, driven from outside: propose, evaluate, receive."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from crysim.crystal import Floats
from crysim_energies.quotient.asymmetric import AsymmetricUnit, Parameters

MAX_MOVE = 0.3
"""Å: no atom moves farther in one step."""
MAX_STRAIN = 0.1
"""No component of the cell's logarithmic strain is larger in one step."""
SHORTEST = 0.5
"""Å: a step that brings two atoms nearer than this is not taken, unless it takes them apart."""
SMALLEST_RADIUS = 1e-4
"""Of the longest step: below it, steps that all raise the energy mean that the forces jump there."""
NOISE = 1e-7
"""eV per atom of noise in energies, which no step is refused for."""


@dataclass
class Point:
    """Parameters with their energy and gradient."""

    parameters: Parameters
    energy: float
    gradient: Floats
    shortest: float


class Descent:
    """The minimiser's state for one crystal.

    Steps follow an inverse Hessian that BFGS updates from the guess given. They are cut to a radius, which shrinks when
    a step raises the energy and grows when steps succeed.

    Attributes:
        here: the best point so far; None before the first evaluation.
        trial: the parameters to be evaluated next.
        stalled: no step lowers the energy any more.
    """

    def __init__(self, unit: AsymmetricUnit, guess: Floats) -> None:
        """Start at the crystal of ``unit`` with a guess of the Hessian ``[p, p]``, positive definite."""
        self.unit = unit
        self.here: Point | None = None
        self.trial = unit.start()
        self.stalled = False
        self._step = np.zeros(unit.num_parameters)
        self._inverse = np.asarray(np.linalg.inv(guess), dtype=np.float64)
        self._scaled = False
        self._radius = 1.0

    def receive(self, energy: float, gradient: Floats, shortest: float) -> bool:
        """Take in the evaluation of `trial` and set the next one; whether the trial was accepted."""
        point = Point(self.trial, energy, gradient, shortest)
        here = self.here
        if here is None:
            self.here = point
            self._propose(self._direction(gradient))
            return True
        usable = isfinite(energy) and bool(np.isfinite(gradient).all())
        collides = shortest < SHORTEST and shortest < here.shortest
        slope = float(here.gradient @ self._step)
        accepted = usable and not collides and energy <= here.energy + 1e-4 * slope + self._noise
        if usable and not collides:
            self._learn(self._step, gradient - here.gradient)
        if accepted:
            if self._length >= 0.99 * self._radius:
                self._radius = min(1.0, 2 * self._radius)
            self.here = point
            self._propose(self._direction(gradient))
            return True
        self._radius = self._backtracked(here.energy, energy, slope, usable and not collides)
        if self._radius < SMALLEST_RADIUS:
            self.stalled = True
        self._propose(self._direction(here.gradient))
        return False

    @property
    def _noise(self) -> float:
        return NOISE * self.unit.crystal.num_atoms

    def _backtracked(self, before: float, after: float, slope: float, usable: bool) -> float:
        """A radius for the next step by the parabola through both energies and the slope."""
        factor = 0.25
        if usable and after > before + slope:
            factor = float(np.clip(-slope / (2 * (after - before - slope)), 0.1, 0.5))
        return factor * self._length

    def _direction(self, gradient: Floats) -> Floats:
        direction: Floats = -self._inverse @ gradient
        return direction

    def _propose(self, step: Floats) -> None:
        assert self.here is not None
        length = self.unit.step_length(self.here.parameters, step, MAX_MOVE, MAX_STRAIN)
        if length > self._radius:
            step = step * (self._radius / length)
            length = self._radius
        self._step, self._length = step, length
        self.trial = self.unit.moved(self.here.parameters, step)

    def _learn(self, step: Floats, change: Floats) -> None:
        """BFGS update of the inverse Hessian; a step along which the energy does not curve upwards teaches nothing."""
        curvature = float(step @ change)
        product = self._inverse @ change
        scale = float(change @ product)
        if curvature <= 1e-8 * sqrt(float(step @ step) * float(change @ change)) or scale <= 0:
            return
        if not self._scaled:
            self._inverse *= curvature / scale
            product *= curvature / scale
            scale = curvature
            self._scaled = True
        self._inverse += np.outer(step, step) * ((1 + scale / curvature) / curvature)
        cross = np.outer(product, step) / curvature
        self._inverse -= cross + cross.T
