"""Strategy evolution and its operators."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.crystal.identify import find_space_group
from crysim.errors import InputError
from crysim.harness.systems import find_system
from crysim.interfaces import Candidate, Problem
from crysim.testing.strategies import drive
from crysim.testing.trials import make_trial
from crysim_baselines import operators
from crysim_baselines.evolution import Evolution

BA3NA3BI3 = Composition.from_formula("Ba3Na3Bi3")
seeds = st.integers(0, 2**32 - 1)


def random_crystals(n: int, seed: int) -> list[Crystal]:
    return RandomGenerator(BA3NA3BI3).sample(n, np.random.default_rng(seed))


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_cut_and_splice_keeps_the_composition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_crystals(2, seed)
    child = operators.cut_and_splice(first, second, rng)
    if child is not None:
        assert child.composition == BA3NA3BI3
        low, high = sorted((first.volume, second.volume))
        # a symmetry that is found within its tolerance of 0.1 Å moves the cell by up to that, and the volume with it
        assert low * 0.98 <= child.volume <= high * 1.02


def test_a_crystal_crossed_with_itself_keeps_its_cell() -> None:
    reference = find_system("Ba3Na3Bi3").reference
    assert reference is not None
    children = [operators.cut_and_splice(reference, reference, np.random.default_rng(i)) for i in range(10)]
    assert all(child is None or child.volume == pytest.approx(reference.volume) for child in children)
    assert sum(child is not None for child in children) >= 5


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_permutation_exchanges_two_elements_only(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (parent,) = random_crystals(1, seed)
    child = operators.permute(parent, rng)
    assert child is not None
    assert child.composition == BA3NA3BI3
    assert child.volume == pytest.approx(parent.volume, rel=0.05)
    assert child.min_distance() == pytest.approx(parent.min_distance(), abs=0.3)


def test_permutation_needs_two_elements() -> None:
    crystal = RandomGenerator(Composition.from_formula("Si8")).sample(1, np.random.default_rng(0))[0]
    assert operators.permute(crystal, np.random.default_rng(0)) is None


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_strain_keeps_volume_and_composition(seed: int) -> None:
    (parent,) = random_crystals(1, seed)
    child = operators.strain(parent, np.random.default_rng(seed))
    if child is not None:
        assert child.composition == BA3NA3BI3
        assert child.volume == pytest.approx(parent.volume, rel=0.05)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_mutation_keeps_the_space_group(seed: int) -> None:
    (parent,) = random_crystals(1, seed)
    child = operators.mutate(parent, np.random.default_rng(seed))
    assert child.space_group == parent.space_group
    assert child.composition == BA3NA3BI3
    assert child.volume == pytest.approx(parent.volume)
    assert child != parent


def test_symmetry_that_is_there_is_found() -> None:
    reference = find_system("Ba3Na3Bi3").reference
    assert reference is not None
    rng = np.random.default_rng(0)
    shaken = reference.frac_coords + rng.normal(0, 0.01, (9, 3)) / np.array(reference.cell[:3])
    crystal = operators.with_symmetry(BA3NA3BI3, reference.lattice, reference.species, shaken)
    assert crystal.space_group == 189
    assert find_space_group(crystal.to_structure(), 1e-4) == 189


def tell(strategy: Evolution, candidates: list[Candidate], energies: list[float | None]) -> None:
    strategy.tell([make_trial(i, c, e) for i, (c, e) in enumerate(zip(candidates, energies, strict=True))])


def test_the_first_generation_is_random_and_the_next_has_children() -> None:
    strategy = Evolution(Problem(BA3NA3BI3, 0), population=8)
    first = strategy.ask(20)
    assert len(first) == 8
    assert {c.info["operator"] for c in first} == {"random"}
    tell(strategy, first, [float(-i) for i in range(8)])
    second = strategy.ask(8)
    assert {c.info["generation"] for c in second} == {1}
    assert set(Counter(c.info["operator"] for c in second)) - {"random"}
    assert all(c.crystal.min_distance() >= 1.5 for c in second)


def test_parents_are_the_fittest_distinct_and_the_elites() -> None:
    strategy = Evolution(Problem(BA3NA3BI3, 0), population=4, fittest=2, elites=1)
    candidates = strategy.ask(4)
    tell(strategy, [candidates[0], candidates[0], candidates[1], candidates[2]], [-9.0, -9.0, -8.0, -7.0])
    assert [energy for energy, _ in strategy._parents] == [-9.0, -8.0]
    tell(strategy, strategy.ask(4), [-1.0, -2.0, None, None])
    assert [energy for energy, _ in strategy._parents] == [-9.0, -2.0, -1.0]
    tell(strategy, strategy.ask(4), [None] * 4)
    assert [energy for energy, _ in strategy._parents] == [-9.0]


def test_evolution_improves_on_its_first_generation() -> None:
    trials = drive(Evolution(Problem(BA3NA3BI3, 2), population=10), 60, batch=10)
    energies = [np.inf if trial.energy is None else trial.energy for trial in trials]
    assert min(energies[10:]) < min(energies[:10])
    bred = [e for e, t in zip(energies[30:], trials[30:], strict=True) if t.candidate.info["operator"] != "random"]
    assert np.median(bred) < np.median(energies[:10])


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="'population'"):
        Evolution(Problem(BA3NA3BI3, 0), population=1)
    with pytest.raises(InputError, match="at most 1 together"):
        Evolution(Problem(BA3NA3BI3, 0), crossover=0.9)
