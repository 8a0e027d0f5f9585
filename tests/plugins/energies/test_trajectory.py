"""Which structures of a trajectory are kept, and what crystal a relaxation ends in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.testing.energies import monoclinic, rock_salt
from crysim_energies.trajectory import (
    Snapshot,
    crystal_at_end,
    crystal_rng,
    deviation,
    keep_frames,
    linear_ranking,
    projected,
    select_frames,
)

ELEMENTS = "Ca", "S"


@given(st.integers(1, 600), st.integers(0, 40), st.integers(0, 2**32))
def test_frames_are_distinct_in_order_and_hold_first_and_last(recorded, wanted, seed):
    chosen = select_frames(recorded, wanted, np.random.default_rng(seed))
    assert len(chosen) == min(recorded, wanted)
    assert chosen == sorted(set(chosen))
    assert all(0 <= index < recorded for index in chosen)
    if wanted >= 1:
        assert recorded - 1 in chosen
    if wanted >= 2:
        assert 0 in chosen


@given(st.floats(0, 1, exclude_max=True), st.floats(1.01, 10))
def test_ranks_of_the_linear_ranking_are_ranks(u, bias):
    assert 0 <= linear_ranking(u, bias) < 1


def test_linear_ranking_has_its_closed_form():
    # With a bias of 2 a rank below x has probability 1 - (1 - x)^2; with 5 all ranks are in the first quarter.
    for x in (0.1, 0.5, 0.9):
        assert linear_ranking(1 - (1 - x) ** 2, 2.0) == pytest.approx(x)
    assert linear_ranking(0.0) == 0.0
    assert linear_ranking(1.0) == pytest.approx(0.25)


def test_frames_are_mostly_early_ones():
    chosen = [i for seed in range(50) for i in select_frames(401, 30, np.random.default_rng(seed))[1:-1]]
    assert np.median(chosen) < 100
    assert max(chosen) < 200


def test_frames_of_a_crystal_are_always_the_same():
    crystal = rock_salt(ELEMENTS, 5.5)
    same = Crystal.from_dict(crystal.to_dict())
    assert crystal_rng(crystal, "frames").integers(1 << 60) == crystal_rng(same, "frames").integers(1 << 60)
    assert crystal_rng(crystal, "frames").integers(1 << 60) != crystal_rng(crystal, "polish").integers(1 << 60)
    other = rock_salt(ELEMENTS, 5.500000001)
    assert crystal_rng(crystal, "frames").integers(1 << 60) != crystal_rng(other, "frames").integers(1 << 60)


def snapshot(crystal: Crystal, energy: float = 0.0) -> Snapshot:
    return Snapshot(crystal.lattice.copy(), crystal.frac_coords.copy(), energy)


def test_a_crystal_s_own_structure_deviates_by_nothing():
    crystal = monoclinic(ELEMENTS, 5.0)
    assert deviation(crystal, snapshot(crystal)) < 1e-9


def test_deviation_is_blind_to_origin_images_and_orientation():
    crystal = monoclinic(ELEMENTS, 5.0)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    there = Snapshot(crystal.lattice @ rotation.T, crystal.frac_coords + np.array([2.3, -1.2, 0.9]) + np.eye(4, 3), 0.0)
    assert deviation(crystal, there) < 1e-9


def test_deviation_is_in_angstrom():
    crystal = rock_salt(ELEMENTS, 5.0)
    moved = crystal.frac_coords.copy()
    moved[0, 0] += 0.1 / 5.0
    assert deviation(crystal, Snapshot(crystal.lattice, moved, 0.0)) == pytest.approx(0.1 * 7 / 8)
    longer = crystal.lattice * 1.01
    assert deviation(crystal, Snapshot(longer, crystal.frac_coords, 0.0)) == pytest.approx(0.05, rel=0.01)


def test_frames_that_left_the_group_are_left_out():
    start = rock_salt(ELEMENTS, 5.0)
    broken = start.frac_coords.copy()
    broken[0] += 0.05
    path = [
        snapshot(start, 3.0),
        Snapshot(start.lattice * 0.98, start.frac_coords, 2.0),
        Snapshot(start.lattice, broken, 1.0),
    ]
    frames = keep_frames(start, path, 30)
    assert [frame.energy for frame in frames] == [3.0, 2.0]
    assert frames[1].crystal.cell[0] == pytest.approx(4.9)
    assert projected(start, path[2], 0.1) is None


def test_the_end_keeps_its_group():
    start = monoclinic(ELEMENTS, 5.0)
    end = crystal_at_end(start, snapshot(start))
    assert end.space_group == 4
    assert [site.position for site in end.sites] == [site.position for site in start.sites]


def test_the_end_may_have_more_symmetry():
    salt = rock_salt(ELEMENTS, 5.5)
    start = Crystal.from_p1(salt.composition, salt.lattice, salt.species, salt.frac_coords)
    assert start.space_group == 1
    assert crystal_at_end(start, snapshot(start)).space_group == 225


def test_the_end_may_have_less_symmetry():
    start = rock_salt(ELEMENTS, 5.5)
    moved = start.frac_coords.copy()
    moved[0] += [0.03, 0.07, 0.01]
    end = crystal_at_end(start, Snapshot(start.lattice, moved, 0.0))
    assert end.space_group != 225
    assert end.composition == start.composition
    assert deviation(Crystal.from_p1(end.composition, end.lattice, end.species, end.frac_coords), snapshot(end)) < 1e-6


def test_the_end_holds_as_many_atoms_as_the_start():
    # The primitive cell of rock salt: its group's conventional cell has eight atoms.
    lattice = 5.5 / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    start = Crystal.from_p1(Composition(ELEMENTS, (1, 1)), lattice, ELEMENTS, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert crystal_at_end(start, snapshot(start)).num_atoms == 2
    # A supercell of caesium chloride, whose own group has a smaller cell.
    tall = Crystal(
        Composition(ELEMENTS, (2, 2)),
        2,
        (3.5, 3.5, 7.0, 90.0, 90.0, 90.0),
        (Site("Ca", 0, (0.0, 0.0, 0.25)), Site("S", 0, (0.5, 0.5, 0.5 - 1e-9))),
    )
    assert crystal_at_end(tall, snapshot(tall)).num_atoms == 4
