"""Minimum distances by pairs of elements, and sites moved until they keep them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.crystal.min_distances import MinDistances, default_min_distance
from crysim.errors import InputError

GARNET = Composition.from_formula("Ca24Al16Si24O96")
PAIRS = {"Si-O": 1.5, "Ca-Ca": 3.0, "O-O": 2.2}


def distances(crystal: Crystal) -> dict[tuple[str, str], float]:
    """Å, the shortest of every pair of elements, by pymatgen; images of an atom in other cells are left out."""
    structure = crystal.to_structure()
    matrix = structure.distance_matrix + 99.0 * np.eye(len(structure))
    symbols = np.array(crystal.species)
    elements = crystal.composition.elements
    return {
        (a, b): float(matrix[np.ix_(symbols == a, symbols == b)].min())
        for i, a in enumerate(elements)
        for b in elements[i:]
    }


def test_the_default_depends_on_the_size() -> None:
    assert [default_min_distance(n) for n in (8, 199, 200, 288)] == [1.5, 1.5, 1.0, 1.0]


def test_thresholds_are_symmetric_and_named_in_any_order() -> None:
    spacing = MinDistances(GARNET, 1.2, {"O-Si": 1.5, "Ca-Ca": 3.0})
    expected = np.full((4, 4), 1.2)
    expected[2, 3] = expected[3, 2] = 1.5
    expected[0, 0] = 3.0
    np.testing.assert_array_equal(spacing.thresholds, expected)
    assert (spacing.smallest, spacing.largest) == (1.2, 3.0)
    np.testing.assert_array_equal(MinDistances(GARNET, 1.2, {("Si", "O"): 1.5, ("Ca", "Ca"): 3.0}).thresholds, expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_crystal_is_kept_if_every_pair_is_far_enough(seed: int) -> None:
    composition = Composition.from_formula("Ca4S4")
    (crystal,) = RandomGenerator(composition, min_distance=0.5).sample(1, np.random.default_rng(seed))
    found = distances(crystal)
    for pair, distance in found.items():
        lengths = [float(np.linalg.norm(vector)) for vector in crystal.lattice]
        if pair[0] == pair[1] and min(lengths) < distance + 0.1:
            continue  # an image of the atom itself may be nearer
        assert MinDistances(composition, 0.0, {"-".join(pair): distance - 1e-6}).satisfied_by(crystal)
        assert not MinDistances(composition, 0.0, {"-".join(pair): distance + 1e-6}).satisfied_by(crystal)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_spread_sites_keep_the_distances_and_the_rest_of_the_crystal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (crystal,) = RandomGenerator(GARNET, [2, 14, 61, 148, 167, 206, 230], min_distance=0.0).sample(1, rng)
    spacing = MinDistances(GARNET, 1.3, PAIRS)
    moved = spacing.separate(crystal, rng)
    if moved is None:
        return
    assert spacing.satisfied_by(moved)
    for (a, b), distance in distances(moved).items():
        assert distance >= PAIRS.get(f"{a}-{b}", 1.3)
    assert (moved.space_group, moved.cell, moved.combination) == (
        crystal.space_group,
        crystal.cell,
        crystal.combination,
    )


def test_sites_that_fit_stay() -> None:
    rng = np.random.default_rng(3)
    crystals = RandomGenerator(GARNET, [61, 206, 230]).sample(5, rng)
    spacing = MinDistances(GARNET)
    assert [spacing.separate(crystal, rng) for crystal in crystals] == crystals
    crystal = next(c for c in crystals if c.space_group == 61)
    frees = [site.free for site in crystal.sites]
    movable = [i for i, free in enumerate(frees) if len(free) == 3]
    frees[movable[1]] = frees[movable[0]]  # one upon the other
    moved = spacing.separate(crystal.with_parameters(crystal.cell, frees), rng)
    assert moved is not None
    assert [i for i, site in enumerate(moved.sites) if site.free != frees[i]] == [movable[1]]


def test_a_cell_without_room_is_told_apart() -> None:
    (crystal,) = RandomGenerator(GARNET, [61], min_distance=0.0).sample(1, np.random.default_rng(0))
    small = crystal.with_parameters([4, 4, 4, 90, 90, 90], [site.free for site in crystal.sites])
    assert MinDistances(GARNET).separate(small, np.random.default_rng(0)) is None


@pytest.mark.parametrize(
    ("default", "pairs", "named"),
    [
        (-1.0, {}, "at least 0"),
        (1.0, {"Ca-F": 2.0}, "'Ca-F'"),
        (1.0, {"Ca-O": -2.0}, "Ca-O"),
        (1.0, {"Ca": 2.0}, "'Ca'"),
    ],
)
def test_what_is_no_distance_or_no_pair_is_refused(default: float, pairs: dict[str, float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        MinDistances(GARNET, default, pairs)
