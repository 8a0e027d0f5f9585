"""A pair potential is learned from energies, and crystals settle in it within their space groups."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Contents
from crysim.crystal import Crystal, Site
from crysim.crystal.packing import scaled
from crysim.crystal.prior import MIN_RATIO, Prior, PriorGenerator
from crysim.crystal.radii import radius_sums
from crysim.interfaces import Blend, Candidate, Frame, Relaxation, RelaxStatus, Trial, TrialStatus
from crysim_baselines.potential import Learning, PairPotential
from crysim_baselines.potential.learning import FEWEST, LEAST, ridge
from crysim_baselines.potential.pair_potential import features
from crysim_baselines.potential.radial import CUTOFF, NUMBER, STEP, radial_functions
from tests.baselines.calcium_sulphide import CAS, rock_salt, wurtzite

ELEMENTS = ("Ca", "S")
COEFFICIENTS = np.concatenate(
    [[-3.0, 0.02], np.random.default_rng(3).normal(size=3 * NUMBER) / np.tile(np.arange(1, 13) ** 2, 3)]
)


def random_crystals(number: int, seed: int = 0, contents: Contents = CAS.each[1]) -> list[Crystal]:
    generator = PriorGenerator(Prior(contents))
    rng = np.random.default_rng(seed)
    return [generator.draw(rng, spread=(0.8, 1.3)) for _ in range(number)]


def a_potential(walls: float = 0.0) -> PairPotential:
    return PairPotential.of(ELEMENTS, COEFFICIENTS, np.full((2, 2), walls), -1.0, 0.0)


def by_all_pairs(crystal: Crystal, potential: PairPotential) -> float:
    """eV per atom, from pymatgen's neighbours."""
    structure = crystal.to_structure()
    ones, others, _, lengths = structure.get_neighbor_list(CUTOFF)
    kinds = np.array([ELEMENTS.index(site.specie.symbol) for site in structure])
    at = STEP * np.arange(potential.energies.shape[2])
    pairs = sum(
        0.5 * np.interp(length, at, potential.energies[kinds[i], kinds[j]])
        for i, j, length in zip(ones, others, lengths, strict=True)
    )
    return potential.constant + (pairs + potential.by_volume * structure.volume) / len(structure)


def test_radial_functions_end_smoothly_at_the_cutoff() -> None:
    values = radial_functions()
    end = round(CUTOFF / STEP)
    assert np.abs(values[end:]).max() == 0.0
    assert np.abs(values[end - 1]).max() < 1e-4
    assert np.linalg.matrix_rank(values[100:end]) == NUMBER


@pytest.mark.parametrize("crystal", [rock_salt(), wurtzite(), *random_crystals(6)])
def test_an_energy_is_that_of_all_pairs(crystal: Crystal) -> None:
    potential = a_potential(walls=2.0)
    assert potential.energy(crystal) == pytest.approx(by_all_pairs(crystal, potential), abs=1e-9)


@pytest.mark.parametrize("crystal", [rock_salt(), *random_crystals(4, seed=5)])
def test_features_give_the_energy_of_a_potential(crystal: Crystal) -> None:
    found = features(crystal, ELEMENTS, np.full((2, 2), 3.0))
    assert found is not None
    energy = found.values @ COEFFICIENTS - 1.0
    assert energy == pytest.approx(a_potential().energy(crystal), abs=1e-9)
    assert energy + found.springs == pytest.approx(a_potential(walls=3.0).energy(crystal), abs=5e-3)
    apart = crystal.to_structure().distance_matrix
    assert found.shortest.min() <= apart[~np.eye(len(apart), dtype=bool)].min() + 1e-9


@pytest.mark.parametrize("crystal", [wurtzite(), *random_crystals(8, seed=2)])
def test_a_settled_crystal_is_at_rest_at_its_volume_and_in_its_group(crystal: Crystal) -> None:
    potential = a_potential(walls=2.2)
    end = potential.settle(crystal, 5000, fmax=1e-5)
    assert end is not None
    assert end.crystal is not None
    assert end.crystal.space_group == crystal.space_group
    assert end.crystal.combination == crystal.combination
    assert end.crystal.volume == pytest.approx(crystal.volume, rel=1e-6)
    assert end.energy <= potential.energy(crystal) + 1e-9
    assert end.energy == pytest.approx(potential.energy(end.crystal), abs=1e-6)
    frees = [np.array(site.free) for site in end.crystal.sites]
    for site, free in enumerate(frees):
        for axis in range(len(free)):
            energies = []
            for step in (3e-3, -3e-3):
                moved = [one.copy() for one in frees]
                moved[site][axis] += step
                energies.append(potential.energy(end.crystal.with_parameters(end.crystal.cell, moved)))
            assert min(energies) > end.energy - 1e-4  # energies are linear between the points of the tables


@pytest.mark.parametrize("crystal", random_crystals(3, seed=4))
def test_a_descent_goes_on_from_where_one_ended(crystal: Crystal) -> None:
    potential = a_potential(walls=2.2)
    begun = potential.settle(crystal, 30)
    assert begun is not None
    assert begun.crystal is not None
    for begin in (begun, begun.crystal):
        end = potential.settle(begin, 5000, fmax=1e-3)
        assert end is not None
        assert end.start.sites == crystal.sites if begin is begun else end.start == begun.crystal
        assert end.energy <= begun.energy + 1e-9
    again = potential.settle(begun, 1)
    assert again is not None
    assert again.energy == pytest.approx(begun.energy, abs=1e-9)


def test_the_shape_of_a_cell_settles() -> None:
    potential = a_potential(walls=2.2)
    start = wurtzite()
    ends = []
    for factor in (0.97, 1.03):
        cell = list(start.cell)
        cell[0], cell[1], cell[2] = cell[0] * factor, cell[1] * factor, cell[2] / factor**2
        ends.append(potential.settle(start.with_parameters(cell, [site.free for site in start.sites]), 5000, fmax=1e-5))
    first, second = ends
    assert first is not None
    assert second is not None
    assert first.crystal is not None
    assert second.crystal is not None
    assert first.crystal.cell == pytest.approx(second.crystal.cell, rel=1e-2)
    assert first.energy == pytest.approx(second.energy, abs=1e-4)


def test_atoms_nearer_than_the_walls_are_driven_apart() -> None:
    close = scaled(rock_salt(), 0.6)
    assert a_potential(walls=3.0).energy(close) > a_potential().energy(close) + 1.0


def test_a_potential_is_learned_back() -> None:
    walls = LEAST * MIN_RATIO * radius_sums(CAS.each[0].composition)
    true = PairPotential.of(ELEMENTS, COEFFICIENTS, walls, -1.0, 0.0)
    learning = Learning(CAS.each[0].composition)
    assert learning.potential is None
    for crystal in random_crystals(300, seed=7):
        learning.add(crystal, true.energy(crystal))
    learned = learning.potential
    assert learned is not None
    unseen = random_crystals(50, seed=8)
    energies = np.array([true.energy(one) for one in unseen])
    low = energies < energies.min() + 1.0
    wrong = np.array([learned.energy(one) for one in unseen])[low] - energies[low]
    spread = np.std(energies[low])
    assert np.sqrt((wrong**2).mean()) < 0.05 * spread
    assert learned.error < 0.05 * spread


def test_it_depends_on_what_is_known_and_not_on_when_it_is_asked_for() -> None:
    crystals = random_crystals(200, seed=9)
    true = a_potential()
    often, once = Learning(CAS.each[0].composition), Learning(CAS.each[0].composition)
    for number, crystal in enumerate(crystals):
        often.add(crystal, true.energy(crystal))
        once.add(crystal, true.energy(crystal))
        assert (often.potential is None) == (number + 1 < FEWEST)
    first, second = often.potential, once.potential
    assert first is not None
    assert second is not None
    assert np.array_equal(first.energies, second.energies)


def trial(status: TrialStatus, energy: float = -8.0, blend: Blend | None = None, frames: int = 2) -> Trial:
    crystal = rock_salt()
    way = tuple(Frame(scaled(crystal, 1 + 0.01 * i), energy * crystal.num_atoms) for i in range(frames))
    ended = RelaxStatus.FAILED if status is TrialStatus.FAILED else RelaxStatus.RELAXED
    relaxation = Relaxation(ended, crystal, energy * crystal.num_atoms, 1, 1, 0.0, way)
    return Trial(0, Candidate(crystal, blend=blend), relaxation, status)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (trial(TrialStatus.RELAXED), 2),
        (trial(TrialStatus.RELAXED, frames=30), 2),
        (trial(TrialStatus.STOPPED, frames=1), 1),
        (trial(TrialStatus.KNOWN, frames=0), 0),
        (trial(TrialStatus.FAILED), 0),
        (trial(TrialStatus.RELAXED, energy=np.nan), 0),
        (trial(TrialStatus.VIRTUAL, blend=Blend((("Ca", 0.5), ("S", 0.5)))), 0),
    ],
)
def test_first_and_last_of_a_way_down_are_learned(told: Trial, known: int) -> None:
    learning = Learning(CAS.each[0].composition)
    learning.tell(told)
    assert len(learning) == known


def test_crystals_too_dense_to_say_are_no_data_and_settle_to_nothing() -> None:
    dense = scaled(rock_salt(), 0.2)
    assert features(dense, ELEMENTS, np.zeros((2, 2))) is None
    assert a_potential().settle(dense, 10) is None


@pytest.mark.parametrize("length", [0.01, 1e-6])
def test_of_a_cell_far_too_flat_nothing_is_said(length: float) -> None:
    contents = CAS.each[1].composition_in(1)
    sites = tuple(
        Site(element, 0, (x, 0.1, 0.2)) for element, x in zip("Ca Ca S S".split(), (0.1, 0.3, 0.6, 0.8), strict=True)
    )
    flat = Crystal(contents, 1, (10.0, 10.0, length, 90.0, 90.0, 90.0), sites)
    assert features(flat, ELEMENTS, np.zeros((2, 2))) is None
    assert a_potential().settle(flat, 10) is None


def test_ridge_is_the_least_squares_solution_where_data_are_many() -> None:
    rng = np.random.default_rng(0)
    rows, true = rng.normal(size=(400, 6)), rng.normal(size=6)
    coefficients, leverages = ridge(rows, rows @ true + 0.01 * rng.normal(size=400))
    assert coefficients == pytest.approx(true, abs=0.01)
    assert leverages.sum() == pytest.approx(6, abs=0.1)


def test_ridge_does_not_follow_noise_where_data_are_few() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(40, 200))
    coefficients, _ = ridge(rows, rng.normal(size=40))
    assert np.linalg.norm(coefficients) < np.linalg.norm(np.linalg.pinv(rows) @ rng.normal(size=40))
