"""Encoder ``crysim``: the paper's sizes and examples, what a round trip keeps, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.generation import RandomGenerator, default_length_bounds
from crysim.errors import InputError
from crysim.plugins import plugin_manager
from crysim.quadratic import QuadraticModel
from crysim.symmetry import WyckoffCombinations, crystal_system, space_group
from crysim_encoders.layout import bit_to_category, category_to_bit, length_scale
from crysim_encoders.symmetry_encoding import SymmetryEncoder

CAS = Composition.from_formula("Ca4S4")
GARNET = Composition.from_formula("Ca24Al16Si24O96")


def triclinic(composition: Composition, edge: float) -> Crystal:
    """A crystal in P1, of which only the lattice lengths matter."""
    rng = np.random.default_rng(0)
    sites = tuple(Site(e, 0, tuple(rng.random(3).tolist())) for e in composition.species)
    return Crystal(composition, 1, (edge, edge, edge, 90, 90, 90), sites)


@cache
def sample(formula: str, n: int = 60) -> list[Crystal]:
    return RandomGenerator(Composition.from_formula(formula)).sample(n, np.random.default_rng(0))


def sizes_of_table_s12() -> Iterator[tuple[str, int, int, int, int]]:
    lengths = {
        "Y6Co51": {5: (35, 801), 7: (49, 1279), 9: (63, 2093), 12: (85, 4157), 15: (106, 7514)},
        "Ca24Al16Si24O96": {5: (37, 1106), 7: (53, 2026), 9: (68, 3615), 12: (90, 7677), 15: (113, 14334)},
        "Si96O192": {5: (37, 856), 7: (53, 1340), 9: (68, 2157), 12: (90, 4221), 15: (113, 7584)},
    }
    space_groups = {"Y6Co51": 19, "Ca24Al16Si24O96": 68, "Si96O192": 68}
    for formula, table in lengths.items():
        for g, (length_bits, total) in table.items():
            yield formula, g, length_bits, space_groups[formula], total


@pytest.mark.parametrize(("formula", "g", "length_bits", "space_group_bits", "total"), list(sizes_of_table_s12()))
def test_sizes_of_table_s12(formula: str, g: int, length_bits: int, space_group_bits: int, total: int) -> None:
    """Every size of the table, from crystals whose lengths fill the random generator's bounds."""
    composition = Composition.from_formula(formula)
    lower, upper = default_length_bounds(composition.num_atoms)
    crystals = [triclinic(composition, edge) for edge in (lower + 0.0002 * (upper - lower), upper)]
    # The table has 856 bits for 192 oxygens among 125 voxels, where all atoms cannot be marked.
    encoder = SymmetryEncoder(grid_resolution=g, marking="independent" if g == 5 else "all-atoms")
    if g == 5 and formula == "Si96O192":
        with pytest.raises(InputError, match="192 atoms of O do not fit"):
            SymmetryEncoder(grid_resolution=g).fit(crystals)
    encoder.fit(crystals)
    sizes = {group.name: group.size for group in encoder.groups}
    assert sizes["a"] == sizes["b"] == sizes["c"] == length_bits
    assert sizes["alpha"] == sizes["beta"] == sizes["gamma"] == 40
    assert sizes["crystal-system"] == 7
    assert sizes["space-group"] == space_group_bits
    assert sizes["combinations"] == 300
    assert [sizes[f"grid-{e}"] for e in composition.elements] == [g**3] * len(composition.elements)
    assert encoder.num_bits == total


def test_sizes_from_random_crystals() -> None:
    """With crystals of the random generator, as few as 60, lengths take the table's number of bits or a few fewer."""
    encoder = SymmetryEncoder()
    encoder.fit(sample("Ca24Al16Si24O96"))
    assert 80 <= encoder.groups[0].size <= 90


def test_examples_of_equations_17_to_19() -> None:
    assert category_to_bit(0, 17, 66) == 0
    assert category_to_bit(1, 17, 66) == 3
    assert [bit_to_category(bit, 17, 66) for bit in (2, 3, 4)] == [0, 1, 1]
    encoder = SymmetryEncoder()
    encoder.fit(sample("Ca4S4"))
    groups = encoder.layout.groups_of_system
    assert encoder.layout.space_group_bits == 66
    assert groups["cubic"][:2] == (195, 196)
    assert len(groups["cubic"]) == 17
    assert groups["tetragonal"][1] == 76


@given(st.integers(1, 500), st.integers(1, 500), st.data())
def test_categories_survive_their_bits(categories: int, bits: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, categories - 1))
    bit = category_to_bit(index, categories, bits)
    assert 0 <= bit < bits
    read = bit_to_category(bit, categories, bits)
    if categories <= bits:
        assert read == index
    else:
        assert 0 <= index - read < categories / bits + 0.5
    assert 0 <= bit_to_category(data.draw(st.integers(0, bits - 1)), categories, bits) < categories


@given(st.floats(2, 20), st.floats(0, 20), st.sampled_from([5, 12]), st.floats(0, 1))
def test_lengths_survive_within_a_unit(shortest: float, more: float, g: int, where: float) -> None:
    scale = length_scale(shortest, shortest + more, g, 10)
    value = scale.lower + where * (shortest + more - scale.lower)
    assert abs(scale.to_value(scale.to_bit(value)) - value) <= scale.unit / 2 * (1 + 1e-9)
    assert scale.to_bit(scale.lower - 5) == 0
    assert scale.to_bit(2 * scale.upper) == scale.size - 1


@pytest.mark.parametrize("formula", ["ScBe5", "Ca4S4", "Ba3Na3Bi3", "Y6Co51", "Ca24Al16Si24O96", "Si96O192"])
@pytest.mark.parametrize("marking", ["all-atoms", "independent"])
@pytest.mark.parametrize("order", ["general-first", "fewest-free-first"])
def test_a_round_trip_keeps_symmetry_and_cell(formula: str, marking: str, order: str) -> None:
    crystals = sample(formula)[:20]
    encoder = SymmetryEncoder(marking=marking, order=order)  # type: ignore[arg-type]
    encoder.fit(crystals)
    rng = np.random.default_rng(0)
    for crystal, vector in zip(crystals, encoder.encode(crystals), strict=True):
        decoded = encoder.decode(vector, rng)
        assert 1 <= len(decoded) <= 100
        assert {c.space_group for c in decoded} == {crystal.space_group}
        assert {c.cell for c in decoded} == {decoded[0].cell}
        for scale, old, new in zip(encoder.layout.scales, crystal.cell, decoded[0].cell, strict=True):
            assert abs(old - new) <= 1.001 * scale.unit or crystal.system == "triclinic"
        combinations = WyckoffCombinations(crystal.composition, crystal.space_group, order)  # type: ignore[arg-type]
        ranks = [combinations.rank(c.combination) for c in decoded]
        assert ranks == list(range(ranks[0], ranks[0] + len(ranks)))
        own = combinations.rank(crystal.combination)
        if own < 30_000:
            assert ranks[0] <= own <= ranks[-1]
            # Back in bits the symmetry is the same as before.
            again = encoder.encode([decoded[own - ranks[0]]])[0]
            for group in encoder.groups[6:9]:
                assert np.array_equal(again[group.slice], vector[group.slice])
        if combinations.count <= 300:
            assert ranks[0] == own


def test_grids_mark_voxels() -> None:
    crystal = Crystal(
        Composition.from_formula("Na2Cl1"),
        1,
        (5, 6, 7, 80, 85, 95),
        (Site("Na", 0, (0.1, 0.3, 0.9)), Site("Na", 0, (0.26, 0.5, 0.0)), Site("Cl", 0, (0.999, 0.999, 0.999))),
    )
    encoder = SymmetryEncoder(grid_resolution=4, space_groups=[1])
    encoder.fit([crystal])
    vector = encoder.encode([crystal])[0]
    grid = {g.name: np.argwhere(vector[g.slice].reshape(4, 4, 4)).tolist() for g in encoder.groups[9:]}
    assert grid == {"grid-Na": [[0, 1, 3], [1, 2, 0]], "grid-Cl": [[3, 3, 3]]}
    decoded = encoder.decode(vector, np.random.default_rng(0))
    assert np.allclose(decoded[0].frac_coords, (np.array([[0, 1, 3], [1, 2, 0], [3, 3, 3]]) + 0.5) / 4)
    uniform = SymmetryEncoder(grid_resolution=4, space_groups=[1], placement="uniform")
    uniform.fit([crystal])
    frac = uniform.decode(vector, np.random.default_rng(0))[0].frac_coords
    assert np.array_equal(np.floor(frac * 4), [[0, 1, 3], [1, 2, 0], [3, 3, 3]])
    assert not np.allclose(frac * 4 % 1, 0.5)


def test_leftmost_bits_fill_free_sites_in_order() -> None:
    """In Ia-3d garnet only oxygen is free: its one site takes the leftmost oxygen bit, and all else is skipped."""
    group = space_group(230)
    own = tuple((group.position_by_letter(letter),) for letter in "cadh")
    sites = tuple(
        Site(e, i, (0.04, 0.05, 0.65)[: group.positions[i].dof]) for e, (i,) in zip(GARNET.elements, own, strict=True)
    )
    garnet = Crystal(GARNET, 230, (12, 12, 12, 90, 90, 90), sites)
    for marking in ("independent", "all-atoms"):
        encoder = SymmetryEncoder(marking=marking, assignment="leftmost")  # type: ignore[arg-type]
        encoder.fit([garnet])
        vector = encoder.encode([garnet])[0]
        decoded = {c.combination: c for c in encoder.decode(vector, np.random.default_rng(0))}
        oxygen = np.flatnonzero(vector[encoder.groups[-1].slice])
        point = (np.array(np.unravel_index(oxygen[0], (12, 12, 12))) + 0.5) / 12
        assert decoded[own].sites[-1].free == pytest.approx(point)
    assert len(decoded) <= 28


def test_missing_bits_become_random_points() -> None:
    crystals = sample("Ca4S4")
    encoder = SymmetryEncoder(marking="independent")
    encoder.fit(crystals)
    vector = encoder.encode(crystals)[0]
    vector[encoder.groups[-1].slice] = False
    first = encoder.decode(vector, np.random.default_rng(0))
    assert first == encoder.decode(vector, np.random.default_rng(0))
    assert len(first) >= 1


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_any_feasible_vector_decodes_to_cells_with_volume(seed: int) -> None:
    """Angles of 51 to 129 degrees may close no triclinic cell: they are opened."""
    encoder = SymmetryEncoder(grid_resolution=6, space_groups=range(1, 16))
    encoder.fit(sample("Ca4S4"))
    model = QuadraticModel(np.zeros(encoder.num_bits), factors=np.zeros((encoder.num_bits, 0)), groups=encoder.groups)
    for vector in model.random_bits(3, np.random.default_rng(seed)):
        for crystal in encoder.decode(vector, np.random.default_rng(0))[:3]:
            assert crystal.volume > 0.09 * np.prod(crystal.cell[:3])
            assert crystal.space_group in range(1, 16)


def test_combinations_beyond_the_last_count_to_the_last_group() -> None:
    combinations = WyckoffCombinations(GARNET, 47)
    rng = np.random.default_rng(0)
    positions = space_group(47).positions
    sites = tuple(
        Site(e, i, tuple(rng.random(positions[i].dof).tolist()))
        for e, indices in zip(GARNET.elements, combinations.unrank(10**30), strict=True)
        for i in indices
    )
    crystal = Crystal(GARNET, 47, (9, 10, 11, 90, 90, 90), sites)
    encoder = SymmetryEncoder()
    encoder.fit([crystal])
    vector = encoder.encode([crystal])[0]
    assert np.flatnonzero(vector[encoder.groups[8].slice]).tolist() == [299]
    assert len(encoder.decode(vector, rng)) == 100


def test_groups_ask_for_every_atom() -> None:
    encoder = SymmetryEncoder()
    encoder.fit(sample("Ca24Al16Si24O96"))
    assert [group.k for group in encoder.groups] == [1] * 9 + [24, 16, 24, 96]
    assert [group.name for group in encoder.groups[:9]] == [
        *("a", "b", "c", "alpha", "beta", "gamma", "crystal-system", "space-group", "combinations")
    ]


def test_only_the_groups_asked_for() -> None:
    cubic = RandomGenerator(CAS, range(195, 231)).sample(10, np.random.default_rng(0))
    encoder = SymmetryEncoder(space_groups=range(195, 231))
    encoder.fit(cubic)
    assert encoder.layout.systems == ("cubic",)
    assert encoder.layout.space_group_bits == 17
    other = next(c for c in sample("Ca4S4") if crystal_system(c.space_group) != "cubic")
    with pytest.raises(InputError, match="not among"):
        encoder.encode([other])


def test_bad_input() -> None:
    crystals = sample("Ca4S4")
    encoder = SymmetryEncoder()
    with pytest.raises(InputError, match="not been fitted"):
        _ = encoder.groups
    with pytest.raises(InputError, match="at least one crystal"):
        encoder.fit([])
    with pytest.raises(InputError, match="one composition"):
        encoder.fit([*crystals, *sample("ScBe5")])
    with pytest.raises(InputError, match="fits none"):
        SymmetryEncoder(space_groups=[210]).fit(crystals)
    with pytest.raises(InputError, match="option 'grid_resolution'"):
        SymmetryEncoder(grid_resolution=0)
    encoder.fit(crystals)
    with pytest.raises(InputError, match="not for ScBe5"):
        encoder.encode(sample("ScBe5"))
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="bits"):
        encoder.decode(np.zeros(3, dtype=bool), rng)
    with pytest.raises(InputError, match="segment 'a'"):
        encoder.decode(np.zeros(encoder.num_bits, dtype=bool), rng)


def test_is_found_by_its_name() -> None:
    encoder = plugin_manager().build_unchecked("encoder", "crysim", {"grid_resolution": 5, "marking": "independent"})
    assert isinstance(encoder, SymmetryEncoder)
    with pytest.raises(InputError, match="marking"):
        plugin_manager().build_unchecked("encoder", "crysim", {"marking": "all"})
