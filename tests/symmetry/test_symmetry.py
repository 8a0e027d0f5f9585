"""Space groups and cells against pyxtal, spglib and the definition of a group."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from hypothesis import given
from hypothesis import strategies as st

from crysim.errors import InputError
from crysim.symmetry import (
    CELL_PARAMETERS,
    CRYSTAL_SYSTEMS,
    cell_from_lattice,
    crystal_system,
    free_cell_parameters,
    impose_cell,
    lattice_from_cell,
    open_cell,
    space_group,
    volume_factor,
)
from crysim.symmetry.cells import MIN_VOLUME_FACTOR
from crysim.symmetry.tables import parse_row

ALL = range(1, 231)


def test_positions_agree_with_pyxtal() -> None:
    from pyxtal.symmetry import Group

    for number in ALL:
        theirs = Group(number)
        ours = space_group(number)
        assert [p.label for p in ours.positions] == [w.get_label() for w in theirs]
        assert [p.dof for p in ours.positions] == [w.get_dof() for w in theirs]


def as_whole(points: np.ndarray, unit: float) -> np.ndarray:
    """Points modulo 1 as whole multiples of a unit."""
    return np.rint(points / unit).astype(int) % round(1 / unit)


def as_set(rows: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(row) for row in rows.reshape(len(rows), -1).tolist()}


@pytest.mark.parametrize("number", ALL)
def test_positions_are_orbits_of_the_group(number: int) -> None:
    """The operations are spglib's, and carry a point of every position to all points of the position, and no others."""
    group = space_group(number)
    rotations, translations = group.operations
    theirs = spglib.get_symmetry_from_database(group.hall_number)
    # All translations of the tables are multiples of 1/24.
    assert as_set(np.dstack([rotations, as_whole(translations, 1 / 24)])) == as_set(
        np.dstack([theirs["rotations"], as_whole(theirs["translations"], 1 / 24)])
    )
    rng = np.random.default_rng(number)
    for position in group.positions:
        free = rng.integers(0, 24_000, position.dof) / 24_000
        points = as_set(as_whole(position.coordinates(free), 1 / 24_000))
        assert len(points) == position.multiplicity
        representative = position.coordinates(free)[0]
        assert as_set(as_whole(rotations @ representative + translations, 1 / 24_000)) == points


def test_a_free_coordinate_stands_in_its_own_row() -> None:
    """What decoding and the reading of structures rely on: variable v of the representative is ±v on axis v."""
    for number in ALL:
        for position in space_group(number).positions:
            rows = position.matrices[0][list(position.axes)]
            assert np.array_equal(np.abs(rows), np.eye(position.dof))


def test_positions_are_general_first() -> None:
    for number in ALL:
        group = space_group(number)
        multiplicities = [p.multiplicity for p in group.positions]
        assert multiplicities == sorted(multiplicities, reverse=True)
        assert group.positions[0].dof == 3
        assert np.array_equal(group.positions[0].matrices[0], np.eye(3))
        assert group.shapes == tuple((p.multiplicity, p.dof) for p in group.positions)
        assert group.positions[group.position_by_letter("a")].letter == "a"


def test_symbols_and_settings() -> None:
    """Each group's setting is its own, with the second choice of origin and hexagonal axes."""
    for number in ALL:
        kind = spglib.get_spacegroup_type(space_group(number).hall_number)
        assert kind.number == number
        assert kind.choice in ("", "b", "b1", "2", "H")
    for number, symbol in {14: "P2_1/c", 64: "Cmce", 90: "P42_12", 166: "R-3m", 210: "F4_132", 227: "Fd-3m"}.items():
        assert space_group(number).symbol == symbol


def test_crystal_systems() -> None:
    counts = [sum(crystal_system(n) == system for n in ALL) for system in CRYSTAL_SYSTEMS]
    assert counts == [2, 13, 59, 68, 25, 27, 36]


@pytest.mark.parametrize("number", [0, 231, -1, True, 2.0])
def test_no_such_group(number: int) -> None:
    with pytest.raises(InputError, match="1 to 230"):
        space_group(number)


def test_rows_are_exact() -> None:
    assert parse_row("-x+y+1/3") == ((-1, 1, 0), parse_row("1/3")[1])
    assert parse_row("17/12")[1] * 12 == 5
    assert parse_row("-2x+5/4")[0] == (-2, 0, 0)
    assert parse_row("1")[1] == 0


lengths = st.floats(2.0, 30.0)
angles = st.floats(50.0, 130.0)
cells = st.tuples(lengths, lengths, lengths, angles, angles, angles)


@given(cells, st.sampled_from(CRYSTAL_SYSTEMS))
def test_imposed_cells_obey_their_system(cell: tuple[float, ...], system: str) -> None:
    imposed = impose_cell(system, cell)
    assert np.array_equal(impose_cell(system, imposed), imposed)
    kept = [CELL_PARAMETERS.index(name) for name in free_cell_parameters(system)]
    assert np.array_equal(imposed[kept], np.array(cell)[kept])
    last = {"triclinic": 2, "monoclinic": 15, "orthorhombic": 74, "tetragonal": 142, "trigonal": 167, "hexagonal": 194}
    opened = open_cell(imposed)
    lattice = lattice_from_cell(opened)
    assert np.allclose(cell_from_lattice(lattice), opened, rtol=1e-9, atol=1e-7)
    metric = lattice @ lattice.T
    for rotation in space_group(last.get(system, 230)).operations[0]:
        assert np.allclose(rotation.T @ metric @ rotation, metric, atol=1e-9 * metric.max())


@given(cells)
def test_opened_cells_have_volume(cell: tuple[float, ...]) -> None:
    opened = open_cell(cell)
    assert volume_factor(opened) >= MIN_VOLUME_FACTOR
    assert np.linalg.det(lattice_from_cell(opened)) == pytest.approx(volume_factor(opened) * np.prod(opened[:3]))
    if volume_factor(cell) >= MIN_VOLUME_FACTOR:
        assert np.array_equal(opened, cell)


@given(cells)
def test_one_cell_has_the_lattice_that_it_has_among_others(cell: tuple[float, ...]) -> None:
    opened = open_cell(cell)
    among = lattice_from_cell(np.array([opened, (3.0, 4.0, 5.0, 90.0, 90.0, 120.0)]))
    np.testing.assert_allclose(lattice_from_cell(opened), among[0], rtol=1e-12, atol=1e-12 * opened[:3].max())
    assert np.array_equal(lattice_from_cell((3.0, 4.0, 5.0, 90.0, 90.0, 120.0)), among[1])


@pytest.mark.parametrize(
    "cell",
    [
        (5, 5, 5, 50, 50, 130),
        (5, 5, 5, 120, 120, 120),
        (0, 5, 5, 90, 90, 90),
        (5, 5, 5, 90, 90, 180),
        (5, np.inf, 5, 90, 90, 90),
        (5, 5, 5, 90, np.nan, 90),
    ],
)
def test_impossible_cells_are_refused(cell: tuple[float, ...]) -> None:
    for refused in (cell, [cell, (5, 5, 5, 90, 90, 90)]):
        with pytest.raises(InputError, match="angles"):
            lattice_from_cell(refused)


def test_unknown_system() -> None:
    with pytest.raises(InputError, match="rhombic"):
        free_cell_parameters("rhombic")
