"""Our solvers from within Amplify's SDK and dimod."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from crysim.errors import InputError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.convert import to_amplify

amplify = pytest.importorskip("amplify")
dimod = pytest.importorskip("dimod")

from crysim_solvers.amplify.adapter import CrysimClient  # noqa: E402
from crysim_solvers.dimod.adapter import CrysimSampler  # noqa: E402


def low_rank(num_bits: int = 12) -> QuadraticModel:
    rng = np.random.default_rng(4)
    groups = (BitGroup("one", 0, 4, 1), BitGroup("two", 4, 6, 2))
    return QuadraticModel(rng.normal(size=num_bits), factors=rng.normal(size=(num_bits, 3)), groups=groups, offset=2.0)


def brute_force(model: QuadraticModel) -> float:
    x = np.array(list(itertools.product([False, True], repeat=model.num_bits)))
    return float(model.energies(x)[model.is_feasible(x)].min())


@pytest.mark.parametrize("beside", [False, True])
def test_amplify_solves_with_our_annealer(beside: bool) -> None:
    model = low_rank()
    problem, variables = to_amplify(model)
    client = CrysimClient(low_rank=model if beside else None)
    client.parameters.num_samples = 3
    result = amplify.solve(problem, client)
    assert result.best.objective == pytest.approx(brute_force(model))
    assert all(solution.feasible for solution in result)
    for solution in result:
        x = np.asarray(variables.evaluate(solution.values)) > 0.5
        assert solution.objective == pytest.approx(float(model.energies(x)))
    assert result.client_result.samples.energies[0] == pytest.approx(brute_force(model))


def test_the_gap_is_told_whatever_solver_found_the_answer() -> None:
    model = low_rank()
    problem, _ = to_amplify(model)
    client = CrysimClient(solver="dimod:dwave.samplers.RandomSampler", low_rank=model)
    pytest.importorskip("dwave.samplers")
    samples = amplify.solve(problem, client).client_result.samples
    assert samples.lower_bound is not None
    assert samples.lower_bound <= brute_force(model)


def test_groups_anywhere_and_other_constraints_reach_the_solver() -> None:
    q = amplify.VariableGenerator().array("Binary", 6)
    rng = np.random.default_rng(1)
    objective = sum(float(rng.normal()) * q[i] * q[j] for i in range(6) for j in range(i))
    groups = amplify.one_hot(q[0] + q[3] + q[5]) + amplify.equal_to(2 * q[1] + 2 * q[4], 2)
    others = 10 * amplify.equal_to(q[0] + q[1], 1) + 10 * amplify.less_equal(q[2] + q[4], 1)
    result = amplify.solve(amplify.Model(objective, groups + others), CrysimClient(solver="exact"))
    best = min(
        float(objective.substitute({q[i]: x[i] for i in range(6)}))
        for x in itertools.product([0, 1], repeat=6)
        if x[0] + x[3] + x[5] == 1 and x[1] + x[4] == 1 and x[0] + x[1] == 1 and x[2] + x[4] <= 1
    )
    assert result.best.objective == pytest.approx(best)


def test_spins_and_a_dry_run() -> None:
    s = amplify.VariableGenerator().array("Ising", 4)
    problem = amplify.Model(s[0] * s[1] - 2 * s[1] * s[2] + s[3])
    assert amplify.solve(problem, CrysimClient()).best.objective == pytest.approx(-4.0)
    assert len(amplify.solve(problem, CrysimClient(), dry_run=True)) == 0


def test_another_function_beside_the_objective_is_noticed() -> None:
    model = low_rank()
    problem, _ = to_amplify(model)
    other = QuadraticModel(model.linear + 1.0, factors=model.factors, groups=model.groups, offset=model.offset)
    with pytest.raises(InputError, match="energies differ"):
        amplify.solve(problem, CrysimClient(low_rank=other))


@pytest.fixture
def bqm() -> Any:
    return dimod.generators.gnp_random_bqm(9, 0.7, "SPIN", random_state=3)


def test_the_sampler_keeps_dimods_contract(bqm: Any) -> None:
    sampler = CrysimSampler()
    dimod.testing.assert_sampler_api(sampler)
    for given in (bqm, bqm.change_vartype("BINARY", inplace=False)):
        found = sampler.sample(given, num_reads=5)
        dimod.testing.assert_response_energies(found, given)
        assert found.vartype is given.vartype
        assert found.first.energy == pytest.approx(dimod.ExactSolver().sample(given).first.energy)
    relabelled = bqm.relabel_variables(dict(enumerate("ihgfedcba")), inplace=False)
    assert sampler.sample(relabelled).first.energy == pytest.approx(found.first.energy)
    assert len(sampler.sample(dimod.BinaryQuadraticModel("SPIN"))) == 0


def test_the_sampler_keeps_groups(bqm: Any) -> None:
    groups = [((8, 0, 3), 1), ((1, 7, 2, 5), 2)]
    found = CrysimSampler().sample(bqm, groups=groups, num_reads=4, seed=1)
    wanted = min(
        energy
        for sample, energy in dimod.ExactSolver().sample(bqm).data(["sample", "energy"])
        if all(sum(sample[v] > 0 for v in members) == k for members, k in groups)
    )
    assert found.first.energy == pytest.approx(wanted)
    for sample in found.samples():
        assert [sum(sample[v] > 0 for v in members) for members, _ in groups] == [1, 2]
    assert found.info["timing"]["total"] > 0


@pytest.mark.parametrize(
    ("groups", "message"), [([([0, "x"], 1)], "'x'"), ([([0, 1], 1), ([1, 2], 1)], "share"), ([([0, 1], 3)], "cannot")]
)
def test_groups_that_make_no_sense_are_refused(bqm: Any, groups: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CrysimSampler().sample(bqm, groups=groups)
