"""The crystal of a structure type of which space group, cell and occupied positions are known, for make_types.py.

The free coordinates are searched as a search would, but for the cell: crystals with random ones are relaxed with all
else free, and the lowest is the type's if it still has that cell and that group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.identity import Identity, identify
from crysim.crystal.packing import flat_combination, place
from crysim.crystal.placement import place_first
from crysim.crystal.recipes import PriorRecipe
from crysim.interfaces import EnergyModel, RelaxSettings, RelaxStatus
from crysim.symmetry.groups import SpaceGroup, space_group, space_group_number

PLACED = 96
"""Crystals with random coordinates."""
TRIED, POINTS = 400, 30
"""Placements, and points of each site, until its atoms keep their distance."""
LENGTHS, ANGLES = 0.08, 4.0
"""Relative deviation of lengths, and that of angles in degrees, within which a cell is kept."""
SAME = 0.02
"""eV per atom above the lowest crystal that one which keeps the cell may lie."""


def placed_type(data: Mapping[str, Any], model: EnergyModel, settings: RelaxSettings) -> Identity | None:
    """The lowest crystal on the positions that keeps cell and group; None if a lower one does not.

    Args:
        data: ``group``, ``cell`` (Å, degrees) and ``positions``, each an element and a Wyckoff letter.
        model: what relaxes them.
        settings: of the relaxations.
    """
    number = space_group_number(data["group"])
    cell = np.asarray(data["cell"], dtype=np.float64)
    relaxed = model.relax(_crystals(space_group(number), cell, data["positions"]), settings)
    ends = [
        (end.energy, end.crystal)
        for end in relaxed
        if end.status is RelaxStatus.RELAXED and end.energy is not None and end.crystal is not None
    ]
    ends.sort(key=lambda end: end[0])
    for energy, crystal in ends:
        if energy > ends[0][0] + SAME * crystal.num_atoms:
            break
        if _kept(np.asarray(crystal.cell), cell):
            identity = identify(crystal, tolerance=0.01, prototypes=False)
            if identity.space_group == number:
                return identity
    return None


def _kept(cell: Floats, given: Floats) -> bool:
    return bool((np.abs(cell[:3] / given[:3] - 1) < LENGTHS).all() and (np.abs(cell[3:] - given[3:]) < ANGLES).all())


def _crystals(group: SpaceGroup, cell: Floats, positions: Sequence[str]) -> list[Crystal]:
    """Crystals on the positions with random coordinates; none where their atoms come too close."""
    sites = [(element, group.position_by_letter(letter)) for element, letter in map(str.split, positions)]
    elements = tuple(dict.fromkeys(element for element, _ in sites))
    combination = tuple(tuple(place for element, place in sites if element == one) for one in elements)
    counts = tuple(sum(group.positions[place].multiplicity for place in places) for places in combination)
    composition = Composition(elements, counts)
    kept = PriorRecipe.of(Contents(composition), (group.number,), None, {}).generator.thresholds
    places, owners, order = flat_combination(group, combination)
    cells = np.tile(cell, (TRIED, 1))
    rng = np.random.default_rng(0)
    crystals = []
    for _ in range(PLACED):
        tried = rng.random((TRIED, len(places), POINTS, 3))
        found, points = place_first(cells, places, owners, order, tried, *group.flat_positions, kept)
        if found < 0:
            break
        crystals.append(place(composition, group.number, combination, cell, points))
    return crystals
