"""One structure is one row, in whatever cell, content and setting it was found."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.distinct import SAME, DistinctCrystals, distinct, group_distinct, invariant
from crysim.crystal.structure_types import structure_types

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CELLS = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 1, 0], [0, 1, 0], [0, -1, 1]], [[2, 0, 0], [0, 1, 0], [1, 0, 1]])


def p1(structure: Structure) -> Crystal:
    species = [str(one) for one in structure.species]
    elements = tuple(dict.fromkeys(species))
    composition = Composition(elements, tuple(species.count(element) for element in elements))
    return Crystal.from_p1(composition, structure.lattice.matrix, species, structure.frac_coords)


def copies(structure: Structure, noise: float) -> list[Crystal]:
    """The structure in its conventional cell with its symmetry, and in other cells without it, with noise (Å)."""
    rng = np.random.default_rng(2)
    made = [Crystal.from_structure(structure)]
    for axes in CELLS:
        other = structure.copy()
        other.make_supercell(axes)
        lattice = other.lattice.matrix + rng.uniform(-noise, noise, (3, 3))
        moved = other.frac_coords + rng.uniform(-noise, noise, (len(other), 3)) @ np.linalg.inv(lattice)
        made.append(p1(Structure(lattice, other.species, moved)))
    return made


def named(label: str) -> Structure:
    return next(one for one in structure_types() if one.label == label).structure


@pytest.mark.parametrize("label", ["AB_cF8_225_a_b", "A2B3_hR10_167_c_e", "A2BC4_cF56_227_d_a_e", "A2B_mP12_14_2e_e"])
def test_the_invariant_is_the_same_in_every_cell(label: str) -> None:
    first, *others = [invariant(crystal) for crystal in copies(named(label), 0.0)]
    for other in others:
        np.testing.assert_allclose(other, first, atol=2e-3)  # what makes a crystal exactly symmetric moves it this far


def test_the_invariant_is_the_mean_of_distances_found_by_pymatgen() -> None:
    rng = np.random.default_rng(7)
    structure = Structure(Lattice.from_parameters(4, 5, 9, 75, 100, 112), ["Na", "Na", "Cl"], rng.random((3, 3)))
    ours = invariant(p1(structure)).reshape(2, 2, -1)
    centres, points, _, lengths = structure.get_neighbor_list(20.0)
    names = np.array([str(one) for one in structure.species])
    for a, first in enumerate(("Cl", "Na")):
        for b, second in enumerate(("Cl", "Na")):
            lists = [
                np.sort(lengths[(centres == i) & (names[points] == second)])[: ours.shape[2]]
                for i in np.flatnonzero(names == first)
            ]
            np.testing.assert_allclose(ours[a, b], np.mean(lists, axis=0), atol=1e-9)


def test_settings_and_supercells_of_one_crystal_are_one_row_whose_best_is_the_lowest() -> None:
    crystals = copies(named("A2B3_hR10_167_c_e"), 0.01)
    energies = [c.num_atoms * (-7.0 - 0.0001 * i) for i, c in enumerate(crystals)]
    rows = DistinctCrystals()
    assert [rows.add(c, e) for c, e in zip(crystals, energies, strict=True)] == [0] * len(crystals)
    assert rows.rows[0].members == list(range(len(crystals)))
    per_atom = [e / c.num_atoms for c, e in zip(crystals, energies, strict=True)]
    assert rows.rows[0].best == int(np.argmin(per_atom))
    assert distinct(crystals, energies) == [int(np.argmin(per_atom))]


def test_close_packings_of_one_energy_and_volume_stay_apart() -> None:
    a = 2.9
    fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(a * 2**0.5), ["Cu"], [[0, 0, 0]])
    hcp = Structure(Lattice.hexagonal(a, a * (8 / 3) ** 0.5), ["Cu"] * 2, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]])
    double = Structure(
        Lattice.hexagonal(a, 2 * a * (8 / 3) ** 0.5), ["Cu"] * 4,
        [[0, 0, 0], [1 / 3, 2 / 3, 0.25], [0, 0, 0.5], [2 / 3, 1 / 3, 0.75]],
    )  # fmt: skip
    crystals = [p1(one) for one in (fcc, hcp, double)]
    assert len(distinct(crystals, [-3.0 * c.num_atoms for c in crystals])) == 3


def test_polytypes_of_silicon_carbide_stay_apart_at_one_energy_and_volume() -> None:
    labels = ("AB_hP4_186_b_b", "AB_cF8_216_c_a", "AB_hP8_186_ab_ab", "AB_hP12_186_a2b_a2b", "AB_hR6_160_3a_3a")
    crystals = []
    for label in labels:
        structure = named(label).copy()
        first, second = (str(element) for element in structure.composition.elements)
        structure.replace_species({first: "Si", second: "C"})
        structure.scale_lattice(10.35 * len(structure))
        crystals += copies(structure, 0.003)[:2]
    assert [len(row) for row in group_distinct(crystals, [-7.0 * c.num_atoms for c in crystals])] == [2] * len(labels)


def test_stackings_of_one_slab_stay_apart_at_one_energy() -> None:
    """Chromium boride as CHGNet relaxes it in its own type and in that of MoB, 0.1 meV per atom apart."""
    own = Crystal(
        Composition(("Cr", "B"), (4, 4)), 63, (2.9124, 7.7756, 2.9431, 90.0, 90.0, 90.0),
        (Site("Cr", 5, (0.14757,)), Site("B", 5, (0.43464,))),
    )  # fmt: skip
    other = Crystal(
        Composition(("Cr", "B"), (8, 8)), 141, (2.9278, 2.9278, 15.5397, 90.0, 90.0, 90.0),
        (Site("Cr", 4, (0.57371,)), Site("B", 4, (0.71725,))),
    )  # fmt: skip
    assert len(distinct([own, other], [-8.6566 * 8, -8.6565 * 16])) == 2


def test_a_stacking_of_three_layers_is_not_that_of_one() -> None:
    """Li2MnO3 shifts each layer of its honeycomb the same way (C2/m); turned by 120° at each step it has three layers
    (P3_112 or P3_212), and averages over the first neighbours as near as those of one crystal with a little noise."""
    one = next(t for t in structure_types() if t.name == "Li2MnO3" and t.space_group == 12)
    conventional = Crystal.from_structure(one.structure, 0.01)
    a, _, c, _, beta, _ = conventional.cell
    shift = np.array([c * np.cos(np.radians(beta)), 0.0, 0.0])
    height = c * np.sin(np.radians(beta))
    flat = Structure(
        Lattice.from_parameters(a, np.sqrt(3.0) * a, height, 90, 90, 90), conventional.species, np.zeros((24, 3))
    ).lattice
    crystals = []
    for turn in (0.0, 120.0):
        species, points, move = [], [], np.zeros(3)
        for layer in range(3):
            for symbol, (x, y, z) in zip(conventional.species, conventional.frac_coords, strict=True):
                z = (z + 0.25) % 1.0 - 0.25  # the layer of manganese about z = 0, that of lithium above it
                species.append(symbol)
                above = np.array([z * shift[0], 0, (layer + z) * height])
                points.append(flat.get_cartesian_coords([x, y, 0]) + above + move)
            angle = np.radians(layer * turn)
            move = move + abs(shift[0]) * -np.array([np.cos(angle), np.sin(angle), 0.0])
        lattice = np.diag([a, np.sqrt(3.0) * a, 3 * height])
        if not turn:
            lattice[2] += move
        structure = Structure(lattice, species, points, coords_are_cartesian=True)
        crystals.append(Crystal.from_structure(structure, 0.1))
    near = np.abs(invariant(crystals[0]) - invariant(crystals[1])).max()
    assert near < SAME
    assert [one.num_primitive_atoms for one in crystals] == [12, 36]
    assert len(distinct(crystals, [-6.767 * one.num_atoms for one in crystals])) == 2


def test_elements_in_each_other_s_place_make_another_crystal() -> None:
    zinc = named("A2BC4_cF56_227_d_a_e")  # spinel: exchanging the two metals, or one kind of order, is not the same
    other = zinc.copy()
    first, second = [str(e) for e in zinc.composition.elements][:2]
    other.replace_species({first: second, second: first})
    if other.composition.reduced_formula == zinc.composition.reduced_formula:
        pytest.fail("the test wants unequal counts")
    crystals = [p1(zinc), p1(other)]
    assert group_distinct(crystals, [-1.0 * c.num_atoms for c in crystals]) == [[0], [1]]


def test_far_energies_or_volumes_are_never_one() -> None:
    salt = named("AB_cF8_225_a_b")
    large = salt.copy()
    large.scale_lattice(salt.volume * 1.08)
    crystals = [p1(salt), p1(salt), p1(large)]
    assert len(distinct(crystals, [-2.0, -2.02, -2.0])) == 3


def test_contents_of_one_formula_are_compared_per_atom() -> None:
    salt = named("AB_cF8_225_a_b")
    large = salt.copy()
    large.make_supercell([1, 1, 3])
    crystals = [p1(large), p1(salt)]
    assert group_distinct(crystals, [-6.0, -2.0]) == [[0, 1]]


def test_what_cannot_be_compared_stays_out_and_moves_no_number() -> None:
    salt = named("AB_cF8_225_a_b")
    torn = salt.copy()
    torn.scale_lattice(2.0e5)
    rows = DistinctCrystals()
    assert [rows.add(p1(one), -2.0) for one in (torn, salt)] == [None, 0]
    assert rows.add(p1(salt), float("nan")) is None
    assert rows.rows[0].members == [1]
