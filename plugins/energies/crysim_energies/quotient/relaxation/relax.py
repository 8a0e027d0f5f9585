"""Relaxes many crystals within their space groups at once: finished ones leave the batch, and waiting ones enter."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.interfaces import RelaxSettings, RelaxStatus, StopRule
from crysim_energies.quotient.calculator import CalculatorPotential
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.networks.network import list_bonds, still_holds
from crysim_energies.quotient.relaxation.bfgs import NOISE, Descent
from crysim_energies.quotient.relaxation.evaluation import Evaluator
from crysim_energies.quotient.relaxation.potential import evaluator
from crysim_energies.quotient.relaxation.stiffness import stiffness

if TYPE_CHECKING:
    from crysim_energies.quotient.relaxation.potential import Potential

SKIN = 0.5
"""Å by which the lists of bonds reach beyond the cut-off."""
MIN_VOLUME_PER_ATOM = 1.0
"""Å³: no solid is denser, and the neighbours in a cell that collapses fill the memory."""
MAX_VOLUME_RATIO = 20.0
"""Of the volume now to that at the start: above this the cell explodes."""
RESTARTS = 2
"""Of a minimiser that stalls: what it learnt across a jump of the forces misleads, and is forgotten then."""
STEPS = "{steps}"
"""In a reason: the number of a crystal's steps, known once all of its ways down are (`told`)."""
GPA_PER_EV_PER_CUBIC_ANGSTROM = 160.21766208


@dataclass
class Track:
    """One crystal's way down.

    Attributes:
        crystal: where it started.
        max_steps: after which it ends.
        unit, descent: its free parameters and their minimiser; None if it could not even start.
        bonds: its list of bonds.
        path: the accepted points: parameters and energy (eV per cell; enthalpy under pressure).
        max_force: at the last accepted point, eV/Å.
        evaluations: of energy and gradient, those of refused steps included.
        steps: tried.
        restarts: of the minimiser after it stalled.
        converged: whether ``max_force`` is within the limit.
        failed: whether the end is of no use.
        reason: why it failed or did not converge, in one line, with `STEPS` for their number.
        seconds: its share of the wall time.
        stop: leave to stop it; None: it goes to its end.
        given_up: stopped or known, if it was stopped by that leave.
    """

    crystal: Crystal
    max_steps: int
    unit: AsymmetricUnit | None = None
    descent: Descent | None = None
    bonds: Bonds | None = None
    path: list[tuple[Parameters, float]] = field(default_factory=list)
    max_force: float = float("inf")
    evaluations: int = 0
    steps: int = 0
    restarts: int = 0
    converged: bool = False
    failed: bool = False
    reason: str = ""
    seconds: float = 0.0
    stop: StopRule | None = None
    given_up: RelaxStatus | None = None

    @property
    def finished(self) -> bool:
        """Whether it leaves the batch."""
        return self.converged or bool(self.reason)

    def at(self, index: int) -> Crystal:
        """The crystal at an accepted point, of the starting group and sites."""
        assert self.unit is not None
        return self.unit.to_crystal(self.path[index][0])

    def fail(self, reason: str) -> None:
        """End it without a result."""
        self.failed, self.reason = True, reason

    def give_up(self, status: RelaxStatus, reason: str) -> None:
        """End it where it is, by its leave."""
        self.given_up, self.reason = status, reason


def told(tracks: Sequence[Track]) -> str:
    """Why a crystal's relaxation on a chain of tracks failed or did not converge, with the steps of all of them."""
    return tracks[-1].reason.replace(STEPS, str(sum(track.steps for track in tracks)))


@dataclass(frozen=True)
class Relaxer:
    """Relaxes crystals with one potential under one set of limits.

    Attributes:
        network: the potential: a network, or a calculator.
        settings: when to stop, and the pressure; symmetry and frames are not looked at.
        max_bonds: crystals enter while the batch has fewer bonds, and angles where there are any, than this; it bounds
            the memory.
    """

    network: Potential
    settings: RelaxSettings
    max_bonds: int

    def within_groups(
        self,
        crystals: Sequence[Crystal],
        max_steps: Sequence[int] | None = None,
        stops: Sequence[StopRule | None] | None = None,
    ) -> list[Track]:
        """Relax crystals within their space groups.

        Args:
            crystals: to start from.
            max_steps: of each crystal; None: that of the settings.
            stops: leave to stop each; None: every crystal goes to its end.

        Returns:
            The crystals' tracks in their order.
        """
        limits = [self.settings.max_steps] * len(crystals) if max_steps is None else max_steps
        timeout = self.settings.timeout
        leaves = [None] * len(crystals) if stops is None else stops
        started = zip(crystals, limits, leaves, strict=True)
        tracks = [Track(crystal, limit, stop=leave) for crystal, limit, leave in started]
        waiting = deque(tracks)
        active: list[Track] = []
        batch: Evaluator | None = None
        while waiting or active:
            began = time.perf_counter()
            if self._fill(active, waiting):
                batch = None
            if not active:
                continue
            if self._renew_bonds(active) or batch is None:
                units, bonds = [t.unit for t in active if t.unit], [t.bonds for t in active if t.bonds]
                batch = evaluator(self.network, units, bonds)
            result = batch.evaluate([t.descent.trial for t in active if t.descent])
            for i, track in enumerate(active):
                self._receive(track, float(result.energies[i]), result.gradients[i], float(result.shortest[i]))
                if track.descent and track.descent.here is None and result.refusal(i):
                    track.fail(result.refusal(i))
            share = (time.perf_counter() - began) / len(active)
            for track in active:
                track.seconds += share
                if timeout is not None and track.seconds > timeout and not track.finished:
                    track.fail(f"time-out: over {timeout:g} s after {STEPS} steps")
            if any(t.finished for t in active):
                active = [t for t in active if not t.finished]
                batch = None
        return tracks

    def _fill(self, active: list[Track], waiting: deque[Track]) -> bool:
        """Let waiting crystals enter while there is room; whether any did."""
        entered = False
        size = sum(t.bonds.size for t in active if t.bonds)
        while waiting and (not active or size < self.max_bonds):
            track = waiting.popleft()
            self._start(track)
            if track.bonds is not None and not track.failed:
                active.append(track)
                size += track.bonds.size
                entered = True
        return entered

    def _start(self, track: Track) -> None:
        crystal = track.crystal
        unknown = [e for e in crystal.composition.elements if e not in self.network.element_types]
        if unknown:
            track.fail(f"the potential does not know {unknown[0]}")
            return
        if crystal.volume < MIN_VOLUME_PER_ATOM * crystal.num_atoms:
            track.fail(f"the cell starts with only {crystal.volume:.3g} Å^3")
            return
        track.unit = unit = AsymmetricUnit(crystal, self.network.max_l)
        start = unit.start()
        track.bonds = list_bonds(self.network, unit, start, SKIN)
        try:
            noise = self.network.noise if isinstance(self.network, CalculatorPotential) else NOISE
            track.descent = Descent(unit, stiffness(unit, start, track.bonds), noise)
        except (np.linalg.LinAlgError, ZeroDivisionError):
            track.fail("two atoms start at one place")

    def _renew_bonds(self, active: Sequence[Track]) -> bool:
        """Search the neighbours again where atoms have moved beyond the skin; whether any had."""
        renewed = False
        for track in active:
            assert track.unit is not None
            assert track.bonds is not None
            assert track.descent is not None
            if not still_holds(self.network, track.unit, track.bonds, track.descent.trial):
                track.bonds = list_bonds(self.network, track.unit, track.descent.trial, SKIN)
                if track.descent.here is not None:
                    track.descent.renew(stiffness(track.unit, track.bonds.at, track.bonds))
                renewed = True
        return renewed

    def _receive(self, track: Track, energy: float, gradient: Floats, shortest: float) -> None:
        """Hand an evaluation to the crystal's minimiser and see whether it is done."""
        unit, descent = track.unit, track.descent
        assert unit is not None
        assert descent is not None
        track.evaluations += 1
        track.steps += descent.here is not None
        parameters = descent.trial
        volume = abs(float(np.linalg.det(parameters.lattice)))
        if self.settings.pressure:
            work = self.settings.pressure / GPA_PER_EV_PER_CUBIC_ANGSTROM * volume
            energy += work
            gradient[: unit.num_strains] += work * np.trace(unit.basis, axis1=1, axis2=2)
        if descent.here is None:
            if not isfinite(shortest):
                track.fail(f"no two atoms are within {self.network.cutoff:g} Å: the graph has no edge")
            elif not (isfinite(energy) and np.isfinite(gradient).all()):
                track.fail("energy or forces are no numbers at the start")
            if track.failed:
                return
        if descent.receive(energy, gradient, shortest):
            track.path.append((parameters, energy))
            track.max_force = unit.max_force(parameters, gradient)
            track.converged = track.max_force < self.settings.fmax
            if volume < MIN_VOLUME_PER_ATOM * unit.crystal.num_atoms:
                track.fail(f"the cell collapsed to {volume:.3g} Å^3 after {STEPS} steps")
            elif volume > MAX_VOLUME_RATIO * unit.crystal.volume:
                track.fail(f"the cell exploded to {volume:.3g} Å^3 after {STEPS} steps")
        if track.converged or track.failed:
            return
        if track.stop is not None:
            _race(track, track.stop, descent)
            if track.given_up:
                return
        left = f"a force of {track.max_force:.3g} eV/Å is left after {STEPS} steps"
        if descent.stalled and track.restarts < RESTARTS and track.bonds is not None:
            track.restarts += 1
            descent.restart(stiffness(unit, track.bonds.at, track.bonds))
        if descent.stalled:
            track.reason = f"{left}: no step lowers the energy, the forces jump there"
        elif track.steps >= track.max_steps:
            track.reason = left


def _race(track: Track, stop: StopRule, descent: Descent) -> None:
    """Give a descent up where its leave says so, by its lowest point so far."""
    here = descent.here
    assert here is not None
    atoms = track.crystal.num_atoms
    energy, decrease = here.energy / atoms, descent.predicted_decrease / atoms
    volume = abs(float(np.linalg.det(here.parameters.lattice))) / atoms
    if stop.is_known(track.crystal, energy, decrease, volume, lambda: descent.unit.to_crystal(here.parameters)):
        track.give_up(RelaxStatus.KNOWN, f"on its way into a known minimum after {STEPS} steps")
        return
    above = 1000 * (energy - (stop.best or 0.0))
    if stop.is_hopeless(track.evaluations, descent.unit.num_parameters, energy, decrease):
        track.give_up(
            RelaxStatus.STOPPED,
            f"{above:.0f} meV/atom above the best after {STEPS} steps, with {1000 * decrease:.0f} still to fall",
        )
    elif stop.is_unwanted(energy, decrease):
        track.give_up(RelaxStatus.STOPPED, f"nearly at rest {above:.0f} meV/atom above the best after {STEPS} steps")
