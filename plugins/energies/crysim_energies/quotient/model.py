"""Energies and relaxations of crystals on their quotient graphs: what the energy model ``m3gnet`` hands its work to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crysim.crystal import Crystal, Floats
from crysim.interfaces import Frame, Relaxation, RelaxSettings, RelaxStatus
from crysim_energies.quotient.asymmetric import AsymmetricUnit
from crysim_energies.quotient.batch import Batch
from crysim_energies.quotient.m3gnet import QuotientM3GNet
from crysim_energies.quotient.polish import polish, without_symmetry
from crysim_energies.quotient.relax import Track, relax_in_groups
from crysim_energies.trajectory import Snapshot, crystal_at_end, crystal_rng, keep_frames, select_frames

MAX_BONDS = {"cpu": 6000, "cuda": 2_000_000}
"""Bonds in a batch by kind of device: about 25 kB each; on a CPU more than these no longer run faster."""

DEFAULT_SYMMETRY = "keep"
"""What a relaxation does with the symmetry if the settings leave it open."""


def quotient_energies(network: QuotientM3GNet, crystals: Sequence[Crystal], max_bonds: int | None = None) -> Floats:
    """Energies ``[n]``, eV per cell, in batches; NaN where an element is unknown or no atoms are near."""
    limit = max_bonds or MAX_BONDS.get(network.device.type, MAX_BONDS["cpu"])
    energies = np.full(len(crystals), np.nan)
    known = [i for i, c in enumerate(crystals) if set(c.composition.elements) <= set(network.element_types)]
    chosen: list[int] = []
    units, bonds = [], []
    size = 0
    for position, i in enumerate(known):
        unit = AsymmetricUnit(crystals[i], network.max_l)
        found = unit.bonds(unit.start(), network.cutoff)
        if len(found.center):
            chosen.append(i)
            units.append(unit)
            bonds.append(found)
            size += len(found.center)
        if chosen and (size >= limit or position == len(known) - 1):
            energies[chosen] = Batch(network, units, bonds).energies([u.start() for u in units])
            chosen, units, bonds, size = [], [], [], 0
    return np.where(np.isfinite(energies), energies, np.nan)


def quotient_relax(
    network: QuotientM3GNet,
    crystals: Sequence[Crystal],
    settings: RelaxSettings,
    symmetry: str,
    max_bonds: int | None = None,
) -> list[Relaxation]:
    """Relax atoms and cells of many crystals at once.

    Args:
        network: the potential.
        crystals: to start from.
        settings: when to stop, pressure and frames; its ``symmetry`` is not looked at.
        symmetry: ``keep`` the space group; ``release`` it (the same method with every atom on its own); or ``polish``:
            keep it, then shake the atoms and release them, which counts only if it lowers the energy.
        max_bonds: of a batch; None: by the device.

    Returns:
        The outcomes in the crystals' order; whatever goes wrong with one is its own failure.
    """
    limit = max_bonds or MAX_BONDS.get(network.device.type, MAX_BONDS["cpu"])
    starts = [without_symmetry(c) for c in crystals] if symmetry == "release" else list(crystals)
    tracks = relax_in_groups(network, starts, settings, limit)
    further = polish(network, tracks, settings, limit) if symmetry == "polish" else [None] * len(tracks)
    return [_outcome(c, t, f, settings) for c, t, f in zip(crystals, tracks, further, strict=True)]


def _outcome(crystal: Crystal, track: Track, further: Track | None, settings: RelaxSettings) -> Relaxation:
    began = time.perf_counter()
    last = further or track
    result = Relaxation(
        status=RelaxStatus.FAILED,
        crystal=None,
        energy=None,
        steps=last.steps,
        evaluations=last.evaluations,
        max_force=None,
        reason=last.reason,
    )
    if not last.failed:
        result = replace(
            result,
            status=RelaxStatus.RELAXED if last.converged else RelaxStatus.NOT_CONVERGED,
            crystal=crystal_at_end(crystal, _snapshot(last, len(last.path) - 1)),
            energy=last.path[-1][1],
            max_force=last.max_force,
            frames=_frames(crystal, track, further, settings.num_frames),
        )
    return replace(result, seconds=last.seconds + time.perf_counter() - began)


def _frames(crystal: Crystal, track: Track, further: Track | None, num_frames: int) -> tuple[Frame, ...]:
    """Frames of the way down as crystals of the starting group; without its symmetry, those that still fit it."""
    if track.crystal is crystal and further is None:
        assert track.unit is not None
        chosen = select_frames(len(track.path), num_frames, crystal_rng(crystal, "frames"))
        return tuple(Frame(track.unit.to_crystal(track.path[i][0]), track.path[i][1]) for i in chosen)
    snapshots = [_snapshot(part, i) for part in (track, further) if part for i in range(len(part.path))]
    return keep_frames(crystal, snapshots, num_frames)


def _snapshot(track: Track, index: int) -> Snapshot:
    assert track.unit is not None
    parameters, energy = track.path[index]
    return Snapshot(parameters.lattice, track.unit.all_coordinates(parameters), energy)
