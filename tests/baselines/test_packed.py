"""Groups of atoms that hold together are found in a crystal, and packed anew as rigid bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.prior import SITE_PRICE
from crysim.crystal.recipes import PriorRecipe
from crysim.interfaces import Candidate, Problem
from crysim.symmetry import space_group
from crysim.testing.strategies import pretended_trials
from crysim_baselines.portfolio import Portfolio
from crysim_baselines.portfolio.bodies import DEFORMED, oriented
from crysim_baselines.portfolio.drafts import PACKED, SPACED
from crysim_baselines.portfolio.generators import Generators
from crysim_baselines.portfolio.minima import Minima, Minimum
from crysim_baselines.portfolio.packed import packed
from crysim_baselines.portfolio.units import Body, units_of

CALCITE = ("R-3c", Lattice.hexagonal(4.99, 17.06), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.257, 0, 0.25]])
SILICON_FLUORIDE = ("I-43m", Lattice.cubic(5.41), ["Si", "F"], [[0, 0, 0], [0.165, 0.165, 0.165]])
THIOPHOSPHATE = (  # Na3PS4, I-43m
    "I-43m",
    Lattice.cubic(7.06),
    ["Na", "P", "S"],
    [[0, 0.5, 0.5], [0, 0, 0], [0.168, 0.168, 0.168]],
)
QUARTZ = ("P3_221", Lattice.hexagonal(4.91, 5.40), ["Si", "O"], [[0.470, 0, 2 / 3], [0.413, 0.267, 0.786]])
ROCK_SALT = ("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
TETRAHEDRON = Body(
    ("O", "O", "O", "O", "S"),
    0.85 * np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0], [0.0, 0.0, 0.0]]),
)


def crystal(group: str, lattice: Lattice, elements: list[str], places: list[list[float]]) -> Crystal:
    return Crystal.from_structure(Structure.from_spacegroup(group, lattice, elements, places))


def recipe(contents: Contents, *, few: bool = False) -> PriorRecipe:
    return replace(PriorRecipe.of(contents, None, None, {}), price_of_many=0.25, site_price=SITE_PRICE if few else 0)


@pytest.mark.parametrize(
    ("known", "bodies"),
    [
        (CALCITE, {"COOO": 1, "Ca": 1}),
        (SILICON_FLUORIDE, {"FFFFSi": 1}),
        (THIOPHOSPHATE, {"Na": 3, "PSSSS": 1}),
    ],
)
def test_what_is_bound_strongly_is_one_body(known: tuple, bodies: dict[str, int]) -> None:
    units = units_of(crystal(*known))
    assert units is not None
    assert dict(zip(["".join(body.species) for body in units.bodies], units.counts, strict=True)) == bodies
    for body in units.bodies:
        assert np.allclose(body.places.mean(axis=0), 0.0)
        assert np.abs(body.places).max() < 2.2


def test_distances_are_those_of_bodies_and_of_atoms_of_different_ones() -> None:
    units = units_of(crystal(*CALCITE))
    assert units is not None
    carbonate, calcium = 0, 1
    assert units.spacings[carbonate, calcium] == pytest.approx(3.21, abs=0.01)
    place = units.elements.index
    assert units.contacts[place("Ca"), place("O")] == pytest.approx(2.36, abs=0.01)
    assert units.contacts[place("O"), place("O")] > 3.0  # 2.22 Å within an ion
    assert units.contacts[place("C"), place("O")] > 3.0  # 1.28 Å


@pytest.mark.parametrize("known", [QUARTZ, ROCK_SALT])
def test_a_network_and_single_atoms_are_no_bodies(known: tuple) -> None:
    assert units_of(crystal(*known)) is None


@pytest.mark.parametrize("z", [1, 2, 4])
@pytest.mark.parametrize(
    ("known", "bond", "coordination"),
    [
        (CALCITE, ("C", "O", 1.28), 3),
        (SILICON_FLUORIDE, ("Si", "F", 1.55), 4),
        (THIOPHOSPHATE, ("P", "S", 2.05), 4),
    ],
)
def test_packed_crystals_hold_the_same_bodies(
    known: tuple, bond: tuple[str, str, float], coordination: int, z: int
) -> None:
    one = crystal(*known)
    units = units_of(one)
    assert units is not None
    contents = Contents(
        replace(one.composition, counts=tuple(z * n for n in one.composition.reduced.counts)), "primitive"
    )
    volume = 1.05 * one.volume / one.num_atoms * contents.num_atoms
    made = [packed(units, recipe(contents, few=bool(i % 2)), volume, 0.8, np.random.default_rng(i)) for i in range(24)]
    found = [one for one in made if one is not None]
    assert len(found) >= 3
    assert len({one.space_group for one in found}) > 1
    centre, neighbour, length = bond
    for each in found:
        assert contents.held_by(each)
        assert each.space_group > 1
        structure = each.to_structure()
        for site in structure:
            if site.specie.symbol == centre:
                near = [
                    one for one in structure.get_neighbors(site, length + DEFORMED) if one.specie.symbol == neighbour
                ]
                assert len(near) >= coordination
        assert each.min_distance() > length - DEFORMED - 0.2


def test_conventional_cells_are_filled_too() -> None:
    one = crystal(*SILICON_FLUORIDE)
    units = units_of(one)
    assert units is not None
    contents = Contents(one.composition)
    made = [packed(units, recipe(contents), one.volume, 0.75, np.random.default_rng(i)) for i in range(12)]
    found = [each for each in made if each is not None]
    assert len(found) > 3
    assert all(each.composition == one.composition for each in found)


def test_contents_that_hold_no_whole_number_of_bodies_get_none() -> None:
    units = units_of(crystal(*CALCITE))
    assert units is not None
    for formula in ("Ca2CO3", "CaC2O3", "MgCO3"):
        assert packed(units, recipe(Contents.from_formula(formula)), 70.0, 0.8, np.random.default_rng(0)) is None


def test_the_same_state_gives_the_same_crystal() -> None:
    one = crystal(*CALCITE)
    units = units_of(one)
    assert units is not None
    first, again = (
        packed(units, recipe(one.primitive_contents), 125.0, 0.75, np.random.default_rng(2)) for _ in range(2)
    )
    assert first == again
    assert first is not None


@pytest.mark.parametrize(("group", "label"), [(215, "1a"), (81, "1a"), (25, "1a"), (143, "1a"), (3, "1a"), (16, "1a")])
def test_a_tetrahedron_takes_on_the_symmetry_of_its_site(group: int, label: str) -> None:
    rotations = space_group(group).operations[0]
    lattice = Lattice.hexagonal(5, 7) if group == 143 else Lattice.cubic(5)
    inverse = np.linalg.inv(lattice.matrix)
    operations = inverse @ np.swapaxes(rotations, 1, 2) @ lattice.matrix
    assert space_group(group).positions[space_group(group).position_by_letter("a")].label == label
    for seed in range(20):
        places = oriented(TETRAHEDRON, operations, np.random.default_rng(seed))
        if places is not None:
            break
    assert places is not None
    oxygen = places[:4]
    for operation in operations:
        gaps = np.linalg.norm((oxygen @ operation)[:, None] - oxygen[None], axis=-1)
        assert np.allclose(gaps.min(axis=1), 0.0, atol=1e-6)
    assert np.linalg.norm(oxygen, axis=1) == pytest.approx(np.full(4, 0.85 * 3**0.5), abs=DEFORMED)


@pytest.mark.parametrize("group", [75, 147, 123])
def test_a_tetrahedron_fits_no_site_with_a_fourfold_axis_or_an_inversion(group: int) -> None:
    rotations = space_group(group).operations[0]
    lattice = Lattice.hexagonal(5, 7) if group == 147 else Lattice.cubic(5)
    operations = np.linalg.inv(lattice.matrix) @ np.swapaxes(rotations, 1, 2) @ lattice.matrix
    assert all(oriented(TETRAHEDRON, operations, np.random.default_rng(seed)) is None for seed in range(10))


def test_units_are_none_of_a_crystal_of_one_atom() -> None:
    assert units_of(crystal("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])) is None


def test_a_portfolio_packs_the_bodies_of_the_lowest_crystal() -> None:
    one = crystal(*CALCITE)
    contents = Contents.from_formula("CaCO3", 2, "primitive")
    minima = Minima()
    minima.add(Minimum(-7.0, 0, one))
    assert minima.in_units
    generators = Generators(Problem(contents, 0), minima)
    made = [generators.propose(PACKED, np.random.default_rng(number)).drawn() for number in range(12)]
    assert {one.info["origin"] for one in made} <= {PACKED, SPACED}
    assert sum(one.info["origin"] == PACKED for one in made) > 6
    assert all(contents.held_by(one.start) for one in made)


def test_without_bodies_a_portfolio_packs_none() -> None:
    rock_salt = crystal(*ROCK_SALT)
    minima = Minima()
    assert not minima.in_units
    minima.add(Minimum(-3.0, 0, rock_salt))
    assert not minima.in_units
    generators = Generators(Problem(Contents.from_formula("NaCl", 2, "primitive"), 0), minima)
    assert generators.propose(PACKED, np.random.default_rng(0)).drawn().info["origin"] == SPACED
    assert PACKED not in asked_after(rock_salt)


def test_a_portfolio_asks_for_bodies_where_the_lowest_crystal_has_some() -> None:
    assert PACKED in asked_after(crystal(*CALCITE))


def asked_after(low: Crystal) -> set[str]:
    """The origins of what a portfolio asks for that knows one crystal."""
    portfolio = Portfolio(Problem(low.primitive_contents, 0), first=0)
    portfolio.tell_seeds(pretended_trials([Candidate(low)], 0))
    return {candidate.info["origin"] for candidate in portfolio.ask(80)}
