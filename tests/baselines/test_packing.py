"""Packing ratios, and random crystals at a plausible volume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import shortest_distances
from crysim.crystal.generation import RandomGenerator
from crysim.crystal.packing import (
    cells_from_shapes,
    estimated_volume,
    likely_cells,
    num_shape_parameters,
    packing_ratios,
    place,
)
from crysim.crystal.radii import radius_sums
from crysim.harness.systems import builtin_systems
from crysim.interfaces import Problem
from crysim.symmetry import CRYSTAL_SYSTEMS, impose_cell, lattice_from_cell
from crysim_baselines.packed_random import PackedGenerator

GARNET = Composition.from_formula("Ca24Al16Si24O96")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_ratios_with_equal_radii_are_minimum_distances(seed: int) -> None:
    composition = Composition.from_formula("Ba3Na3Bi3")
    (crystal,) = RandomGenerator(composition, min_distance=0.0).sample(1, np.random.default_rng(seed))
    points = np.zeros((1, len(crystal.sites), 3))
    for i, (site, position) in enumerate(zip(crystal.sites, crystal.positions, strict=True)):
        points[0, i, list(position.axes)] = site.free
    combination = tuple(
        tuple(site.position for site in crystal.sites if site.element == element) for element in composition.elements
    )
    cells = np.array([crystal.cell])
    (ratio,) = packing_ratios(crystal.space_group, combination, cells, points, np.ones((3, 3)))
    assert ratio == pytest.approx(shortest_distances([crystal])[0])
    (none,) = packing_ratios(crystal.space_group, combination, cells, points, np.ones((3, 3)), floor=ratio + 0.01)
    assert none == 0
    assert place(composition, crystal.space_group, combination, crystal.cell, points[0]) == crystal


def test_ground_truths_are_well_packed_at_about_the_estimated_volume() -> None:
    for system in builtin_systems().values():
        crystal = system.reference
        if crystal is not None:
            assert 0.6 < crystal.volume / estimated_volume(crystal.composition) < 1.1


@pytest.mark.parametrize("system", CRYSTAL_SYSTEMS)
def test_cells_have_their_volume_and_system(system: str) -> None:
    shapes = np.random.default_rng(0).random((50, num_shape_parameters(system)))
    cells = cells_from_shapes(system, shapes, 123.0)
    np.testing.assert_allclose(np.linalg.det(lattice_from_cell(cells)), 123.0)
    np.testing.assert_allclose(impose_cell(system, cells), cells)


@pytest.mark.parametrize("system", CRYSTAL_SYSTEMS)
@pytest.mark.parametrize("num_atoms", [1, 5, 60])
def test_likely_cells_have_their_volume_and_system_and_room_for_an_atom(system: str, num_atoms: int) -> None:
    """What is narrow is as it was; what is wide has no length below 1.1 of an atom's own cube."""
    shapes = np.random.default_rng(0).random((200, num_shape_parameters(system)))
    volumes = np.linspace(10.0, 14.0, 200) * num_atoms
    narrow, wide = (likely_cells(system, shapes, volumes, num_atoms, share) for share in (0.0, 1.0))
    mixed = likely_cells(system, shapes, volumes, num_atoms)
    for cells in (narrow, mixed, wide):
        np.testing.assert_allclose(np.linalg.det(lattice_from_cell(cells)), volumes)
        np.testing.assert_allclose(impose_cell(system, cells), cells)
    np.testing.assert_array_equal(narrow, cells_from_shapes(system, shapes, volumes))
    if num_atoms > 1 and system != "cubic":
        assert (wide[:, :3].min(axis=1) > 1.0999 * np.cbrt(volumes / num_atoms)).all()


def test_a_crystal_of_layers_has_a_cell_to_be_drawn_in() -> None:
    """Bi2Te3 is 6.9 times as long as wide, Ti4AlN3 7.8 times: beyond all narrow cells."""
    shapes = np.random.default_rng(0).random((2000, 1))
    for num_atoms, ratio in ((15, 6.9), (16, 7.8)):
        cells = likely_cells("trigonal", shapes, np.full(2000, 20.0 * num_atoms), num_atoms)
        ratios = cells[:, 2] / cells[:, 0]
        assert 0.02 < np.mean(np.abs(np.log(ratios / ratio)) < 0.2) < 0.2
        assert 0.5 < np.mean((ratios > 0.4) & (ratios < 2.5)) < 0.8


def test_radii_are_covalent() -> None:
    sums = radius_sums(Composition.from_formula("ScBe5"))
    np.testing.assert_allclose(sums, [[3.40, 2.66], [2.66, 1.92]])


@pytest.mark.parametrize(("formula", "distance"), [("Ca4S4", 1.5), ("Y6Co51", 1.5), ("Ca24Al16Si24O96", 1.5)])
def test_random_crystals_keep_distance_at_their_volume(formula: str, distance: float) -> None:
    problem = Problem(Composition.from_formula(formula), 0)
    generator = PackedGenerator(problem)
    assert generator.min_distances.largest == distance
    rng = np.random.default_rng(0)
    crystals = [generator.draw(rng, 400.0 if formula == "Ca4S4" else None) for _ in range(8)]
    assert all(crystal.min_distance() >= distance for crystal in crystals)
    volume = 400.0 if formula == "Ca4S4" else estimated_volume(problem.composition)
    assert np.median([crystal.volume for crystal in crystals]) < 3 * volume
    assert all(crystal.volume >= 0.8 * volume - 1e-6 for crystal in crystals)


def test_random_crystals_keep_the_distances_of_pairs() -> None:
    problem = Problem(Composition.from_formula("Ca4S4"), 0, min_distance=1.0, pair_distances={"Ca-S": 2.5, "S-S": 3.2})
    rng = np.random.default_rng(0)
    crystals = [PackedGenerator(problem).draw(rng) for _ in range(20)]
    assert all(problem.min_distances.satisfied_by(crystal) for crystal in crystals)
    assert min(crystal.min_distance() for crystal in crystals) < 3.2
