"""ASE calculators in a crystal's free parameters: exact gradients, FIRE's minima, fewer evaluations."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.interfaces import RelaxSettings, RelaxStatus
from crysim_energies.ase import ASEModel
from crysim_energies.quotient.calculator import CalculatorPotential, calculator_gradient, primitive_atoms
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit

from .quotient.crystals import random_crystal

LJ = {"sigma": 2.0, "epsilon": 0.3, "rc": 6.0, "smooth": True}


def crystal(formula: str, number: int, volume: float = 15.0, shortest: float = 1.8) -> Crystal:
    found = random_crystal(Composition.from_formula(formula), number, np.random.default_rng(number), volume, shortest)
    assert found is not None
    return found


@pytest.mark.parametrize("number", [5, 9, 15, 42, 62, 139, 194, 216, 221])
def test_gradients_in_free_parameters_are_those_of_finite_differences(number):
    model = ASEModel(calculator_name="lj", options=LJ)
    unit = AsymmetricUnit(crystal("Al4Cu8", number, shortest=1.6), 1)
    potential = CalculatorPotential(model.calculator)
    start = unit.start()
    bonds = unit.bonds(start, 6.5)
    energy, gradient, shortest, refusal = calculator_gradient(potential, unit, bonds, start)
    assert refusal == ""
    assert len(primitive_atoms(unit, start)) == 12 // unit.crystal.centring_factor
    on_conventional_cell = ASEModel(calculator_name="lj", options=LJ, optimizer="fire").energies([unit.crystal])[0]
    assert energy == pytest.approx(on_conventional_cell, rel=1e-10)
    assert shortest == pytest.approx(unit.crystal.min_distance())
    for k in range(unit.num_parameters):
        step = np.zeros(unit.num_parameters)
        step[k] = 1e-5
        above, below = (calculator_gradient(potential, unit, bonds, unit.moved(start, s))[0] for s in (step, -step))
        assert gradient[k] == pytest.approx((above - below) / 2e-5, abs=1e-5 * max(1.0, np.abs(gradient).max()))


@pytest.mark.parametrize("number", [62, 194, 221])
def test_the_same_minimum_as_fire_s_in_fewer_evaluations(number):
    start = crystal("Al4Cu4", number, 14.0, 2.2)
    settings = RelaxSettings(symmetry="keep")
    fire, bfgs = (ASEModel(calculator_name="emt", optimizer=o).relax([start], settings)[0] for o in ("fire", "bfgs"))
    assert fire.status is bfgs.status is RelaxStatus.RELAXED
    assert bfgs.energy == pytest.approx(fire.energy, abs=1e-3)
    assert bfgs.evaluations < fire.evaluations / 2
    assert bfgs.frames[0].energy == pytest.approx(fire.frames[0].energy)
    assert {frame.crystal.space_group for frame in bfgs.frames} == {number}


def test_pressure_is_in_the_enthalpy_that_is_minimised():
    start = crystal("Al4Cu4", 221, 14.0, 2.2)
    model = ASEModel(calculator_name="emt")
    free, pressed = (model.relax([start], RelaxSettings(symmetry="keep", pressure=p))[0] for p in (0.0, 10.0))
    assert pressed.crystal.volume < free.crystal.volume
    work = 10.0 / 160.21766208 * pressed.crystal.volume
    assert pressed.energy == pytest.approx(model.energies([pressed.crystal])[0] + work, abs=1e-6)


def test_a_calculator_that_refuses_midway_fails_its_crystal_alone():
    model = ASEModel(calculator_name="lj", options=LJ)
    calls = []
    plain = model.calculator.calculate

    def calculate(*args, **kwargs):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("no more\ntoday")
        return plain(*args, **kwargs)

    model.calculator.calculate = calculate
    stuck, refused = model.relax([crystal("Al4Cu8", 62), crystal("Al4Cu8", 194)], RelaxSettings(symmetry="keep"))
    assert stuck.status is RelaxStatus.NOT_CONVERGED
    assert stuck.energy is not None
    assert (refused.status, refused.reason) == (RelaxStatus.FAILED, "RuntimeError: no more")
