"""Energies and relaxations of crystals on their quotient graphs: what energy models hand their work to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.interfaces import Frame, Relaxation, RelaxSettings, RelaxStatus, StopRule
from crysim_energies.quotient.calculator import CalculatorPotential
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.networks.network import list_bonds
from crysim_energies.quotient.relaxation.potential import network_batch
from crysim_energies.quotient.relaxation.relax import Relaxer, Track, told
from crysim_energies.quotient.relaxation.saddle_points import leave_saddle_points
from crysim_energies.trajectory import Snapshot, crystal_at_end, crystal_rng, keep_frames, select_frames

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork
    from crysim_energies.quotient.relaxation.potential import Potential

MAX_BONDS = {"cpu": 2000, "cuda": 2_000_000}
"""Bonds, and angles where there are any, in a batch by kind of device: at most 25 kB each (CHGNet's take 10); on a CPU
more than these run slower, out of the processor's cache."""

POLISHED_UP_TO = 60
"""Atoms of a cell up to which symmetry is polished if the settings leave it open, and kept above.

Measured on 240 random crystals of six systems (results/symmetry): polishing ends lower than keeping for 50 to 79 % of
them, by 0.2 to 1.0 eV per atom in the mean, and higher for none, at 4 to 14 times the time. With 8 to 24 atoms that is
less than what a strategy takes to propose a crystal; with 160 atoms it is ten times as much.
"""

SHAKE = 0.01
"""Å, standard deviation of the displacements with which a release starts: exact symmetry would keep itself."""


def _max_bonds(network: Potential) -> int:
    if isinstance(network, CalculatorPotential):
        return 1  # one crystal after the other
    return MAX_BONDS.get(network.device.type, MAX_BONDS["cpu"])


def quotient_energies(network: QuotientNetwork, crystals: Sequence[Crystal], max_bonds: int | None = None) -> Floats:
    """Energies ``[n]``, eV per cell, in batches; NaN where an element is unknown or no atoms are near."""
    limit = max_bonds or _max_bonds(network)
    energies = np.full(len(crystals), np.nan)
    known = [i for i, c in enumerate(crystals) if set(c.composition.elements) <= set(network.element_types)]
    chosen: list[int] = []
    units, bonds = [], []
    size = 0
    for position, i in enumerate(known):
        unit = AsymmetricUnit(crystals[i], network.max_l)
        found = list_bonds(network, unit, unit.start(), 0.0)
        if len(found.center):
            chosen.append(i)
            units.append(unit)
            bonds.append(found)
            size += found.size
        if chosen and (size >= limit or position == len(known) - 1):
            energies[chosen] = network_batch(network, units, bonds).energies([u.start() for u in units])
            chosen, units, bonds, size = [], [], [], 0
    return np.where(np.isfinite(energies), energies, np.nan)


def quotient_relax(
    network: Potential,
    crystals: Sequence[Crystal],
    settings: RelaxSettings,
    max_bonds: int | None = None,
    stops: Sequence[StopRule | None] | None = None,
) -> list[Relaxation]:
    """Relax atoms and cells of many crystals at once.

    Args:
        network: the potential: a network, or a calculator.
        crystals: to start from.
        settings: when to stop, pressure, frames and symmetry: ``keep`` the space group; ``release`` it (the same method
            with every atom on its own); or ``polish``: keep it, then leave it step by step where that lowers the energy
            (`leave_saddle_points`). None: by each crystal's size.
        max_bonds: of a batch; None: by the device.
        stops: leave to stop each on its first way down; None: all go to their ends.

    Returns:
        The outcomes in the crystals' order; whatever goes wrong with one is its own failure.
    """
    if settings.symmetry is None:
        return _relax_by_size(network, crystals, settings, max_bonds, stops)
    relaxer = Relaxer(network, settings, max_bonds or _max_bonds(network))
    starts = [_shaken(c) for c in crystals] if settings.symmetry == "release" else list(crystals)
    tracks = relaxer.within_groups(starts, stops=stops)
    further = leave_saddle_points(relaxer, tracks) if settings.symmetry == "polish" else [[] for _ in tracks]
    return [_outcome(c, [t, *more], settings) for c, t, more in zip(crystals, tracks, further, strict=True)]


def _relax_by_size(
    network: Potential,
    crystals: Sequence[Crystal],
    settings: RelaxSettings,
    max_bonds: int | None,
    stops: Sequence[StopRule | None] | None,
) -> list[Relaxation]:
    modes = ["polish" if crystal.num_atoms <= POLISHED_UP_TO else "keep" for crystal in crystals]
    results: dict[int, Relaxation] = {}
    for mode in sorted(set(modes)):
        chosen = [i for i, one in enumerate(modes) if one == mode]
        leaves = None if stops is None else [stops[i] for i in chosen]
        within = replace(settings, symmetry=mode)
        relaxed = quotient_relax(network, [crystals[i] for i in chosen], within, max_bonds, leaves)
        results.update(zip(chosen, relaxed, strict=True))
    return [results[i] for i in range(len(crystals))]


def _shaken(crystal: Crystal) -> Crystal:
    """The crystal without symmetry, moved off any saddle point that it may have started on."""
    moves = SHAKE * crystal_rng(crystal, "release").standard_normal(crystal.frac_coords.shape)
    coordinates = crystal.frac_coords + moves @ np.linalg.inv(crystal.lattice)
    return Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, coordinates)


def _outcome(crystal: Crystal, tracks: Sequence[Track], settings: RelaxSettings) -> Relaxation:
    """What became of a crystal on a chain of tracks, the first from where it started."""
    began = time.perf_counter()
    last = tracks[-1]
    result = Relaxation(
        status=RelaxStatus.FAILED,
        crystal=None,
        energy=None,
        steps=sum(t.steps for t in tracks),
        evaluations=sum(t.evaluations for t in tracks),
        max_force=None,
        reason=told(tracks),
    )
    if not last.failed:
        result = replace(
            result,
            status=last.given_up or (RelaxStatus.RELAXED if last.converged else RelaxStatus.NOT_CONVERGED),
            crystal=_end(crystal, tracks),
            energy=last.path[-1][1],
            max_force=last.max_force,
            frames=_frames(crystal, tracks, settings.num_frames),
        )
    return replace(result, seconds=sum(t.seconds for t in tracks) + time.perf_counter() - began)


def _end(crystal: Crystal, tracks: Sequence[Track]) -> Crystal:
    """The crystal at the end, with the group that it has there; one that was given up, with that of its start."""
    end = tracks[-1].at(-1)
    if tracks[-1].given_up:
        return end
    return crystal_at_end(crystal if len(tracks) == 1 else end, _snapshot(end, 0.0))


def _frames(crystal: Crystal, tracks: Sequence[Track], num_frames: int) -> tuple[Frame, ...]:
    """Frames of the way down as crystals of the starting group and sites.

    Once the symmetry is gone, a frame is the nearest crystal of that group, if one is near; a subgroup's atoms come in
    another order, so on from there no frames are kept but the crystals' own.
    """
    first = tracks[0]
    if first.crystal is crystal:
        chosen = select_frames(len(first.path), num_frames, crystal_rng(crystal, "frames"))
        return tuple(Frame(first.at(i), first.path[i][1]) for i in chosen)
    return keep_frames(crystal, [_snapshot(first.at(i), first.path[i][1]) for i in range(len(first.path))], num_frames)


def _snapshot(crystal: Crystal, energy: float) -> Snapshot:
    return Snapshot(crystal.lattice, crystal.frac_coords, energy)
