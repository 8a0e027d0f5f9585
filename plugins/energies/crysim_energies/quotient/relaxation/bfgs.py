"""Quasi-Newton descent of one crystal in its free parameters, driven from outside: propose, evaluate, receive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp, inf, isfinite, log, sqrt

import numpy as np

from crysim.arrays import Floats
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Parameters
from crysim_energies.quotient.geometry.motion import update_inverse

MAX_MOVE = 0.3
"""Å: no atom moves farther in one step."""
MAX_STRAIN = 0.1
"""No component of the cell's logarithmic strain is larger in one step."""
SHORTEST = 0.5
"""Å: a step that brings two atoms nearer than this is not taken, unless it takes them apart."""
SMALLEST_RADIUS = 1e-4
"""Of the longest step: when even such steps raise the energy, the forces jump there."""
NOISE = 1e-7
"""eV per atom of noise in energies, which no step is refused for."""
MEMORY = 20
"""Steps that the inverse Hessian remembers when it is built anew."""


@dataclass
class Point:
    """Parameters with their energy, gradient ``[p]`` and shortest bond (Å)."""

    parameters: Parameters
    energy: float
    gradient: Floats
    shortest: float


class Descent:
    """The minimiser's state for one crystal.

    Steps follow an inverse Hessian that BFGS updates from a guess. They are cut to a radius, which shrinks when a step
    raises the energy and grows when steps succeed. `renew` replaces the guess when the structure has changed so much
    that another one is better, and keeps what the last steps taught.

    Attributes:
        here: the best point so far; None before the first evaluation.
        trial: the parameters to be evaluated next.
        stalled: no step lowers the energy any more.
    """

    def __init__(self, unit: AsymmetricUnit, guess: Floats, noise: float = NOISE) -> None:
        """Start at the crystal of ``unit`` with a guess of the Hessian ``[p, p]``, positive definite.

        Args:
            unit, guess: see above.
            noise: of energies, eV per atom.
        """
        self._noise = noise * unit.crystal.num_atoms
        self.unit = unit
        self.here: Point | None = None
        self.trial = unit.start()
        self.stalled = False
        self._step = np.zeros(unit.num_parameters)
        self._length = 0.0
        self._radius = 1.0
        self._taught: deque[tuple[Floats, Floats]] = deque(maxlen=MEMORY)
        self._inverse = np.asarray(np.linalg.inv(guess), dtype=np.float64)

    @property
    def predicted_decrease(self) -> float:
        """eV that the quadratic model expects the energy to fall yet: half of gradient · inverse Hessian · gradient.

        Infinite before the first evaluation, and where rounding has spoilt the inverse.
        """
        if self.here is None:
            return inf
        decrease = 0.5 * float(self.here.gradient @ self._inverse @ self.here.gradient)
        return decrease if decrease >= 0 else inf

    def receive(self, energy: float, gradient: Floats, shortest: float) -> bool:
        """Take in the evaluation of `trial` and set the next one; whether the trial was accepted."""
        point = Point(self.trial, energy, gradient, shortest)
        here = self.here
        if here is None:
            self._go_on(point)
            return True
        usable = isfinite(energy) and bool(np.isfinite(gradient).all())
        usable = usable and not (shortest < SHORTEST and shortest < here.shortest)
        slope = float(here.gradient @ self._step)
        if usable:
            self._learn(self._step, gradient - here.gradient)
        if usable and energy <= here.energy + 1e-4 * slope + self._noise:
            if self._length >= 0.99 * self._radius:
                self._radius = min(1.0, 2 * self._radius)
            self._go_on(point)
            return True
        self._radius = self._length * _backtracking(here.energy, energy, slope, usable)
        self.stalled = self._radius < SMALLEST_RADIUS
        self._go_on(here)
        return False

    def renew(self, guess: Floats) -> None:
        """Build the inverse Hessian anew from a guess ``[p, p]`` and the last steps."""
        self._inverse = np.asarray(np.linalg.inv(guess), dtype=np.float64)
        if self._taught:
            logs = [log((s @ y) / (y @ self._inverse @ y)) for s, y in list(self._taught)[-3:]]
            self._inverse *= exp(sum(logs) / len(logs))
        for step, change in self._taught:
            update_inverse(self._inverse, step, change)

    def restart(self, guess: Floats) -> None:
        """Forget all steps, and go on from the best point with a guess ``[p, p]`` and short steps."""
        assert self.here is not None
        self._taught.clear()
        self.renew(guess)
        self.stalled = False
        self._radius = 0.1
        self._go_on(self.here)

    def _go_on(self, point: Point) -> None:
        """Propose the next trial from a point."""
        self.here = point
        step: Floats = -self._inverse @ point.gradient
        # rounding has spoilt the inverse if it leads uphill
        self.stalled = self.stalled or float(step @ point.gradient) > 0
        length = self.unit.step_length(point.parameters, step, MAX_MOVE, MAX_STRAIN)
        if length > self._radius:
            step = step * (self._radius / length)
            length = self._radius
        self._step, self._length = step, length
        self.trial = self.unit.moved(point.parameters, step)

    def _learn(self, step: Floats, change: Floats) -> None:
        """Update the inverse Hessian; a step along which the energy does not curve upwards teaches nothing."""
        curvature = float(step @ change)
        if curvature <= 1e-8 * sqrt(float(step @ step) * float(change @ change)):
            return
        if not self._taught:
            self._inverse *= curvature / float(change @ self._inverse @ change)
        self._taught.append((step, change))
        update_inverse(self._inverse, step, change)


def _backtracking(before: float, after: float, slope: float, usable: bool) -> float:
    """By how much to shorten a step that failed: to the minimum of the parabola through both energies and the slope."""
    if not usable or after <= before + slope:
        return 0.25
    return float(np.clip(-slope / (2 * (after - before - slope)), 0.1, 0.5))
