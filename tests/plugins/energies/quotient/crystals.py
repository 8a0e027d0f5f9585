"""Random crystals of any space group, special positions included, for the tests of the quotient graph."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.symmetry import WyckoffCombinations, impose_cell, space_group
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit

COMPOSITIONS = [Composition.from_formula(f) for f in ("Ca4S4", "Al2Si4O8", "Ba3Na3Bi3", "Y6Co6")]


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


def crystals_of_many_groups(numbers: Iterable[int], volume: float = 25.0) -> list[Crystal]:
    """A crystal of each of the groups that some composition fits, and more of groups of high symmetry."""
    rng = np.random.default_rng(7)
    drawn = [random_crystal(COMPOSITIONS[n % len(COMPOSITIONS)], n, rng, volume) for n in numbers]
    drawn += [random_crystal(COMPOSITIONS[0], n, rng, volume) for n in (194, 198, 205, 216, 221, 225)]
    return [crystal for crystal in drawn if crystal is not None]


def on_special_positions(crystal: Crystal) -> bool:
    return bool(crystal.multiplicities.min() < len(crystal.group.operations[0]))


def forces_and_stress(unit: AsymmetricUnit, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forces on the representatives ``[s, 3]`` and the stress, from the gradient in the free parameters."""
    crystal = unit.crystal
    stress = np.tensordot(gradient[: unit.num_strains], unit.basis, axes=1) / crystal.volume
    values = np.zeros(unit.free.shape)
    values[unit.free] = gradient[unit.num_strains :]
    forces = np.zeros((len(crystal.sites), 3))
    for s in range(len(crystal.sites)):
        moves = unit.maps[s].T[unit.free[s]] @ crystal.lattice
        if len(moves):
            forces[s] = -np.linalg.pinv(moves) @ values[s][unit.free[s]] / crystal.multiplicities[s]
    return forces, stress
