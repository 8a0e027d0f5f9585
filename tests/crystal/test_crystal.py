"""Crystals: distances against pymatgen, conversions there and back, what is refused."""

from __future__ import annotations

import copy
import json
import os
import pickle
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from crysim.composition import Composition
from crysim.crystal import Crystal, Site, shortest_distances, wrap
from crysim.crystal.generation import RandomGenerator, random_cell
from crysim.crystal.identify import find_space_group
from crysim.errors import InputError
from crysim.symmetry import compatible_space_groups, lattice_from_cell, space_group

CAS = Composition.from_formula("Ca4S4")
ROCK_SALT = Crystal(CAS, 225, (5.7, 5.7, 5.7, 90, 90, 90), (Site("Ca", 11), Site("S", 10)))


def fill(number: int, rng: np.random.Generator) -> Crystal:
    """A crystal whose symmetry is the group's and no more: both elements on a general position, one on another too."""
    group = space_group(number)
    special = int(rng.integers(len(group.positions)))
    positions = {"Ca": [0], "O": sorted([0, special])}
    sites = tuple(
        Site(element, i, tuple(rng.random(group.positions[i].dof))) for element, own in positions.items() for i in own
    )
    general = group.positions[0].multiplicity
    composition = Composition(("Ca", "O"), (general, general + group.positions[special].multiplicity))
    edge = 5.0 * general ** (1 / 3)
    a, b, c, alpha, beta, gamma = random_cell(group.crystal_system, (edge, 1.5 * edge), rng).tolist()
    return Crystal(composition, number, (a, b, c, alpha, beta, gamma), sites)


@st.composite
def random_crystals(draw: st.DrawFn) -> Crystal:
    composition = Composition.from_formula(draw(st.sampled_from(["ScBe5", "Ca4S4", "Ba3Na3Bi3", "Na1", "Li4Zr4O8"])))
    number = draw(st.sampled_from(sorted(compatible_space_groups(composition))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bounds = draw(st.sampled_from([(3.0, 12.0), (2.0, 30.0)]))
    return RandomGenerator(composition, [number], min_distance=0.0, length_bounds=bounds).sample(1, rng)[0]


def distance_by_pymatgen(lattice: np.ndarray, coords: np.ndarray) -> float:
    """The shortest distance by pymatgen's search in spheres, which looks at every periodic image."""
    structure = Structure(Lattice(lattice), ["H"] * len(coords), coords)
    radius = 1.0
    while True:
        distances = [n.nn_distance for near in structure.get_all_neighbors(radius) for n in near]
        if distances:
            return min(distances)
        radius *= 1.7


@given(random_crystals())
@settings(deadline=None, max_examples=80)
def test_min_distance_is_pymatgens(crystal: Crystal) -> None:
    # pymatgen leaves out pairs closer than 1e-8 Å.
    distance = crystal.min_distance()
    if distance > 1e-6:
        assert distance == pytest.approx(distance_by_pymatgen(crystal.lattice, crystal.frac_coords), abs=1e-6)
    else:
        frac = crystal.frac_coords
        pairs = (frac[:, None] - frac[None]).reshape(-1, 3)
        assert np.count_nonzero(np.abs(pairs - np.rint(pairs)).max(axis=1) < 1e-6) > crystal.num_atoms


@pytest.mark.parametrize("angles", [(50, 50, 50), (130, 60, 75), (51, 95, 130), (110, 115, 118), (60, 119, 119)])
@pytest.mark.parametrize("lengths", [(3, 3, 3), (2, 9, 30), (30, 30, 4), (4, 30, 4)])
def test_min_distance_in_skewed_cells(angles: tuple[float, ...], lengths: tuple[float, ...]) -> None:
    lattice = lattice_from_cell((*lengths, *angles))
    rng = np.random.default_rng(int(sum(lengths)))
    for n in (1, 2, 5):
        crystal = Crystal.from_p1(Composition(("Na",), (n,)), lattice, ["Na"] * n, rng.random((n, 3)))
        expected = distance_by_pymatgen(crystal.lattice, crystal.frac_coords)
        assert crystal.min_distance() == pytest.approx(expected, abs=1e-9)


def test_min_distance_needs_only_one_atom_per_site() -> None:
    rng = np.random.default_rng(5)
    crystals = [fill(number, rng) for number in (2, 14, 62, 96, 148, 166, 194, 205, 220)]
    bare = [Crystal.from_p1(c.composition, c.lattice, c.species, c.frac_coords) for c in crystals]
    assert np.allclose(shortest_distances(crystals), shortest_distances(bare), rtol=0, atol=1e-9)
    assert shortest_distances([]).shape == (0,)
    assert np.array_equal(shortest_distances(crystals), [c.min_distance() for c in crystals])


@given(random_crystals(), st.lists(st.integers(-3, 3), min_size=3, max_size=3))
@settings(deadline=None, max_examples=30)
def test_moving_an_atom_by_a_lattice_vector_changes_nothing(crystal: Crystal, shift: list[int]) -> None:
    moved = crystal.frac_coords.copy()
    moved[-1] += shift
    bare = Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, moved)
    assert bare.min_distance() == pytest.approx(crystal.min_distance(), abs=1e-6)


@pytest.mark.parametrize("number", range(1, 231))
def test_structures_give_their_crystal_back(number: int) -> None:
    """Every group: spglib, asked for the setting of our tables, finds the group, and our sites make the same atoms."""
    crystal = fill(number, np.random.default_rng(1))
    assert crystal.frac_coords.min() >= 0.0
    assert crystal.frac_coords.max() < 1.0
    back = Crystal.from_structure(crystal.to_structure(), symprec=1e-3)
    assert back.space_group == number
    assert back.composition == crystal.composition
    assert back.volume == pytest.approx(crystal.volume, rel=1e-6)
    assert back.min_distance() == pytest.approx(crystal.min_distance(), abs=1e-5)
    # The choice of origin may exchange positions of one kind.
    kinds = [sorted((p.multiplicity, p.dof) for p in c.positions) for c in (crystal, back)]
    assert kinds[0] == kinds[1]
    if crystal.num_atoms <= 60:
        matcher = StructureMatcher(primitive_cell=False, scale=False)
        assert matcher.fit(crystal.to_structure(), back.to_structure())


@given(random_crystals())
@settings(deadline=None, max_examples=40)
def test_symmetry_of_a_structure_is_at_least_the_crystals(crystal: Crystal) -> None:
    if crystal.min_distance() > 0.5:
        back = Crystal.from_structure(crystal.to_structure(), symprec=1e-4)
        assert len(back.group.operations[0]) / back.volume >= len(crystal.group.operations[0]) / crystal.volume - 1e-9
        assert StructureMatcher(scale=False).fit(crystal.to_structure(), back.to_structure())


@given(random_crystals())
@settings(deadline=None, max_examples=40)
def test_json_keeps_every_bit(crystal: Crystal) -> None:
    back = Crystal.from_dict(json.loads(json.dumps(crystal.to_dict())))
    assert back == crystal
    assert hash(back) == hash(crystal)
    assert np.array_equal(back.frac_coords, crystal.frac_coords)
    assert np.array_equal(back.lattice, crystal.lattice)
    assert crystal.group.positions
    copied = copy.copy(crystal)
    assert copied == crystal
    assert set(copied.__dict__) == {"composition", "space_group", "cell", "sites"}


@given(random_crystals(), st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_projection_gives_the_crystal_back(crystal: Crystal, seed: int) -> None:
    """Rotated, written with other images, and with another cell and other coordinates that obey the symmetry."""
    rng = np.random.default_rng(seed)
    frees = [np.array(site.free) + rng.uniform(-0.05, 0.05, len(site.free)) for site in crystal.sites]
    changed = crystal.with_parameters(np.array(crystal.cell) * [1.1, 1.05, 0.97, 1, 1, 1], frees)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    images = rng.integers(-2, 3, changed.frac_coords.shape)
    found = crystal.project(changed.lattice @ rotation, changed.frac_coords + images)
    assert found.space_group == crystal.space_group
    assert np.allclose(found.cell, changed.cell, rtol=1e-9, atol=1e-6)
    moved = found.frac_coords - changed.frac_coords
    assert np.allclose(moved - np.rint(moved), 0, atol=1e-9)


def test_projection_averages_noise() -> None:
    rng = np.random.default_rng(0)
    crystal = fill(230, rng)
    noisy = crystal.frac_coords + rng.normal(0, 1e-3, crystal.frac_coords.shape)
    found = crystal.project(crystal.lattice * (1 + 1e-4 * rng.normal(size=(3, 3))), noisy)
    moved = found.frac_coords - crystal.frac_coords
    assert np.abs(moved - np.rint(moved)).max() < 1e-3
    with pytest.raises(InputError, match="do not fit"):
        crystal.project(crystal.lattice, noisy[:-1])


def test_derived_values() -> None:
    crystal = fill(166, np.random.default_rng(3))
    assert crystal.system == "trigonal"
    assert crystal.frac_coords.shape == (crystal.num_atoms, 3)
    assert crystal.multiplicities.sum() == crystal.num_atoms
    assert len(crystal.orbits) == len(crystal.numbers) == len(crystal.species) == crystal.num_atoms
    assert np.array_equal(np.flatnonzero(np.diff(crystal.orbits, prepend=-1)), crystal.representatives)
    assert crystal.volume == pytest.approx(abs(np.linalg.det(crystal.lattice)))
    assert crystal.combination == ((0,), crystal.combination[1])
    for array in (crystal.lattice, crystal.frac_coords, crystal.orbits):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert ROCK_SALT.min_distance() == pytest.approx(2.85)
    assert wrap(np.array([-1e-20, 1.0, 2.5])).tolist() == [0.0, 0.0, 0.5]


def test_primitive_cells_become_conventional() -> None:
    primitive = ROCK_SALT.to_structure().get_primitive_structure()
    assert len(primitive) == 2
    assert Crystal.from_structure(primitive).composition == CAS
    assert Crystal.from_structure(primitive, composition=Composition(("S", "Ca"), (4, 4))).sites[0].element == "S"
    # Exactly this many atoms were asked for, and no conventional cell of rock salt has them.
    kept = Crystal.from_structure(primitive, composition=Composition(("Ca", "S"), (1, 1)))
    assert (kept.space_group, kept.num_atoms) == (1, 2)
    assert kept.min_distance() == pytest.approx(2.85)
    with pytest.raises(InputError, match="not Ca3S3"):
        Crystal.from_structure(primitive, composition=Composition(("Ca", "S"), (3, 3)))
    with pytest.raises(InputError, match="not among"):
        Crystal.from_structure(primitive, composition=Composition(("Ca", "O"), (4, 4)))


def test_structures_without_symmetry_are_p1() -> None:
    rng = np.random.default_rng(0)
    structure = Structure(Lattice.from_parameters(5, 6, 7, 80, 95, 105), ["O", "Ca", "O"], rng.random((3, 3)))
    crystal = Crystal.from_structure(structure)
    assert crystal.space_group == find_space_group(structure) == 1
    assert crystal.composition == Composition(("O", "Ca"), (2, 1))
    assert crystal.species == ("O", "O", "Ca")
    doubled = structure.copy()
    doubled.make_supercell([[1, 0, 0], [0, 1, 0], [1, 0, 2]])
    found = Crystal.from_structure(doubled)
    assert (found.space_group, found.composition) == (1, crystal.composition), "its translations are symmetry too"
    assert found.volume == pytest.approx(crystal.volume)
    assert found.min_distance() == pytest.approx(crystal.min_distance())
    assert Crystal.from_structure(doubled, composition=Composition(("Ca", "O"), (2, 4))).num_atoms == 6
    coincident = Structure(Lattice.cubic(4), ["Ca", "Ca"], [[0, 0, 0], [0, 0, 1e-4]])
    assert Crystal.from_structure(coincident).space_group == 1


def test_disorder_is_refused() -> None:
    with pytest.raises(InputError, match="disordered"):
        Crystal.from_structure(Structure(Lattice.cubic(4), [{"Ca": 0.5, "Sr": 0.5}], [[0, 0, 0]]))


CUBE = (5.7, 5.7, 5.7, 90, 90, 90)
SITES = (Site("Ca", 11), Site("S", 10))


@pytest.mark.parametrize(
    ("number", "cell", "sites", "message"),
    [
        (231, CUBE, SITES, "1 to 230"),
        (225, (5.7, 5.7, 5.8, 90, 90, 90), SITES, "not cubic"),
        (225, CUBE[:5], SITES, "six parameters"),
        (225, CUBE, SITES[:1], "hold"),
        (225, CUBE, SITES[::-1], "grouped by element"),
        (225, CUBE, (SITES[0], Site("S", 11)), "taken twice"),
        (225, CUBE, (SITES[0], Site("S", 99)), "no Wyckoff position"),
        (225, CUBE, (SITES[0], Site("O", 10)), "does not"),
        (225, CUBE, (Site("Ca", 11, (0.1,)), SITES[1]), "needs 0 free"),
        (2, (5, 5, 5, 50, 50, 130), SITES, "close no cell"),
        (2, (5, 5, -5, 90, 90, 90), SITES, "positive"),
        (2, (5, 5, float("nan"), 90, 90, 90), SITES, "not triclinic|positive"),
    ],
)
def test_what_is_no_crystal_is_refused(
    number: int, cell: tuple[float, ...], sites: tuple[Site, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Crystal(CAS, number, cell, sites)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [{}, {"elements": ["Ca"], "counts": ["x"]}, {**ROCK_SALT.to_dict(), "cell": [1]}])
def test_bad_json_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Crystal.from_dict(data)


@pytest.mark.skipif("CRYSIM_REFERENCES" not in os.environ, reason="CRYSIM_REFERENCES names no folder of CIFs")
def test_reference_files() -> None:
    folder = Path(os.environ["CRYSIM_REFERENCES"])
    for name, facts in tomllib.loads((folder / "references.toml").read_text()).items():
        structure = Structure.from_file(folder / f"{name}.cif")
        crystal = Crystal.from_structure(structure)
        assert crystal.space_group == facts["space_group"]
        assert crystal.num_atoms == facts["atoms"] == len(structure)
        distances = structure.distance_matrix + 99 * np.eye(len(structure))
        assert crystal.min_distance() == pytest.approx(distances.min(), abs=1e-5)
        assert StructureMatcher().fit(structure, crystal.to_structure())


@pytest.mark.parametrize(("formula", "group"), [("Al4Cu4", 2), ("Al4Cu4", 62), ("Al6Cu6", 166), ("Al4Cu4", 225)])
def test_a_pickled_crystal_is_the_same_to_the_last_bit(formula: str, group: int) -> None:
    crystal = RandomGenerator(Composition.from_formula(formula), [group]).sample(1, np.random.default_rng(4))[0]
    _ = crystal.lattice
    again = pickle.loads(pickle.dumps(crystal))  # noqa: S301 - made here
    assert again == crystal
    assert repr(again) == repr(crystal)
    assert hash(again) == hash(crystal)
    assert again.__dict__.keys() == {"composition", "space_group", "cell", "sites"}, "what is derived does not travel"
    np.testing.assert_array_equal(again.lattice, crystal.lattice)
