"""The example runs, and what amplify-bbopt is given is what crysim means."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("amplify")
bbopt = pytest.importorskip("amplify_bbopt", reason="pip install amplify-bbopt")
FORMULA, GROUPS = "Ca4S4", (221, 225)


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[1] / "crystal_problem.py"
    spec = importlib.util.spec_from_file_location("crystal_problem", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["crystal_problem"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["crystal_problem"]


def dense(crystals):
    """Lowest at 180 Å³; a crystal of group 221 has no energy."""
    return [np.nan if crystal.space_group == 221 else abs(crystal.volume - 180.0) for crystal in crystals]


@pytest.fixture
def problem(example):
    return example.CrystalProblem(FORMULA, dense, space_groups=GROUPS, num_initial=40, grid_resolution=4)


@pytest.fixture
def optimizer(example, problem):
    trainer = bbopt.FMTrainer(seed=0)
    trainer.epochs, trainer.num_factors = 20, 4
    return example.CrysimOptimizer(problem, trainer)


def test_the_black_box_is_the_energy_of_the_crystal_that_the_bits_name(problem):
    black_box = problem.black_box()
    assert len(black_box.flattened_variables_dict) == problem.encoder.num_bits
    data = problem.training_data
    assert data.x.shape[1] == problem.encoder.num_bits
    assert len(data.x) > 20
    assert np.isfinite(data.y).all()
    value = black_box([int(bit) for bit in data.x[0]])
    energy, crystal = problem.crystals[-1]
    assert crystal.composition.formula == problem.crystals[0][1].composition.formula
    if np.isfinite(energy):
        assert value == min(energy, problem.highest) == min(dense([crystal])[0], problem.highest)
    else:
        assert value == problem.highest


def test_the_constraints_are_the_groups(problem):
    black_box = problem.black_box()
    constraints = problem.constraints(black_box)
    bits = [variable.to_poly() for variable in black_box.flattened_variables_dict.values()]
    assert len(constraints) == len(problem.encoder.groups)
    good = dict(zip(bits, problem.training_data.x[0].astype(int).tolist(), strict=True))
    assert all(constraint.is_satisfied(good) for constraint in constraints)
    for variable in bits:
        assert not all(c.is_satisfied({**good, variable: 1 - good[variable]}) for c in constraints)


def test_each_iteration_evaluates_a_new_crystal_at_the_proven_minimum_of_the_librarys_model(optimizer):
    before = len(optimizer.training_data.y)
    optimizer.optimize(3)
    assert len(optimizer.training_data.y) == before + 3
    assert optimizer.proofs == [True] * 3
    rows = optimizer.training_data.x
    assert len(np.unique(rows, axis=0)) >= len(np.unique(rows[:before], axis=0)) + 3
    for group in optimizer.problem.encoder.groups:
        assert (rows[:, group.slice].sum(axis=1) == group.k).all()
    optimizer.train_surrogate()
    solutions, result = optimizer.minimize_surrogate()
    machine = optimizer.surrogate_model.trainer.model
    vectors = np.array([solution.amplify for solution in solutions])
    np.testing.assert_allclose(machine(vectors), [solution.objective for solution in result], atol=1e-9)
    assert machine(vectors).min() <= machine(rows).min() + 1e-9
    assert optimizer.best.objective == min(optimizer.training_data.y)


def test_when_every_answer_is_known_our_annealer_looks_for_a_neighbour(optimizer):
    optimizer.train_surrogate()
    solutions, _ = optimizer.minimize_surrogate()
    for solution in solutions:
        optimizer.add_solution(solution, 1.0)
    assert optimizer.find_unique_solution(solutions) is None
    other = optimizer.fallback_solution(solutions[:1], 3)
    assert other is not None
    assert optimizer.find_unique_solution([other]) is other
