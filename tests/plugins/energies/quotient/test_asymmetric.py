"""The asymmetric unit: what is free, where the atoms go, which bonds there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.symmetry import CRYSTAL_SYSTEMS, free_cell_parameters
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, strain_basis
from crysim_energies.quotient.relaxation.saddle_points import without_symmetry
from crysim_energies.quotient.relaxation.stiffness import stiffness

from .crystals import random_crystal

COMPOSITION = Composition.from_formula("Al2Si4O8")


def any_crystal(number: int, seed: int) -> Crystal:
    crystal = random_crystal(COMPOSITION, number, np.random.default_rng(seed))
    if crystal is None:  # every composition fits P1
        crystal = random_crystal(COMPOSITION, 1, np.random.default_rng(seed))
    assert crystal is not None
    return crystal


numbers = st.integers(1, 230)
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("system", CRYSTAL_SYSTEMS)
def test_as_many_strains_as_free_cell_parameters(system):
    basis = strain_basis(system)
    assert len(basis) == len(free_cell_parameters(system))
    np.testing.assert_allclose(np.einsum("kij,lij->kl", basis, basis), np.eye(len(basis)), atol=1e-15)


@settings(max_examples=40, deadline=None)
@given(numbers, seeds)
def test_any_step_keeps_the_group(number, seed):
    crystal = any_crystal(number, seed)
    unit = AsymmetricUnit(crystal, 3)
    start = unit.start()
    np.testing.assert_allclose(unit.to_crystal(start).cell, crystal.cell)
    np.testing.assert_allclose(unit.to_crystal(start).frac_coords, crystal.frac_coords, atol=1e-12)
    step = 0.05 * np.random.default_rng(seed).standard_normal(unit.num_parameters)
    there = unit.moved(start, step)
    moved = unit.to_crystal(there)  # the crystal checks that its cell obeys the system
    np.testing.assert_allclose(moved.volume, abs(np.linalg.det(there.lattice)))
    distance = unit.all_coordinates(there) - moved.frac_coords
    np.testing.assert_allclose(distance, np.rint(distance), atol=1e-9)
    trace = np.trace(np.tensordot(step[: unit.num_strains], unit.basis, axes=1))
    assert moved.volume == pytest.approx(crystal.volume * np.exp(trace))


@settings(max_examples=30, deadline=None)
@given(numbers, seeds)
def test_folded_bonds_are_all_bonds(number, seed):
    """Counted with multiplicities, the bonds and their lengths are those of the crystal without symmetry."""
    crystal = any_crystal(number, seed)
    lengths = []
    for version in (crystal, without_symmetry(crystal)):
        unit = AsymmetricUnit(version, 3)
        bonds = unit.bonds(unit.start(), 5.0)
        count = np.rint(bonds.count * unit.multiplicities[bonds.center]).astype(int)
        points = unit.start().points[bonds.far]
        far = (bonds.far_maps @ points[:, :, None])[:, :, 0] + bonds.constants
        vectors = (far - unit.coordinates(unit.start())[bonds.center]) @ version.lattice
        lengths.append(np.sort(np.repeat(np.linalg.norm(vectors, axis=1), count)))
    np.testing.assert_allclose(lengths[0], lengths[1], atol=1e-9)


def cosines(crystal: Crystal) -> np.ndarray:
    """Of all angles between bonds up to 3.2 Å, each as often as a cell has it, ascending."""
    unit = AsymmetricUnit(crystal, 3)
    start = unit.start()
    bonds = unit.bonds(start, 5.0, 3.2)
    angles = bonds.angles
    far = (bonds.far_maps @ start.points[bonds.far][:, :, None])[:, :, 0] + bonds.constants
    vectors = (far - unit.coordinates(start)[bonds.center]) @ crystal.lattice
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    values = np.einsum("ai,aij,aj->a", directions[angles.left], angles.rotations, directions[angles.right])
    # as many undirected bonds as those that leave one end, or half of these where the ends are equal
    followers = np.bincount(angles.leader, minlength=len(bonds.center)) - 1
    undirected = bonds.count * unit.multiplicities[bonds.center] / np.where(followers > 0, 1, 2)
    return np.sort(np.repeat(values, np.rint(angles.count * undirected[angles.left]).astype(int)))


@settings(max_examples=40, deadline=None)
@given(numbers, seeds)
def test_folded_angles_are_all_angles(number, seed):
    crystal = any_crystal(number, seed)
    np.testing.assert_allclose(cosines(crystal), cosines(without_symmetry(crystal)), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(numbers, seeds)
def test_a_bond_and_its_leader_are_one_bond_seen_from_both_ends(number, seed):
    crystal = any_crystal(number, seed)
    unit = AsymmetricUnit(crystal, 3)
    bonds = unit.bonds(unit.start(), 5.0, 3.2)
    leader = bonds.angles.leader
    assert (leader[leader] == leader).all()
    led = np.flatnonzero(leader != np.arange(len(leader)))
    np.testing.assert_array_equal(bonds.center[led], bonds.far[leader[led]])
    np.testing.assert_array_equal(bonds.far[led], bonds.center[leader[led]])
    there = bonds.count * unit.multiplicities[bonds.center]
    np.testing.assert_allclose(there[led], there[leader[led]])


@settings(max_examples=30, deadline=None)
@given(numbers, seeds)
def test_a_list_that_holds_misses_no_bond(number, seed):
    crystal = any_crystal(number, seed)
    unit = AsymmetricUnit(crystal, 3)
    rng = np.random.default_rng(seed)
    listed = unit.bonds(unit.start(), 5.5)
    there = unit.moved(unit.start(), rng.uniform(0.0, 0.03) * rng.standard_normal(unit.num_parameters))
    if not unit.still_holds(listed, there, 5.0):
        return
    far = (listed.far_maps @ there.points[listed.far][:, :, None])[:, :, 0] + listed.constants
    vectors = (far - unit.coordinates(there)[listed.center]) @ there.lattice
    within = listed.count[np.linalg.norm(vectors, axis=1) <= 5.0].sum()
    assert within == pytest.approx(unit.bonds(there, 5.0).count.sum())


@settings(max_examples=30, deadline=None)
@given(numbers, seeds)
def test_the_elastic_network_is_positive_definite(number, seed):
    unit = AsymmetricUnit(any_crystal(number, seed), 3)
    matrix = stiffness(unit, unit.start(), unit.bonds(unit.start(), 5.5))
    np.testing.assert_allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix)[0] > 0
