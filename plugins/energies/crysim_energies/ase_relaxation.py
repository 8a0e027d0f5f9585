"""Relaxation of one crystal with any ASE calculator: FIRE on atoms and cell, with or without its symmetry."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from crysim.crystal import Crystal
from crysim.errors import CrysimError
from crysim.interfaces import Relaxation, RelaxSettings, RelaxStatus, StopRule
from crysim.symmetry import free_cell_parameters
from crysim_energies.trajectory import Snapshot, crystal_at_end, crystal_rng, keep_frames

MIN_VOLUME_PER_ATOM = 1.0
"""Å^3: no solid is denser; the neighbours within the cutoff of a cell that collapses fill the memory."""
MAX_VOLUME_RATIO = 20.0
"""Of the volume now to that at the start: above this the cell explodes."""
RATTLE = 0.02
"""Å, standard deviation of the displacements that break the symmetry when polishing."""
STALLED_STEP = 1e-4
"""FIRE's time step when it does not get on: it starts at 0.1 and halves whenever the forces turn against the motion,
as they do for ever at a minimum where a pair crosses the potential's cutoff and the forces jump."""
POLISH_GAIN = 1e-3
"""eV per atom: releasing the symmetry pays if it gains more than this."""


RACE_WINDOW = 10
"""Steps whose fall of energy stands for the decrease that is still to come, where there is leave to stop."""
RACE_PATIENCE = 5
"""FIRE's steps for one of a quasi-Newton descent, by which patience is counted."""


class CalculationError(CrysimError):
    """A calculator refuses a structure; the message is the reason, in one line."""


class RelaxationStoppedError(CrysimError):
    """A relaxation cannot go on; the message is the reason, in one line."""


@dataclass
class _Run:
    """What one crystal's relaxation has done so far."""

    start: Crystal
    settings: RelaxSettings
    began: float
    steps: int = 0
    evaluations: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)
    max_force: float = float("inf")
    converged: bool = False
    stop: StopRule | None = None
    given_up: RelaxStatus | None = None
    reason: str = ""


def atoms_of(crystal: Crystal) -> Any:
    """A periodic ``ase.Atoms`` of a crystal, atoms in the crystal's order."""
    from ase import Atoms

    return Atoms(numbers=crystal.numbers, scaled_positions=crystal.frac_coords, cell=crystal.lattice, pbc=True)


def relax_crystal(
    crystal: Crystal, calculator: Any, settings: RelaxSettings, symmetry: str, stop: StopRule | None = None
) -> Relaxation:
    """Relax the atoms and the cell of one crystal by FIRE with the Frechet cell filter.

    Args:
        crystal: to start from.
        calculator: of ASE, with energy, forces and stress.
        settings: when to stop, pressure and frames; its ``symmetry`` is not looked at.
        symmetry: ``keep`` the symmetry operations of the start by projecting forces and stress on them, ``release``
            them, or ``polish``: keep them, then shake the atoms a little and release, which leaves a saddle point.
        stop: leave to stop on the first way down; FIRE has no model of the energy, so the fall of the last
            `RACE_WINDOW` steps is taken for the decrease to come, and patience is `RACE_PATIENCE` times as long.

    Returns:
        The outcome; whatever goes wrong is a relaxation that failed, with the reason.
    """
    run = _Run(crystal, settings, time.perf_counter(), stop=stop)
    try:
        # What becomes of atoms on top of each other is seen in the energy.
        with np.errstate(all="ignore"):
            if symmetry == "polish":
                _polish(run, calculator)
            else:
                _descend(run, atoms_of(crystal), calculator, keep=symmetry == "keep")
        return _outcome(run)
    except (CalculationError, RelaxationStoppedError) as error:
        return _failed(run, str(error))
    # A calculator may fail in any way on an odd structure, and one crystal must not stop the others.
    except Exception as error:  # noqa: BLE001
        lines = str(error).strip().splitlines()
        return _failed(run, f"{type(error).__name__}: {lines[0] if lines else 'no message'}")


def _polish(run: _Run, calculator: Any) -> None:
    _descend(run, atoms_of(run.start), calculator, keep=True)
    if run.given_up:
        return
    run.stop = None
    kept = run.snapshots, run.max_force, run.converged
    atoms = _atoms_at(run)
    rng = crystal_rng(run.start, "polish")
    atoms.positions += RATTLE * rng.standard_normal((len(atoms), 3))
    run.snapshots = []
    _descend(run, atoms, calculator, keep=False)
    gain = kept[0][-1].energy - run.snapshots[-1].energy
    if gain > POLISH_GAIN * len(atoms):
        run.snapshots = [*kept[0], *run.snapshots]
    else:
        run.snapshots, run.max_force, run.converged = kept


def _atoms_at(run: _Run) -> Any:
    atoms = atoms_of(run.start)
    atoms.set_cell(run.snapshots[-1].lattice)
    atoms.set_scaled_positions(run.snapshots[-1].frac_coords)
    return atoms


def _descend(run: _Run, atoms: Any, calculator: Any, *, keep: bool) -> None:
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE
    from ase.units import GPa

    atoms.calc = calculator
    if keep:
        from ase.constraints import FixSymmetry

        atoms.set_constraint(FixSymmetry(atoms))
    cell_filter = FrechetCellFilter(atoms, scalar_pressure=run.settings.pressure * GPa)
    optimizer = FIRE(cell_filter, logfile=None)
    left = run.settings.max_steps - run.steps
    before = run.steps
    for converged in optimizer.irun(fmax=run.settings.fmax, steps=left):
        run.steps = before + optimizer.nsteps
        run.evaluations += 1
        forces = cell_filter.get_forces()
        energy = float(cell_filter.get_potential_energy())
        _check(run, atoms, energy, forces)
        run.max_force = float(np.linalg.norm(forces, axis=1).max())
        run.converged = bool(converged)
        run.snapshots.append(Snapshot(atoms.cell.array.copy(), atoms.get_scaled_positions(wrap=False), energy))
        if not run.converged and run.stop is not None:
            _race(run, run.stop, keep=keep)
        if run.given_up or (not run.converged and optimizer.dt < STALLED_STEP):
            break


def _race(run: _Run, stop: StopRule, *, keep: bool) -> None:
    """Give a descent up where its leave says so; a known minimum is one of a descent that keeps its group."""
    start, last = run.start, run.snapshots[-1]
    atoms = start.num_atoms
    fallen = [snapshot.energy for snapshot in run.snapshots[-RACE_WINDOW:]]
    energy, decrease = last.energy / atoms, (max(fallen) - min(fallen)) / atoms
    volume = abs(float(np.linalg.det(last.lattice))) / atoms
    kept = len(free_cell_parameters(start.system)) + start.num_free_coordinates
    parameters = kept if keep else 3 * atoms + 6
    settled = keep and len(run.snapshots) >= RACE_WINDOW
    if settled and stop.is_known(start, energy, decrease, volume, lambda: crystal_at_end(start, last)):
        run.given_up = RelaxStatus.KNOWN
        run.reason = f"on its way into a known minimum after {run.steps} steps"
    elif stop.is_hopeless(run.evaluations // RACE_PATIENCE, parameters, energy, decrease):
        run.given_up = RelaxStatus.STOPPED
        above = 1000 * (energy - (stop.best or 0.0))
        fell = f"and fell by {1000 * decrease:.0f} in the last"
        run.reason = f"{above:.0f} meV/atom above the best after {run.steps} steps, {fell}"


def _check(run: _Run, atoms: Any, energy: float, forces: Any) -> None:
    """Raise RelaxationStoppedError where going on is of no use."""
    if not isfinite(energy) or not np.isfinite(forces).all():
        raise RelaxationStoppedError(f"energy or forces are no numbers after {run.steps} steps")
    volume = float(atoms.cell.volume)
    if volume < MIN_VOLUME_PER_ATOM * len(atoms):
        raise RelaxationStoppedError(f"the cell collapsed to {volume:.3g} Å^3 after {run.steps} steps")
    if volume > MAX_VOLUME_RATIO * run.start.volume:
        raise RelaxationStoppedError(f"the cell exploded to {volume:.3g} Å^3 after {run.steps} steps")
    timeout = run.settings.timeout
    if timeout is not None and time.perf_counter() - run.began > timeout:
        raise RelaxationStoppedError(f"time-out: over {timeout:g} s after {run.steps} steps")


def _outcome(run: _Run) -> Relaxation:
    last = run.snapshots[-1]
    reason = run.reason
    if not run.converged and not run.given_up:
        why = "" if run.steps >= run.settings.max_steps else ": it no longer moves, the forces jump there"
        reason = f"a force of {run.max_force:.3g} eV/Å is left after {run.steps} steps{why}"
    return Relaxation(
        status=run.given_up or (RelaxStatus.RELAXED if run.converged else RelaxStatus.NOT_CONVERGED),
        crystal=crystal_at_end(run.start, last),
        energy=last.energy,
        steps=run.steps,
        evaluations=run.evaluations,
        max_force=run.max_force,
        frames=keep_frames(run.start, run.snapshots, run.settings.num_frames),
        seconds=time.perf_counter() - run.began,
        reason=reason,
    )


def _failed(run: _Run, reason: str) -> Relaxation:
    return Relaxation(
        status=RelaxStatus.FAILED,
        crystal=None,
        energy=None,
        steps=run.steps,
        evaluations=run.evaluations,
        max_force=None,
        seconds=time.perf_counter() - run.began,
        reason=reason,
    )
