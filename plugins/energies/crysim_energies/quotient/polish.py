"""Leaves saddle points that symmetry keeps: a converged crystal is shaken a little, and all its atoms set free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crysim.crystal import Crystal
from crysim.interfaces import RelaxSettings
from crysim_energies.quotient.m3gnet import QuotientM3GNet
from crysim_energies.quotient.relax import Track, relax_in_groups
from crysim_energies.trajectory import crystal_rng

RATTLE = 0.02
"""Å, standard deviation of the displacements."""
GAIN = 1e-3
"""eV per atom: leaving the group pays if it gains more than this."""


def without_symmetry(crystal: Crystal) -> Crystal:
    """The same atoms, in the same order, with every atom on its own."""
    return Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, crystal.frac_coords)


def polish(
    network: QuotientM3GNet, tracks: Sequence[Track], settings: RelaxSettings, max_bonds: int
) -> list[Track | None]:
    """For each track the further way down without symmetry, or None where that gains nothing.

    Args:
        network: the potential.
        tracks: of relaxations within the space groups; those that did not converge are left alone.
        settings: when to stop.
        max_bonds: of a batch.
    """
    chosen = [i for i, track in enumerate(tracks) if track.converged]
    released = relax_in_groups(network, [_shaken(tracks[i]) for i in chosen], settings, max_bonds)
    further: list[Track | None] = [None] * len(tracks)
    for i, track in zip(chosen, released, strict=True):
        tracks[i].seconds += track.seconds
        tracks[i].evaluations += track.evaluations
        if not track.failed and track.path[-1][1] < tracks[i].path[-1][1] - GAIN * track.crystal.num_atoms:
            further[i] = replace(track, evaluations=tracks[i].evaluations, seconds=tracks[i].seconds)
    return further


def _shaken(track: Track) -> Crystal:
    assert track.unit is not None
    parameters = track.path[-1][0]
    coordinates = track.unit.all_coordinates(parameters)
    moves = RATTLE * crystal_rng(track.crystal, "polish").standard_normal(coordinates.shape)
    coordinates = coordinates + moves @ np.linalg.inv(parameters.lattice)
    return Crystal.from_p1(track.crystal.composition, parameters.lattice, track.crystal.species, coordinates)
