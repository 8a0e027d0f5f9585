"""Sites of crystals are moved in a pair potential: to other positions, and of other elements."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.crystal import Crystal
from crysim.crystal.packing import place
from crysim.symmetry import space_group
from crysim_baselines.potential import PairPotential, annealed
from crysim_baselines.potential.pair_potential import Settled
from crysim_baselines.potential.radial import CUTOFF, STEP
from crysim_baselines.potential.site_kernels import Pairs, Positions, Sites, energy_of, move_sites
from tests.baselines.calcium_sulphide import CAS, rock_salt, wurtzite
from tests.baselines.test_potential import ELEMENTS, a_potential, random_crystals

POTENTIAL = a_potential(walls=2.2)
SIGNS = np.array([[1.0, -1.0], [-1.0, 1.0]])[:, :, None]
"""Of pairs of ions."""
FADING = np.maximum(1.0 - STEP * np.arange(POTENTIAL.energies.shape[2]) / CUTOFF, 0.0) ** 2


def positions_of(crystal: Crystal) -> Positions:
    return Positions(*crystal.group.flat_positions, np.array([position.dof for position in crystal.group.positions]))


def sites_of(crystal: Crystal) -> Sites:
    begin = Settled.begin(crystal, ELEMENTS)
    sizes = np.array(crystal.multiplicities)
    coords = np.zeros((len(sizes), sizes.max(), 3))
    maps, offsets, starts = crystal.group.flat_positions
    for site, position in enumerate(begin.positions):
        images = slice(starts[position], starts[position + 1])
        coords[site, : sizes[site]] = maps[images] @ begin.points[site] + offsets[images]
    return Sites(begin.positions, begin.kinds, sizes, begin.points, coords)


def pairs_in(crystal: Crystal) -> Pairs:
    lattice = np.array(crystal.lattice)
    widths = CUTOFF * np.linalg.norm(np.linalg.inv(lattice), axis=0)
    return Pairs(POTENTIAL.energies, STEP, lattice, CUTOFF, widths, np.empty((1000, 3)))


@pytest.mark.parametrize("crystal", [rock_salt(), wurtzite(), *random_crystals(6, seed=7)])
def test_the_sites_one_after_another_have_the_energy_of_the_crystal(crystal: Crystal) -> None:
    sites, pairs = sites_of(crystal), pairs_in(crystal)
    total = 0.0
    for site, size in enumerate(sites.sizes):
        before = Sites(*(array[:site] for array in sites))
        total += size * energy_of(sites.coords[site], size, sites.kinds[site], before, -1, -1, pairs)
    by_volume = POTENTIAL.by_volume * crystal.volume
    assert POTENTIAL.constant + (total + by_volume) / crystal.num_atoms == pytest.approx(POTENTIAL.energy(crystal))


@pytest.mark.parametrize("crystal", random_crystals(8, seed=8))
def test_moves_keep_the_atoms_and_put_one_site_on_a_fixed_position(crystal: Crystal) -> None:
    begin, group = Settled.begin(crystal, ELEMENTS), positions_of(crystal)
    points, positions, kinds = move_sites(
        begin.lattice, begin.points, begin.positions, begin.kinds, group, POTENTIAL.energies, STEP, CUTOFF, 200, 4, 1.0,
        np.random.default_rng(0),
    )  # fmt: skip
    sizes = np.diff(group.starts)
    for element in range(2):
        assert sizes[positions[kinds == element]].sum() == sizes[begin.positions[begin.kinds == element]].sum()
    fixed = [position for position in positions if group.freedom[position] == 0]
    assert len(fixed) == len(set(fixed))
    assert points.shape == begin.points.shape
    assert (begin.points == Settled.begin(crystal, ELEMENTS).points).all()  # what was given is left as it was


def test_elements_that_are_on_the_wrong_places_change_them() -> None:
    """Of two ways to share four sites of Pm-3m between two elements, the one that is lower."""
    ions = PairPotential(ELEMENTS, 0.0, 0.0, SIGNS * FADING, SIGNS * np.gradient(FADING, STEP), 0.0)
    low, high = in_pm3m("ac", "bd"), in_pm3m("ad", "bc")  # the first is rock salt
    assert ions.energy(low) < ions.energy(high) - 0.2
    ends = [annealed(high, ions, np.random.default_rng(seed)) for seed in range(8)]
    assert sum(end is not None and end.energy <= ions.energy(low) + 1e-6 for end in ends) > 3


def in_pm3m(*letters: str) -> Crystal:
    """In the cell of rock salt, the letters of calcium and those of sulphur."""
    position = space_group(221).position_by_letter
    combination = tuple(tuple(sorted(position(letter) for letter in two)) for two in letters)
    return place(CAS.each[2].composition_in(221), 221, combination, rock_salt().cell, np.zeros((4, 3)))


@pytest.mark.parametrize("crystal", random_crystals(4, seed=9))
def test_an_annealed_crystal_keeps_group_volume_and_contents(crystal: Crystal) -> None:
    end = annealed(crystal, POTENTIAL, np.random.default_rng(1))
    assert end is not None
    found = end.crystal
    assert found is not None
    assert found.space_group == crystal.space_group
    assert found.composition == crystal.composition
    assert found.volume == pytest.approx(crystal.volume, rel=1e-6)
    assert end.energy == pytest.approx(POTENTIAL.energy(found), abs=1e-6)
    again = annealed(crystal, POTENTIAL, np.random.default_rng(1))
    assert again is not None
    assert again.crystal == found


def test_annealed_crystals_lie_lower_than_settled_ones() -> None:
    settled, moved = [], []
    for number, crystal in enumerate(random_crystals(40, seed=10, contents=CAS.each[2])):
        plain = POTENTIAL.settle(crystal, 40)
        begin = annealed(crystal, POTENTIAL, np.random.default_rng(number))
        assert plain is not None
        assert begin is not None
        end = POTENTIAL.settle(begin, 40)
        assert end is not None
        settled.append(plain.energy)
        moved.append(end.energy)
    assert np.median(moved) < np.median(settled) - 0.02


def test_in_a_cell_that_is_far_too_flat_nothing_moves() -> None:
    begin = Settled.begin(wurtzite(), ELEMENTS)
    flat = np.diag([4.0, 4.0, 0.01])
    moved = move_sites(
        flat, begin.points, begin.positions, begin.kinds, positions_of(wurtzite()), POTENTIAL.energies, STEP, CUTOFF,
        50, 4, 1.0, np.random.default_rng(0),
    )  # fmt: skip
    for was, now in zip((begin.points, begin.positions, begin.kinds), moved, strict=True):
        assert (was == now).all()


def test_nothing_comes_of_a_crystal_that_is_too_dense() -> None:
    dense = rock_salt().with_parameters([0.5, 0.5, 0.5, 90.0, 90.0, 90.0], [(), ()])
    assert annealed(dense, a_potential(), np.random.default_rng(0)) is None
