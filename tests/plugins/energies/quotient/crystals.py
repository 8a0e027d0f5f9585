"""Random crystals of any space group, special positions included, for the tests of the quotient graph."""

from __future__ import annotations

import numpy as np

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.symmetry import WyckoffCombinations, impose_cell, space_group


def random_crystal(
    composition: Composition, number: int, rng: np.random.Generator, volume: float = 25.0, shortest: float = 1.3
) -> Crystal | None:
    """A crystal of a group with about so many Å³ per atom; None if the composition does not fit the group."""
    combinations = WyckoffCombinations(composition, number)
    if not combinations.count:
        return None
    group = space_group(number)
    for _ in range(500):
        combination = combinations.sample(rng)
        sites = tuple(
            Site(element, position, tuple(rng.random(group.positions[position].dof)))
            for element, positions in zip(composition.elements, combination, strict=True)
            for position in positions
        )
        lengths = np.exp(rng.normal(0.0, 0.2, 3)) * (volume * composition.num_atoms) ** (1 / 3)
        cell = impose_cell(group.crystal_system, [*lengths, *rng.uniform(75.0, 105.0, 3)])
        crystal = Crystal(composition, number, tuple(cell), sites)
        scale = (volume * composition.num_atoms / crystal.volume) ** (1 / 3)
        crystal = crystal.with_parameters(cell * [scale, scale, scale, 1, 1, 1], [s.free for s in sites])
        if crystal.min_distance() > shortest:
            return crystal
    return None
