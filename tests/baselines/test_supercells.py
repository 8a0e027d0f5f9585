"""Supercells: which there are, and which of them are one."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from pymatgen.core import Lattice, Structure

from crysim_baselines.portfolio.supercells import distinct_supercells, hermite_forms


def rotations(group: str) -> np.ndarray:
    """Of the primitive cell of a lattice of points."""
    cell = Structure.from_spacegroup(group, Lattice.cubic(4.0), ["Cu"], [[0, 0, 0]]).get_primitive_structure()
    found = spglib.get_symmetry_dataset((cell.lattice.matrix, cell.frac_coords, [29] * len(cell)))
    return found.rotations.astype(np.int64)


@pytest.mark.parametrize(("times", "number"), [(1, 1), (2, 7), (3, 13), (4, 35), (6, 91), (8, 155)])
def test_there_are_as_many_as_number_theory_says(times: int, number: int) -> None:
    forms = hermite_forms(times)
    assert len(forms) == number == len(np.unique(forms, axis=0))
    np.testing.assert_allclose(np.linalg.det(forms), times)


@pytest.mark.parametrize(
    ("group", "numbers"),
    [  # Hart and Forcade (2008): derivative superlattices of 2 to 8 cells
        ("Pm-3m", (3, 3, 9, 5, 13, 7, 24)),
        ("Fm-3m", (2, 3, 7, 5, 10, 7, 20)),
        ("Im-3m", (2, 3, 7, 5, 10, 7, 20)),
    ],
)
def test_distinct_ones_are_those_of_the_literature(group: str, numbers: tuple[int, ...]) -> None:
    found = tuple(len(distinct_supercells(rotations(group), times, 1000)) for times in range(2, 9))
    assert found == numbers


def test_the_most_symmetric_come_first() -> None:
    """Of four face-centred cells the cube."""
    first, *others = distinct_supercells(rotations("Fm-3m"), 4, 3)
    assert len(others) == 2
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Cu"], [[0, 0, 0]]).get_primitive_structure()
    lattice = Lattice(first @ cell.lattice.matrix).get_niggli_reduced_lattice()
    assert lattice.parameters == pytest.approx((4, 4, 4, 90, 90, 90))
