"""The minimiser on functions whose minimum is known, without any network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from crysim.composition import Composition
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.relaxation.bfgs import MAX_MOVE, MAX_STRAIN, Descent

from .crystals import random_crystal


@pytest.fixture
def unit() -> AsymmetricUnit:
    crystal = random_crystal(Composition.from_formula("Al2Si4O8"), 14, np.random.default_rng(0))
    if crystal is None:
        crystal = random_crystal(Composition.from_formula("Al2Si4O8"), 2, np.random.default_rng(0))
    return AsymmetricUnit(crystal, 3)


def values(unit: AsymmetricUnit, descent: Descent) -> np.ndarray:
    """The free parameters of the trial: the volume's logarithm for the cell, and the coordinates."""
    return descent.trial.points[unit.free]


def minimise(unit: AsymmetricUnit, descent: Descent, hessian: np.ndarray, goal: np.ndarray, steps: int) -> list[float]:
    """Energies of accepted points on a parabola in the coordinates; the cell feels nothing."""
    energies = []
    for _ in range(steps):
        away = values(unit, descent) - goal
        gradient = np.concatenate([np.zeros(unit.num_strains), hessian @ away])
        energy = 0.5 * float(away @ hessian @ away)
        if descent.receive(energy, gradient, 2.0):
            energies.append(energy)
        if np.abs(gradient).max() < 1e-8:
            break
    return energies


def parabola(unit: AsymmetricUnit, seed: int) -> tuple[np.ndarray, np.ndarray]:
    n = unit.num_parameters - unit.num_strains
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n, n))
    return root @ root.T + 0.1 * np.eye(n), unit.start().points[unit.free] + 0.05 * rng.standard_normal(n)


def test_finds_the_minimum_of_a_parabola(unit):
    hessian, goal = parabola(unit, 1)
    descent = Descent(unit, np.eye(unit.num_parameters))
    energies = minimise(unit, descent, hessian, goal, 400)
    assert energies[-1] < 1e-9
    assert all(b <= a + 1e-5 for a, b in itertools.pairwise(energies))


def test_a_perfect_guess_needs_one_step(unit):
    hessian, goal = parabola(unit, 2)
    guess = np.eye(unit.num_parameters)
    guess[unit.num_strains :, unit.num_strains :] = hessian
    descent = Descent(unit, guess)
    goal = unit.start().points[unit.free] + 0.01 * (goal - unit.start().points[unit.free])
    assert minimise(unit, descent, hessian, goal, 3)[1] < 1e-12


def test_steps_are_bounded(unit):
    descent = Descent(unit, 1e-3 * np.eye(unit.num_parameters))
    rng = np.random.default_rng(0)
    descent.receive(0.0, rng.standard_normal(unit.num_parameters) * 100, 2.0)
    moves = (descent.trial.points - unit.start().points) @ unit.start().lattice
    strain = np.linalg.solve(unit.start().lattice, descent.trial.lattice) - np.eye(3)
    assert np.abs(strain).max() <= MAX_STRAIN * 1.1
    assert np.linalg.norm(moves, axis=1).max() <= MAX_MOVE * 1.5


def test_a_step_is_refused_if_the_energy_rises_or_atoms_collide(unit):
    descent = Descent(unit, np.eye(unit.num_parameters))
    gradient = np.ones(unit.num_parameters)
    assert descent.receive(0.0, gradient, 2.0)
    first = descent.trial
    assert not descent.receive(1.0, gradient, 2.0)
    assert not descent.receive(-1.0, gradient, 0.1)
    assert not descent.receive(float("nan"), gradient, 2.0)
    assert np.linalg.norm(descent.trial.points - unit.start().points) < np.linalg.norm(
        first.points - unit.start().points
    )
    assert not descent.stalled
    for _ in range(20):
        descent.receive(1.0, gradient, 2.0)
    assert descent.stalled
    descent.restart(np.eye(unit.num_parameters))
    assert not descent.stalled
