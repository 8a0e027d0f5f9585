"""Encoding contents of a primitive cell: the examples of the modules' docstrings, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal, Site
from crysim.crystal.generation import RandomGenerator
from crysim.symmetry import space_group
from crysim_encoders.grid_ising import GridIsing
from crysim_encoders.layout import spread_marks
from crysim_encoders.symmetry_encoding import SymmetryEncoder

NACL = Contents.from_formula("NaCl", cell="primitive")


def fixed(number: int, cell: tuple[float, ...], **letters: str) -> Crystal:
    group = space_group(number)
    sites = tuple(Site(element, group.position_by_letter(letter)) for element, letter in letters.items())
    counts = tuple(group.positions[site.position].multiplicity for site in sites)
    return Crystal(Composition(tuple(letters), counts), number, cell, sites)  # type: ignore[arg-type]


ROCK_SALT = fixed(225, (5.6, 5.6, 5.6, 90, 90, 90), Na="a", Cl="b")
CAESIUM_CHLORIDE = fixed(221, (3.5, 3.5, 3.5, 90, 90, 90), Na="a", Cl="b")


def grids(encoder: SymmetryEncoder | GridIsing, crystal: Crystal) -> list[list[int]]:
    (vector,) = encoder.encode([crystal])
    return [np.flatnonzero(vector[g.slice]).tolist() for g in encoder.groups if g.name.startswith("grid")]


def test_the_example_of_the_symmetry_encoding() -> None:
    encoder = SymmetryEncoder(grid_resolution=4)
    encoder.fit([ROCK_SALT, CAESIUM_CHLORIDE], NACL)
    assert [group.k for group in encoder.groups] == [1] * len(encoder.groups)
    assert grids(encoder, ROCK_SALT) == [[0], [2]]
    assert grids(encoder, CAESIUM_CHLORIDE) == [[0], [42]]
    marks = np.zeros(64, dtype=bool)
    marks[2] = True
    assert np.flatnonzero(spread_marks(marks.reshape(4, 4, 4), 225, 4)).tolist() == [2, 8, 32, 42]
    assert np.flatnonzero(spread_marks(marks.reshape(4, 4, 4), 221, 4)).tolist() == [2]
    for crystal in (ROCK_SALT, CAESIUM_CHLORIDE):
        decoded = encoder.decode(encoder.encode([crystal])[0], np.random.default_rng(0))
        assert crystal.combination in [one.combination for one in decoded]
        assert {one.space_group for one in decoded} == {crystal.space_group}


def test_the_example_of_the_grid() -> None:
    encoder = GridIsing(grid_resolution=4)
    encoder.fit([ROCK_SALT, CAESIUM_CHLORIDE], NACL)
    assert grids(encoder, ROCK_SALT) == [[0], [42]]
    assert ROCK_SALT.to_p1().cell == pytest.approx((3.9598, 3.9598, 3.9598, 60, 60, 60), abs=1e-4)
    decoded = encoder.decode(encoder.encode([ROCK_SALT])[0], np.random.default_rng(0))[0]
    assert (decoded.space_group, decoded.composition) == (1, NACL.composition)


@pytest.mark.parametrize("g", [6, 12, 5])
def test_marks_completed_by_the_centring_are_all_atoms_of_the_conventional_cell(g: int) -> None:
    """Exactly where the translations are whole voxels, and in number always, unless marks overlap."""
    contents = Contents.from_formula("SrTiO3", cell="primitive")
    for crystal in RandomGenerator(contents).sample(60, np.random.default_rng(0)):
        encoder = SymmetryEncoder(grid_resolution=g)
        encoder.fit([crystal], contents)
        whole = SymmetryEncoder(grid_resolution=g)
        whole.fit([crystal])
        for found, every in zip(grids(encoder, crystal), grids(whole, crystal), strict=True):
            marks = np.zeros(g**3, dtype=bool)
            marks[found] = True
            field = spread_marks(marks.reshape(g, g, g), crystal.space_group, g)
            if g % 6 == 0:
                assert np.flatnonzero(field > 1e-6).tolist() == every
            assert field.sum() <= len(found) * crystal.centring_factor + 1e-9


def test_what_is_encoded_comes_back_as_near_as_from_the_conventional_cell() -> None:
    """Covering reads completed marks as it reads those of all atoms."""
    contents = Contents.from_formula("Mg2Al4O8", cell="primitive")
    crystals = RandomGenerator(contents, range(195, 231)).sample(20, np.random.default_rng(1))
    for crystal in crystals:
        first = SymmetryEncoder(grid_resolution=12)
        first.fit([crystal], contents)
        whole = SymmetryEncoder(grid_resolution=12)
        whole.fit([crystal])
        rng = np.random.default_rng
        ours = first.decode(first.encode([crystal])[0], rng(0))
        theirs = whole.decode(whole.encode([crystal])[0], rng(0))
        assert [one.combination for one in ours] == [one.combination for one in theirs]
