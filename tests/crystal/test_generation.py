"""Random crystals: bounds, distribution, distances, and errors instead of hanging."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, shortest_distances
from crysim.crystal.generation import (
    RandomGenerator,
    allowed_space_groups,
    default_length_bounds,
    random_cell,
)
from crysim.crystal.min_distances import default_min_distance
from crysim.errors import InputError
from crysim.symmetry import CRYSTAL_SYSTEMS, WyckoffCombinations, impose_cell, volume_factor
from crysim.symmetry.cells import MIN_VOLUME_FACTOR

CAS = Composition.from_formula("Ca4S4")
GARNET = Composition.from_formula("Ca24Al16Si24O96")


@pytest.mark.parametrize(
    ("num_atoms", "bounds"),
    [(8, (4, 14)), (20, (4, 14)), (24, (5, 18)), (57, (7, 22)), (90, (8, 26)), (160, (8, 30)), (288, (8, 30))],
)
def test_default_bounds(num_atoms: int, bounds: tuple[float, float]) -> None:
    assert default_length_bounds(num_atoms) == bounds


@pytest.mark.parametrize("formula", ["ScBe5", "Ca4S4", "Ba3Na3Bi3", "Y6Co51", "Ca24Al16Si24O96", "Si96O192"])
def test_crystals_keep_bounds_and_distances(formula: str) -> None:
    composition = Composition.from_formula(formula)
    generator = RandomGenerator(composition)
    crystals = generator.sample(20, np.random.default_rng(0))
    lower, upper = generator.length_bounds
    assert shortest_distances(crystals).min() >= default_min_distance(composition.num_atoms)
    for crystal in crystals:
        assert crystal.composition == composition
        assert crystal.space_group in generator.space_groups
        assert all(lower <= length <= upper for length in crystal.cell[:3])
        assert all(50 <= angle <= 130 for angle in crystal.cell[3:])
        index = WyckoffCombinations(composition, crystal.space_group).rank(crystal.combination)
        assert index < 30_000


def test_same_state_same_crystals() -> None:
    draw = [RandomGenerator(CAS).sample(5, np.random.default_rng(7)) for _ in range(2)]
    assert draw[0] == draw[1]
    assert draw[0] != RandomGenerator(CAS).sample(5, np.random.default_rng(8))


def test_groups_and_combinations_are_uniform() -> None:
    """Without a distance nothing is rejected: groups are equally likely, and so are a group's combinations."""
    generator = RandomGenerator(CAS, min_distance=0)
    assert len(generator.space_groups) == 184
    crystals = generator.sample(184 * 20, np.random.default_rng(0))
    drawn = Counter(crystal.space_group for crystal in crystals)
    # Chi-square with 183 degrees of freedom: 260 is passed once in 5000 times.
    assert sum((drawn[n] - 20) ** 2 / 20 for n in generator.space_groups) < 260
    # A group of few combinations among groups of many: equation 7.
    combinations = WyckoffCombinations(CAS, 225)
    own = Counter(combinations.rank(crystal.combination) for crystal in crystals if crystal.space_group == 225)
    assert set(own) == {0, 1}
    single = RandomGenerator(CAS, [225], min_distance=0)
    assert {c.space_group for c in single.sample(5, np.random.default_rng(0))} == {225}


def test_all_combinations_can_take_part() -> None:
    generator = RandomGenerator(GARNET, [47], min_distance=0, max_combinations=None)
    indices = [
        WyckoffCombinations(GARNET, 47).rank(c.combination) for c in generator.sample(20, np.random.default_rng(0))
    ]
    assert min(indices) > 30_000
    fewest = RandomGenerator(GARNET, [230], min_distance=0, max_combinations=3, order="fewest-free-first")
    order = WyckoffCombinations(GARNET, 230, "fewest-free-first")
    assert {order.rank(c.combination) for c in fewest.sample(30, np.random.default_rng(0))} == {0, 1, 2}


def test_pair_distances() -> None:
    def shortest(crystal: Crystal, pair: set[str]) -> float:
        structure = crystal.to_structure()
        distances = structure.distance_matrix + 99 * np.eye(len(structure))
        symbols = np.array(crystal.species)
        mask = np.array([[{a, b} == pair for b in symbols] for a in symbols])
        return float(distances[mask].min())

    for pairs in ({"Ca-S": 2.6, "S-S": 3.0}, {("S", "Ca"): 2.6, ("S", "S"): 3.0}):
        crystals = RandomGenerator(CAS, pair_distances=pairs).sample(20, np.random.default_rng(1))
        assert min(shortest(c, {"Ca", "S"}) for c in crystals) >= 2.6
        assert min(shortest(c, {"S"}) for c in crystals) >= 3.0
        assert 1.5 <= min(shortest(c, {"Ca"}) for c in crystals) < 3.0


def test_rejection_agrees_with_the_measured_distance() -> None:
    """What the builder of sites rejects is exactly what has too short a distance."""
    kept = RandomGenerator(CAS, min_distance=1.5).sample(60, np.random.default_rng(3))
    everything = RandomGenerator(CAS, min_distance=0).sample(400, np.random.default_rng(3))
    far = [c for c, d in zip(everything, shortest_distances(everything), strict=True) if d >= 1.5]
    assert far[:60] == kept


@pytest.mark.parametrize("system", CRYSTAL_SYSTEMS)
def test_random_cells(system: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        cell = random_cell(system, (4.0, 14.0), rng)
        assert np.array_equal(impose_cell(system, cell), cell)
        assert volume_factor(cell) >= MIN_VOLUME_FACTOR


def test_what_cannot_be_generated_is_an_error_and_no_hang() -> None:
    with pytest.raises(InputError, match="lower the minimum"):
        RandomGenerator(CAS, min_distance=9.0, max_tries=200).sample(1, np.random.default_rng(0))
    with pytest.raises(InputError, match="in 0 s"):
        RandomGenerator(CAS, min_distance=9.0).sample(1, np.random.default_rng(0), time_limit=0.0)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="fits none of the 1 space groups"):
        RandomGenerator(CAS, [210])
    with pytest.raises(InputError, match="no space group 231"):
        RandomGenerator(CAS, [231])
    with pytest.raises(InputError, match="no pair"):
        RandomGenerator(CAS, pair_distances={"Ca-O": 2.0})
    with pytest.raises(InputError, match="at least 0"):
        RandomGenerator(CAS, pair_distances={"Ca-S": -2.0})
    with pytest.raises(InputError, match="at least 0"):
        RandomGenerator(CAS, min_distance=-1.0)
    with pytest.raises(InputError, match="ascending"):
        RandomGenerator(CAS, length_bounds=(5.0, 4.0))
    with pytest.raises(InputError, match="at least 1"):
        RandomGenerator(CAS, max_tries=0)


def test_p1_only_if_asked_for() -> None:
    assert allowed_space_groups(None) == tuple(range(2, 231))
    assert allowed_space_groups([5, 1, 5]) == (1, 5)
    assert RandomGenerator(CAS, [1]).sample(1, np.random.default_rng(0))[0].space_group == 1
