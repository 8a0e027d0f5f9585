"""The prior over space groups and free parameters: exact probabilities, uniform draws within, placements that fit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from crysim.composition import CellKind, Composition, Contents
from crysim.crystal.min_distances import POINTS
from crysim.crystal.packing import estimated_volume, likely_cells, num_shape_parameters, place
from crysim.crystal.placement import place_one_by_one
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.crystal.radii import radius_sums
from crysim.errors import InputError
from crysim.symmetry import (
    Combination,
    WyckoffCombinations,
    materials_by_space_group,
    space_group,
    space_group_frequencies,
)

CAS = Composition.from_formula("Ca2S2")
GROUPS = (14, 62, 123, 166, 186, 216)


def test_the_table_counts_all_groups_and_leaves_none_without_a_share() -> None:
    counts, shares = materials_by_space_group(), space_group_frequencies()
    assert list(counts) == list(shares) == list(range(1, 231))
    assert sum(counts.values()) == 18672
    assert max(counts, key=lambda number: counts[number]) == 62
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) > 0


@pytest.mark.parametrize("cell", ["conventional", "primitive"])
def test_probabilities_of_all_combinations_add_up_to_one(cell: str) -> None:
    contents = Contents.from_formula("Ca2S2", cell=cell)  # type: ignore[arg-type]
    prior = Prior(contents, GROUPS)
    total = 0.0
    for number in GROUPS:
        combinations = WyckoffCombinations(contents, number)
        total += sum(prior.probability(number, combinations.unrank(i)) for i in range(combinations.count))
    assert total == pytest.approx(1.0)


def test_frequent_groups_and_few_coordinates_are_preferred_as_the_formula_says() -> None:
    prior = Prior(Contents(CAS.times(2), "primitive"), GROUPS, frequency=0.5, simplicity=0.3)
    shares = space_group_frequencies()
    of_group = {n: sum(one.probability for one in prior.cells if one.space_group == n) for n in GROUPS}
    assert of_group[62] / of_group[216] == pytest.approx((shares[62] / shares[216]) ** 0.5)
    for number in GROUPS:
        first, *others = [one for one in prior.cells if one.space_group == number]
        for one in others:
            expected = np.exp(-0.3 * (one.price - first.price))
            assert one.probability / first.probability == pytest.approx(expected)
    uniform = prior.with_strengths(0.0, 0.0).cells
    for number in GROUPS:
        found = [one.probability for one in uniform if one.space_group == number]
        assert found == pytest.approx([1 / len(GROUPS) / len(found)] * len(found))


@pytest.mark.parametrize("site_price", [0, 4])
def test_draws_follow_the_probabilities(site_price: int) -> None:
    prior = Prior(Contents(CAS, "primitive"), (123, 186, 216), site_price=site_price)
    rng = np.random.default_rng(0)
    n = 6000
    drawn = Counter(prior.draw(rng) for _ in range(n))
    expected = {pair: n * prior.probability(*pair) for pair in drawn}
    chi2 = sum((drawn[pair] - e) ** 2 / e for pair, e in expected.items() if e > 5)
    degrees = sum(e > 5 for e in expected.values())
    assert degrees > 10
    assert chi2 < degrees + 4 * np.sqrt(2 * degrees)


def test_a_price_of_sites_prefers_few_of_them() -> None:
    contents = Contents.from_formula("Nd2Fe14B", 4, "primitive")
    rng = np.random.default_rng(5)
    plain, few = (Prior(contents, [136], site_price=price) for price in (0, 4))
    sites = [np.mean([sum(map(len, one.draw(rng)[1])) for _ in range(60)]) for one in (plain, few)]
    assert sites[1] < 0.9 * sites[0]


def test_combinations_of_one_freedom_are_drawn_uniformly() -> None:
    combinations = WyckoffCombinations(CAS, 123, "fewest-free-first")
    free = 1
    counts = combinations.counts_by_free_coordinates
    wanted = {combinations.unrank(counts[0] + i) for i in range(counts[free])}
    rng = np.random.default_rng(1)
    drawn = Counter(combinations.sample_at_price(free, rng) for _ in range(60 * counts[free]))
    assert set(drawn) == wanted
    assert max(drawn.values()) < 60 + 5 * np.sqrt(60)
    with pytest.raises(InputError, match="price 99"):
        combinations.sample_at_price(99, rng)
    with pytest.raises(InputError, match="fewest-free-first"):
        WyckoffCombinations(CAS, 123).sample_at_price(1, rng)


def test_sets_too_large_to_list_are_drawn_from() -> None:
    silica = Composition.from_formula("Si96O192")
    drawn = WyckoffCombinations(silica, 62, "fewest-free-first")
    rng = np.random.default_rng(2)
    for free in (110, 120):
        combination = drawn.sample_at_price(free, rng)
        drawn.check(combination)
        assert drawn.num_free_coordinates(combination) == free


def test_atoms_keep_their_distance_at_the_volume_wanted() -> None:
    contents = Contents.from_formula("MgAl2O4", cell="primitive")
    generator = PriorGenerator(Prior(contents), min_ratio=0.7)
    sums = radius_sums(contents.composition)
    rng = np.random.default_rng(3)
    same = 0
    for _ in range(20):
        crystal = generator.draw(rng, volume=70.0)
        assert contents.held_by(crystal)
        assert crystal.min_distance() >= 0.7 * sums.min() - 1e-9
        same += contents.per_cell(crystal.volume, crystal) == pytest.approx(70.0)
    assert same >= 10


def test_what_never_fits_is_enlarged_until_it_does() -> None:
    generator = PriorGenerator(Prior(Composition.from_formula("CsCl"), (221,)))
    crystal = generator.draw(np.random.default_rng(0), volume=5.0)
    assert crystal.min_distance() >= 0.7 * radius_sums(crystal.composition)[0, 1] - 1e-9


def test_wrong_strengths_are_refused() -> None:
    with pytest.raises(InputError, match="simplicity"):
        Prior(CAS, simplicity=-1.0)
    with pytest.raises(InputError, match="fits none"):
        Prior(Composition.from_formula("Ba3Na3Bi3"), (195, 230))


def place_one_after_another(
    generator: PriorGenerator,
    number: int,
    combination: Combination,
    volume: float,
    rng: np.random.Generator,
    spread: tuple[float, float],
) -> tuple[list[float], list[list[float]]] | None:
    """Cell and points of the first of 32 tries of which each is drawn when the one before has failed."""
    group, contents = space_group(number), generator.prior.contents
    positions = np.array([i for indices in combination for i in indices], dtype=np.int64)
    elements = np.array([e for e, indices in enumerate(combination) for _ in indices], dtype=np.int64)
    freedom = np.array([group.positions[i].dof for i in positions])
    order = np.argsort(freedom, kind="stable")
    in_shape = num_shape_parameters(group.crystal_system)
    for _ in range(32 if freedom.any() or in_shape else 1):
        shape = rng.random((1, in_shape))
        size = np.array([volume * float(rng.uniform(*spread)) * contents.factor_in(number)])
        cell = likely_cells(group.crystal_system, shape, size, contents.composition_in(number).num_atoms)[0]
        tried = rng.random((len(positions), POINTS, 3))
        kept = generator.thresholds
        points, complete = place_one_by_one(cell, positions, elements, order, tried, *group.flat_positions, kept)
        if complete:
            crystal = place(contents.composition_in(number), number, combination, cell, points)
            return list(crystal.cell), [list(site.free) for site in crystal.sites]
    return None


@pytest.mark.parametrize(("formula", "cell"), [("Ca4S4", "primitive"), ("Y6Co51", "conventional"), ("C4", "primitive")])
def test_tries_drawn_together_are_those_drawn_one_by_one(formula: str, cell: CellKind) -> None:
    """To the last bit, and the generator goes on where it would have, in all crystal systems."""
    generator = PriorGenerator(Prior(Contents.from_formula(formula, cell=cell), range(1, 231)))
    rng = np.random.default_rng(5)
    placed = set()
    for attempt in range(250):
        number, combination = generator.prior.draw(rng)
        seed, spread = int(rng.integers(1 << 40)), [(1.0, 1.0), (0.8, 1.4)][attempt % 2]
        volume = 1.5 * estimated_volume(generator.prior.contents.composition)
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        for each in (one, other):
            each.integers(9, dtype=np.int32)  # leaves half of a number behind
        expected = place_one_after_another(generator, number, combination, volume, one, spread)
        found = generator.place(number, combination, volume, other, spread)
        if expected is None or found is None:
            assert expected is found
        else:
            assert (list(found.cell), [list(site.free) for site in found.sites]) == expected
            placed.add(space_group(number).crystal_system)
        assert one.bit_generator.state == other.bit_generator.state
    assert len(placed) >= 5
