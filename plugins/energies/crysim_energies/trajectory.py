"""From a relaxation's trajectory to the crystals that are kept: frames for training, and the crystal at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import nextafter, sqrt

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.errors import CrysimError
from crysim.interfaces import Frame, derive_rng

RANKING_BIAS = 5.0
"""Of the linear ranking by which frames are drawn, as in the authors' program."""
FRAME_TOLERANCE = 0.1
"""Å: a frame whose atoms lie farther from their places in the starting group says nothing about that group."""
END_TOLERANCE = 0.02
"""Å: within this, the crystal at the end still has its starting group."""
SYMPREC = 0.01
"""Å, of spglib for the crystal at the end."""


@dataclass(frozen=True)
class Snapshot:
    """A structure on the way: lattice ``[3, 3]`` (rows, Å), fractional coordinates ``[n, 3]``, energy (eV per cell)."""

    lattice: Floats
    frac_coords: Floats
    energy: float


def linear_ranking(u: float, bias: float = RANKING_BIAS) -> float:
    """Whitley's linear ranking: maps a uniform number to a relative rank, small ranks the more likely ones.

    Args:
        u: in [0, 1).
        bias: above 1; up to 2 it is the ratio of the first rank's probability to the median's. With 5, ranks stay in
            the first quarter.

    Returns:
        A relative rank in [0, 1): multiply by the number of ranks and round down.
    """
    # The usual form, (bias - root) / (2 (bias - 1)), loses its digits as the bias nears 1.
    rank = 2.0 * u / (bias + sqrt(bias * bias - 4.0 * (bias - 1.0) * u))
    return min(rank, nextafter(1.0, 0.0))


def select_frames(num_recorded: int, num_frames: int, rng: np.random.Generator) -> list[int]:
    """Which of a trajectory's structures are kept: first and last always, the others drawn with a bias to early ones.

    Each draw takes one of the structures that are left, by `linear_ranking` of their order in time.

    Args:
        num_recorded: structures in the trajectory.
        num_frames: how many to keep; one means the last.
        rng: for the draws.

    Returns:
        Distinct indices, ascending; all if there are no more than ``num_frames``.
    """
    if num_recorded <= num_frames:
        return list(range(num_recorded))
    if num_frames < 2:
        return [num_recorded - 1][:num_frames]
    left = list(range(1, num_recorded - 1))
    drawn = [left.pop(int(linear_ranking(rng.random()) * len(left))) for _ in range(num_frames - 2)]
    return [0, *sorted(drawn), num_recorded - 1]


def crystal_rng(crystal: Crystal, purpose: str) -> np.random.Generator:
    """A generator that depends on nothing but the crystal and the purpose, so that a relaxation can be repeated."""
    text = json.dumps(crystal.to_dict(), sort_keys=True)
    return derive_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"), purpose)


def keep_frames(start: Crystal, snapshots: Sequence[Snapshot], num_frames: int) -> tuple[Frame, ...]:
    """Frames of a trajectory as crystals of the starting group and sites.

    A structure that left the group by more than `FRAME_TOLERANCE` is left out: its energy is not that of any crystal
    of the group.
    """
    frames = []
    for index in select_frames(len(snapshots), num_frames, crystal_rng(start, "frames")):
        crystal = projected(start, snapshots[index], FRAME_TOLERANCE)
        if crystal is not None:
            frames.append(Frame(crystal, snapshots[index].energy))
    return tuple(frames)


def projected(start: Crystal, snapshot: Snapshot, tolerance: float) -> Crystal | None:
    """The nearest crystal of the starting group and sites; None if atoms or cell are over ``tolerance`` Å off."""
    try:
        crystal = start.project(snapshot.lattice, snapshot.frac_coords)
    except CrysimError:
        return None
    return crystal if deviation(crystal, snapshot) <= tolerance else None


def deviation(crystal: Crystal, snapshot: Snapshot) -> float:
    """Å: the largest distance of an atom, or of a cell vector's tip, from its place in a crystal with the same atoms.

    The orientation of the cell in space does not count, nor does a common shift of all atoms.
    """
    shifts = snapshot.frac_coords - crystal.frac_coords
    shifts -= shifts[0]
    shifts -= np.round(shifts)
    shifts -= shifts.mean(axis=0)
    atoms = np.linalg.norm(shifts @ snapshot.lattice, axis=1).max()
    lengths = np.linalg.norm(snapshot.lattice, axis=1)
    metric = snapshot.lattice @ snapshot.lattice.T - crystal.lattice @ crystal.lattice.T
    # A change of the metric by 2·l·d is a move of a vector's tip by d.
    cell = np.abs(metric / (2.0 * np.sqrt(np.outer(lengths, lengths)))).max()
    return float(max(atoms, cell))


def crystal_at_end(start: Crystal, snapshot: Snapshot) -> Crystal:
    """The crystal where a relaxation ended, with the group that spglib finds there and as many atoms as at the start.

    The starting group stays where the structure obeys it and spglib finds no other that describes the same number of
    atoms (the conventional cell of a found group may hold more or fewer: energies stay per the same cell).
    """
    from pymatgen.core import Structure

    same = projected(start, snapshot, END_TOLERANCE)
    structure = Structure(snapshot.lattice, start.species, snapshot.frac_coords)
    found = Crystal.from_structure(structure, symprec=SYMPREC, composition=start.composition)
    if same is not None and found.space_group in (start.space_group, 1):
        return same
    return found
