"""Strategy swarm: the bond characterisation matrix, the pairing of atoms, and the motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import Crystal, wrap
from crysim.crystal.generation import RandomGenerator
from crysim.errors import InputError
from crysim.harness.systems import find_system
from crysim.interfaces import Candidate, Frame, Problem, Trial
from crysim.testing.strategies import drive
from crysim.testing.trials import make_trial
from crysim_baselines.bonds import DEGREES, _invariants, bond_matrix, difference
from crysim_baselines.motion import align, lattice_towards
from crysim_baselines.swarm import Swarm

BA3NA3BI3 = Composition.from_formula("Ba3Na3Bi3")
seeds = st.integers(0, 2**32 - 1)


def in_p1(crystal: Crystal, coords: np.ndarray | None = None) -> Crystal:
    coords = crystal.frac_coords if coords is None else coords
    return Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, coords)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_bond_matrices_do_not_see_origin_axes_and_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (crystal,) = RandomGenerator(BA3NA3BI3).sample(1, rng)
    axes = rng.permutation(3)
    order = np.concatenate([rng.permutation(3), 3 + rng.permutation(3), 6 + rng.permutation(3)])
    coords = (crystal.frac_coords + rng.random(3))[order][:, axes]
    other = Crystal.from_p1(BA3NA3BI3, crystal.lattice[axes], crystal.species, coords)
    assert difference(bond_matrix(crystal), bond_matrix(other)) == pytest.approx(0.0, abs=1e-6)


def test_bond_matrices_tell_structures_apart() -> None:
    reference = find_system("Ba3Na3Bi3").reference
    assert reference is not None
    rng = np.random.default_rng(0)
    matrix = bond_matrix(reference)
    assert matrix.shape == (6, 6)
    shaken = in_p1(reference, reference.frac_coords + rng.normal(0, 0.005, (9, 3)) / reference.cell[0])
    assert difference(matrix, bond_matrix(shaken)) < 0.06
    for crystal in RandomGenerator(BA3NA3BI3).sample(5, rng):
        assert difference(matrix, bond_matrix(crystal)) > 0.2


def test_invariants_of_an_octahedron() -> None:
    """Steinhardt's order parameters of six bonds along the axes: Q_4 = sqrt(7/12), Q_6 = sqrt(1/8), Q_2 = 0."""
    invariants = _invariants(2.86 * np.concatenate([np.eye(3), -np.eye(3)]), np.full(6, 2.86))
    for degree, value in {0: 1.0, 2: 0.0, 4: np.sqrt(7 / 12), 6: np.sqrt(1 / 8)}.items():
        assert invariants[DEGREES.index(degree)] == pytest.approx(value, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_alignment_finds_a_permuted_and_shifted_copy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (crystal,) = RandomGenerator(BA3NA3BI3).sample(1, rng)
    target = in_p1(crystal)
    order = np.concatenate([rng.permutation(3), 3 + rng.permutation(3), 6 + rng.permutation(3)])
    x = wrap(target.frac_coords[order])
    np.testing.assert_allclose(align(x, target, target.lattice), 0.0, atol=1e-9)
    np.testing.assert_allclose(align(wrap(x + rng.random(3)), target, target.lattice, shift=True), 0.0, atol=1e-9)


def test_alignment_moves_atoms_the_short_way() -> None:
    crystal = in_p1(RandomGenerator(BA3NA3BI3).sample(1, np.random.default_rng(3))[0])
    x = wrap(crystal.frac_coords + 0.02)
    np.testing.assert_allclose(align(x, crystal, crystal.lattice), -0.02, atol=1e-9)


def test_lattices_between() -> None:
    first, second = RandomGenerator(BA3NA3BI3).sample(2, np.random.default_rng(1))
    for weight, crystal in ((0.0, first), (1.0, second)):
        lattice = lattice_towards(first, second, weight)
        np.testing.assert_allclose(lattice @ lattice.T, crystal.lattice @ crystal.lattice.T, atol=1e-8)


def trial(number: int, candidate: Candidate, energy: float) -> Trial:
    return make_trial(number, candidate, energy, frames=[Frame(candidate.crystal, energy)])


def test_sixty_percent_of_a_generation_move_and_the_rest_is_random() -> None:
    strategy = Swarm(Problem(BA3NA3BI3, 0, min_distance=1.0))
    first = strategy.ask(30)
    assert len(first) == 10
    assert {c.info["origin"] for c in first} == {"random"}
    strategy.tell([trial(i, c, float(i)) for i, c in enumerate(first)])
    assert [p.number for p in strategy._last] == [0, 1, 2, 3, 4, 5]
    assert [p.number for p in strategy._guides] == [0, 1, 2, 3]
    second = strategy.ask(10)
    moved = [c for c in second if c.info["origin"] == "swarm"]
    # a random crystal takes the place of a particle whose atoms no step keeps apart
    parents = [c.info["parent"] for c in moved]
    assert parents == sorted(set(parents))
    assert set(parents) <= {0, 1, 2, 3, 4, 5}
    assert len(moved) >= 4
    for candidate in moved:
        velocity = candidate.info["velocity"]
        if velocity is not None:
            assert np.abs(velocity).max() <= 0.1
            x = strategy._last[candidate.info["parent"]].start.frac_coords
            steps = candidate.crystal.frac_coords - x - np.array(velocity)
            np.testing.assert_allclose(steps - np.rint(steps), 0.0, atol=1e-9)


def test_equal_structures_fill_one_place_of_the_swarm() -> None:
    strategy = Swarm(Problem(BA3NA3BI3, 0), population=4, guides=2)
    candidates = strategy.ask(4)
    same = replace(candidates[1], crystal=candidates[0].crystal)
    strategy.tell([trial(i, c, float(i)) for i, c in enumerate([candidates[0], same, candidates[2], candidates[3]])])
    assert [p.number for p in strategy._last] == [0, 2]
    assert [p.number for p in strategy._guides] == [0, 2]


def test_the_global_version_follows_the_best() -> None:
    strategy = Swarm(Problem(BA3NA3BI3, 0), version="global", population=4)
    strategy.tell([trial(i, c, -float(i)) for i, c in enumerate(strategy.ask(4))])
    assert [p.number for p in strategy._guides] == [3]


def test_a_particle_at_its_best_without_velocity_stays() -> None:
    """With pbest = guide = x and no inertia the equation of motion gives no step."""
    strategy = Swarm(
        Problem(BA3NA3BI3, 0, min_distance=0.5), population=2, pso_ratio=0.5, inertia_start=0.0, inertia_end=0.0
    )
    strategy.tell([trial(i, c, float(i)) for i, c in enumerate(strategy.ask(2))])
    (candidate,) = strategy.ask(1)
    assert candidate.info["origin"] == "swarm"
    assert difference(bond_matrix(candidate.crystal), strategy._last[0].bonds) < 1e-3


def test_the_swarm_is_better_than_its_first_generation() -> None:
    trials = drive(Swarm(Problem(BA3NA3BI3, 4, min_distance=1.0)), 60, batch=10)
    energies = [np.inf if trial.energy is None else trial.energy for trial in trials]
    moved = [e for e, t in zip(energies[20:], trials[20:], strict=True) if t.candidate.info["origin"] == "swarm"]
    assert np.median(moved) < np.median(energies[:10])


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="'guides'"):
        Swarm(Problem(BA3NA3BI3, 0), guides=0)
    with pytest.raises(InputError, match="pso_ratio"):
        Swarm(Problem(BA3NA3BI3, 0), pso_ratio=1.5)
