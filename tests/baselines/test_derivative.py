"""Crystals derived from one: a subgroup of what symmetry it nearly has, and its elements put anew on what splits."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
import spglib
from pymatgen.core import Lattice, Structure

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim_baselines.portfolio.colours import _with_sum, likely_pairs
from crysim_baselines.portfolio.derivative import derived
from crysim_baselines.portfolio.subgroups import NEARLY, filled, symmetry
from crysim_baselines.portfolio.supercells import any_supercell


def crystal(group: int, lattice: Lattice, species: list[str], coords: list[list[float]]) -> Crystal:
    """From the sites of a space group."""
    return Crystal.from_structure(Structure.from_spacegroup(group, lattice, species, coords))


@pytest.fixture(scope="module")
def layered() -> Crystal:
    """CuFeS2 with layers of copper and of iron: zinc blende in another order than chalcopyrite's."""
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.0, 0.5, 0.25]]
    return crystal(115, Lattice.tetragonal(3.74, 5.29), ["Cu", "Fe", "S"], sites)


def chalcopyrite() -> Crystal:
    """Of the same framework."""
    return crystal(
        122, Lattice.tetragonal(5.29, 10.58), ["Cu", "Fe", "S"], [[0, 0, 0], [0, 0, 0.5], [0.25, 0.25, 0.125]]
    )


def test_another_order_in_a_larger_cell_is_found(layered: Crystal) -> None:
    contents = Contents.from_formula("CuFeS2", 2, "primitive")
    children = [derived(layered, contents, np.random.default_rng(number)) for number in range(300)]
    matcher = ReferenceMatcher(chalcopyrite())
    assert any(one is not None and one.space_group == 122 and matcher.match(one).strict for one in children)


def test_tilts_of_a_perovskite_are_found() -> None:
    cubic = crystal(221, Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.0]])
    contents = Contents.from_formula("SrTiO3", 2, "primitive")
    groups = Counter(
        one.space_group for number in range(300) if (one := derived(cubic, contents, np.random.default_rng(number)))
    )
    assert {140, 127} & set(groups)  # the octahedra turned about one axis, against one another along it or alike
    assert len(groups) > 15


@pytest.mark.parametrize("units", [1, 2, 3, 4])
def test_children_hold_the_contents_and_keep_symmetry(layered: Crystal, units: int) -> None:
    contents = Contents.from_formula("CuFeS2", units, "primitive")
    children = [one for number in range(40) if (one := derived(layered, contents, np.random.default_rng(number)))]
    assert len(children) >= 5
    for one in children:
        assert one.primitive_contents == contents
        assert one.volume / one.num_atoms == pytest.approx(layered.volume / layered.num_atoms, rel=0.02)
    assert np.mean([one.space_group == 1 for one in children]) < 0.2
    assert len({one.space_group for one in children}) >= 3


@pytest.mark.parametrize("units", [1, 2, 4, 6])
@pytest.mark.parametrize("mixed", [(), ("Cu", "Fe")])
def test_operations_are_spglibs_and_bring_each_atom_to_one_of_its_kind(
    layered: Crystal, units: int, mixed: tuple[str, ...]
) -> None:
    atoms = filled(layered, Contents.from_formula("CuFeS2", units, "primitive"), np.random.default_rng(units))
    assert atoms is not None
    kinds = np.array([{"Cu": 29, "Fe": 29 if mixed else 26, "S": 16}[e] for e in atoms.species])
    found = spglib.get_symmetry_dataset((atoms.lattice, atoms.coords, kinds), symprec=NEARLY)
    operations = symmetry(atoms, mixed)
    assert len(operations) == len(found.rotations) > 1
    for one, rotation, translation in zip(operations, found.rotations, found.translations, strict=True):
        np.testing.assert_array_equal(one.rotation, rotation)
        gaps = atoms.coords @ rotation.T + translation - atoms.coords[one.images]
        gaps -= np.rint(gaps)
        assert np.linalg.norm(gaps @ atoms.lattice, axis=1).max() < 0.01
        np.testing.assert_array_equal(kinds[one.images], kinds)
        assert sorted(one.images) == list(range(len(kinds)))


def test_cells_threefold_as_large_give_children_as_others_do(layered: Crystal) -> None:
    """Their translations are of order three: going down from the whole symmetry by halves never leaves them."""
    contents = Contents.from_formula("CuFeS2", 3, "primitive")
    assert sum(derived(layered, contents, np.random.default_rng(number)) is not None for number in range(40)) >= 30


def test_conventional_cells_are_filled_too(layered: Crystal) -> None:
    contents = Contents.from_formula("CuFeS2", 4)
    children = [one for number in range(40) if (one := derived(layered, contents, np.random.default_rng(number)))]
    assert len(children) > 20
    assert all(one.composition == contents.composition for one in children)
    assert len({one.centring_factor for one in children}) > 1


def test_what_does_not_fit_gives_nothing(layered: Crystal) -> None:
    chalco = chalcopyrite()
    assert derived(chalco, Contents.from_formula("CuFeS2", 1, "primitive"), np.random.default_rng(0)) is None
    assert derived(chalco, Contents.from_formula("CuFeS2", 3, "primitive"), np.random.default_rng(0)) is None
    bare = layered.to_p1()
    alone = Crystal.from_p1(bare.composition, bare.lattice, bare.species, np.random.default_rng(0).random((4, 3)))
    assert derived(alone, Contents.from_formula("CuFeS2", 1, "primitive"), np.random.default_rng(0)) is None


def test_the_same_state_gives_the_same_crystal(layered: Crystal) -> None:
    contents = Contents.from_formula("CuFeS2", 2, "primitive")
    ones = [derived(layered, contents, np.random.default_rng(7)) for _ in range(2)]
    assert ones[0] is not None
    assert ones[0] == ones[1]


def test_each_superlattice_is_as_likely() -> None:
    """As many as the divisors of their number of cells say: seven of two, thirteen of three, 35 of four."""
    points = np.array(list(product(range(-3, 4), repeat=3)))
    for times, number in ((2, 7), (3, 13), (4, 35)):
        rng = np.random.default_rng(0)
        drawn: Counter[bytes] = Counter()
        for _ in range(200 * number):
            matrix = any_supercell(times, rng)
            assert round(np.linalg.det(matrix)) == times
            inside = points @ np.linalg.inv(matrix)
            lattice = np.abs(inside - np.rint(inside)).max(axis=1) < 1e-9  # whatever its basis
            drawn[lattice.tobytes()] += 1
        assert len(drawn) == number
        assert max(drawn.values()) < 300
        assert min(drawn.values()) > 120


def test_sizes_that_add_up_are_found_if_there_are_any() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        sizes = rng.integers(1, 9, size=6).tolist()
        wanted = int(rng.integers(1, 30))
        sums = {sum(some) for n in range(7) for some in combinations(sizes, n)}
        chosen = _with_sum(sizes, wanted)
        assert (chosen is not None) == (wanted in sums)
        assert chosen is None or sum(sizes[i] for i in set(chosen)) == wanted


def test_alike_elements_change_places_sooner() -> None:
    pairs = likely_pairs(("Li", "Ti", "O"))
    assert sum(pairs.values()) == pytest.approx(1.0)
    assert pairs["Li", "Ti"] > 0.8
    assert likely_pairs(("Xe", "O", "F"))["O", "F"] > 0.1  # xenon has no electronegativity
