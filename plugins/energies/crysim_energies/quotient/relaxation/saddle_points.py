"""Leaves the saddle points that symmetry keeps.

A crystal at rest within its space group is looked at with all atoms and the cell free (`softest`). Where some motion
lowers the energy, the crystal is moved along it a little; what symmetry that leaves, a subgroup, is found anew, and the
crystal relaxes within it. So it goes down from saddle point to saddle point, and only as much symmetry is given up as
the energy asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

from crysim.crystal import Crystal
from crysim.interfaces import RelaxSettings
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.relaxation.relax import Relaxer, Track
from crysim_energies.quotient.relaxation.soft_modes import Mode, softest_modes
from crysim_energies.trajectory import crystal_rng

MOVE = 0.2
"""Å that the farthest atom moves along a mode: far enough for broken symmetry to be seen."""
SYMPREC = 0.04
"""Å: symmetry that a mode breaks by less is taken to be kept; the mode is known to about this."""
GAIN = 1e-3
"""eV per atom: leaving a group pays if it gains more than this."""
ROUNDS = 6
"""Saddle points left at most."""


def without_symmetry(crystal: Crystal) -> Crystal:
    """The same atoms, in the same order, with every atom on its own."""
    return Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, crystal.frac_coords)


def leave_saddle_points(relaxer: Relaxer, tracks: Sequence[Track]) -> list[list[Track]]:
    """The further ways down from where relaxations within the space groups ended.

    Args:
        relaxer: of these relaxations; its settings limit the steps and the time of all of a crystal's ways
            together.
        tracks: of relaxations within the space groups.

    Returns:
        For each track the tracks that follow it, each within a group of its own and lower than the one before; empty
        where nothing is gained, or where the crystal's leave says not to look. What modes and vain attempts took is
        added to the first track.
    """
    max_steps = relaxer.settings.max_steps
    further: list[list[Track]] = [[] for _ in tracks]
    going = [i for i, track in enumerate(tracks) if _is_looked_at(track)]
    for number in range(ROUNDS):
        going = [i for i in going if _goes_on(tracks[i], further[i], relaxer.settings)]
        ends = [(further[i] or tracks[i : i + 1])[-1].at(-1) for i in going]
        rngs = [crystal_rng(tracks[i].crystal, f"polish {number}") for i in going]
        searched = softest_modes(relaxer, [without_symmetry(end) for end in ends], rngs)
        starts: list[Crystal] = []
        leaving: list[int] = []
        for i, end, mode, count, seconds in zip(going, ends, *searched, strict=True):
            tracks[i].evaluations += count
            tracks[i].seconds += seconds
            if mode is not None:
                starts.append(_moved(end, mode))
                leaving.append(i)
        going = []
        left = [max_steps - _steps(tracks[i], further[i]) for i in leaving]
        for i, track in zip(leaving, relaxer.within_groups(starts, left), strict=True):
            before = (further[i] or tracks[i : i + 1])[-1].path[-1][1]
            if not track.failed and track.path[-1][1] < before - GAIN * track.crystal.num_atoms:
                further[i].append(track)
                going.append(i)
            else:
                tracks[i].evaluations += track.evaluations
                tracks[i].steps += track.steps
                tracks[i].seconds += track.seconds
    return further


def _is_looked_at(track: Track) -> bool:
    """Whether it came to an end from which ways down are looked for."""
    wanted = track.stop is None or track.stop.polish
    return wanted and not track.failed and not track.given_up


def _steps(track: Track, further: Sequence[Track]) -> int:
    return track.steps + sum(t.steps for t in further)


def _goes_on(track: Track, further: Sequence[Track], settings: RelaxSettings) -> bool:
    """Whether there are steps and time left to look for a way down."""
    seconds = track.seconds + sum(t.seconds for t in further)
    in_time = settings.timeout is None or seconds < settings.timeout
    return in_time and _steps(track, further) < settings.max_steps


def _moved(crystal: Crystal, mode: Mode) -> Crystal:
    """A crystal moved along a mode, in the group that it has then."""
    from pymatgen.core import Structure

    unit = AsymmetricUnit(without_symmetry(crystal), 1)
    there = unit.moved(unit.start(), MOVE * mode.step)
    structure = Structure(there.lattice, crystal.species, unit.all_coordinates(there))
    return Crystal.from_structure(structure, symprec=SYMPREC, composition=crystal.composition)
