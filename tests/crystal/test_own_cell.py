"""A structure comes back from the quotient in its own cell, orientation and order of atoms."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.crystal.own_cell import OwnCell

ROCK_SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
WURTZITE = Structure.from_spacegroup(
    "P6_3mc", Lattice.hexagonal(3.3, 5.3), ["Zn", "O"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.38]]
)
RUTILE = Structure.from_spacegroup(
    "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
)
CALCITE = Structure.from_spacegroup(
    "R-3c", Lattice.hexagonal(4.99, 17.06), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.257, 0, 0.25]]
)


def disguised(structure: Structure, seed: int) -> Structure:
    """The primitive cell in other axes, shifted, turned, its atoms in another order."""
    rng = np.random.default_rng(seed)
    primitive = structure.get_primitive_structure()
    change = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    lattice = change @ primitive.lattice.matrix
    coords = (primitive.frac_coords + rng.random(3)) @ np.linalg.inv(change)
    order = rng.permutation(len(primitive))
    species = [primitive[int(i)].specie for i in order]
    return Structure(Lattice(lattice @ turn), species, coords[order])


@pytest.mark.parametrize("structure", [ROCK_SALT, WURTZITE, RUTILE, CALCITE], ids=lambda s: s.reduced_formula)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_crystal_that_has_not_moved_gives_the_structure_back(structure: Structure, seed: int) -> None:
    given = disguised(structure, seed)
    own = OwnCell.of(given)
    back = own.back(own.crystal)
    assert back is not None
    np.testing.assert_allclose(back.lattice.matrix, given.lattice.matrix, atol=1e-6)
    np.testing.assert_allclose(back.frac_coords, given.frac_coords, atol=1e-6)
    assert back.species == given.species


@pytest.mark.parametrize("structure", [ROCK_SALT, WURTZITE, RUTILE, CALCITE], ids=lambda s: s.reduced_formula)
def test_what_moves_in_the_crystal_moves_in_the_structure(structure: Structure) -> None:
    given = disguised(structure, 2)
    own = OwnCell.of(given)
    crystal = own.crystal
    cell = np.array(crystal.cell) * [1.03, 1.03, 1.05 if crystal.system != "cubic" else 1.03, 1, 1, 1]
    frees = [[value + 0.01 for value in site.free] for site in crystal.sites]
    moved = crystal.with_parameters(cell, frees)
    back = own.back(moved)
    assert back is not None
    assert back.volume == pytest.approx(moved.volume * len(given) / moved.num_atoms)
    expected = np.sort(np.round(moved.to_structure().distance_matrix, 5).ravel())
    found = np.round(back.distance_matrix, 5).ravel()
    assert set(found) <= {*expected, *np.round(expected + 1e-5, 5), *np.round(expected - 1e-5, 5)}


def test_another_space_group_has_no_such_cell() -> None:
    own = OwnCell.of(ROCK_SALT)
    assert own.back(OwnCell.of(WURTZITE).crystal) is None
