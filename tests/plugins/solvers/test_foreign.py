"""Solvers of other packages: dimod's family, simulated bifurcation, hyperopt. Every energy is recomputed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from crysim.errors import InputError, MissingExtraError
from crysim.interfaces import IsingSolver, SampleSet
from crysim.plugins import plugin_manager
from crysim.quadratic import BitGroup, QuadraticModel

pytest.importorskip("dimod")
pytest.importorskip("dwave.samplers")

HEURISTICS = {
    "dimod:sa": {},
    "dimod:tabu": {},
    "dimod:steepest-descent": {},
    "dimod:openjij-sa": {},
    "dimod:openjij-sqa": {},
    "dimod:dimod.ExactSolver": {},
    "simulated-bifurcation": {"max_steps": 2000},
    "hyperopt": {"max_evaluations": 60},
}
EXTRAS = {"dimod:openjij-sa": "openjij", "dimod:openjij-sqa": "openjij"}


def build(name: str, **options: Any) -> IsingSolver:
    """A solver, or a skipped test where its extra is missing."""
    extra = EXTRAS.get(name, name.replace("-", "_").partition(":")[0])
    pytest.importorskip(extra)
    built: IsingSolver = plugin_manager().build("solver", name, options)
    return built


def model(kind: str = "low-rank", seed: int = 0) -> QuadraticModel:
    """14 bits: groups of one and two ones, a group without freedom, two free bits."""
    rng = np.random.default_rng(seed)
    groups = (BitGroup("one", 0, 5, 1), BitGroup("two", 5, 5, 2), BitGroup("all", 10, 2, 2))
    linear = rng.normal(size=14)
    if kind == "low-rank":
        return QuadraticModel(linear, factors=rng.normal(size=(14, 3)), groups=groups, offset=1.5)
    couplings = np.triu(rng.normal(size=(14, 14)), 1)
    if kind == "sparse":
        couplings[rng.random((14, 14)) < 0.9] = 0.0
        return QuadraticModel(linear, couplings=sparse.csr_array(couplings), groups=groups, offset=1.5)
    return QuadraticModel(linear, couplings=couplings, groups=groups, offset=1.5)


def check(found: SampleSet, of: QuadraticModel, most: int) -> None:
    """The contract of every answer."""
    assert 1 <= len(found.energies) <= most
    assert found.bits.shape == (len(found.energies), of.num_bits)
    assert of.is_feasible(found.bits).all()
    np.testing.assert_array_equal(found.energies, of.energies(found.bits))
    assert (np.diff(found.energies) >= 0).all()
    assert len(np.unique(found.bits, axis=0)) == len(found.bits)
    assert found.timing["total"] > 0
    assert found.info["reads"] >= found.info["feasible"] >= 0


@pytest.mark.parametrize("kind", ["low-rank", "dense", "sparse"])
@pytest.mark.parametrize("name", HEURISTICS)
def test_the_minimum_of_a_small_model(name: str, kind: str) -> None:
    of = model(kind)
    found = build(name, **HEURISTICS[name]).solve(of, num_samples=4, seed=1)
    check(found, of, 4)
    exact: IsingSolver = plugin_manager().build("solver", "exact")
    best = exact.solve(of).energies[0]
    if name in ("hyperopt", "simulated-bifurcation"):  # for comparison: no promise of the minimum
        assert found.energies[0] <= np.quantile(of.energies(of.random_bits(500, np.random.default_rng(0))), 0.1)
    else:
        assert found.energies[0] == pytest.approx(best)


@pytest.mark.parametrize("name", [*HEURISTICS, "dimod:random"])
def test_the_same_seed_gives_the_same_answer(name: str) -> None:
    solver = build(name, **HEURISTICS.get(name, {"num_reads": 50}))
    first, second = (solver.solve(model(), num_samples=3, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.bits, second.bits)


@pytest.mark.parametrize("name", [name for name in HEURISTICS if name != "dimod:dimod.ExactSolver"])
def test_a_time_limit_ends_the_search(name: str) -> None:
    of = model()
    found = build(name).solve(of, num_samples=2, time_limit=0.3)
    check(found, of, 2)


def test_weights_are_raised_where_the_penalised_minimum_is_infeasible() -> None:
    of = model("dense", 1)
    exact: IsingSolver = plugin_manager().build("solver", "exact")
    found = build("dimod:dimod.ExactSolver").solve(of)
    assert found.info["raised"] > 0
    assert found.energies[0] == pytest.approx(exact.solve(of).energies[0])
    assert build("dimod:dimod.ExactSolver", penalty="safe").solve(of).info["raised"] == 0


def test_openjij_reads_differ_although_a_seed_is_given() -> None:
    of = QuadraticModel(np.zeros(12), factors=1e-3 * np.ones((12, 1)), groups=(BitGroup("one", 0, 12, 1),))
    found = build("dimod:openjij-sa", num_reads=10, num_sweeps=5).solve(of, num_samples=10, seed=0)
    assert len(found.energies) > 1


def test_broken_groups_are_mended_and_counted() -> None:
    of = model()
    found = build("dimod:random", num_reads=15).solve(of, num_samples=15)
    check(found, of, 15)
    assert found.info["feasible"] < found.info["reads"]
    assert found.info["repaired"] == min(20, found.info["reads"] - found.info["feasible"])


def test_options_reach_the_sampler_and_unknown_ones_are_refused() -> None:
    of = model()
    found = build("dimod:sa", sampler_options={"num_reads": 3, "num_sweeps": 10}).solve(of)
    assert found.info["reads"] == 3
    with pytest.raises(InputError, match="did you mean 'num_sweeps'"):
        build("dimod:sa", sampler_options={"num_sweep": 3}).solve(of)
    with pytest.raises(InputError, match="refused its options"):
        build("dimod:openjij-sa", sampler_options={"nonsense": 3}).solve(of)
    for key in ("penalty_scale", "num_reads", "num_sweeps", "memory_limit"):
        with pytest.raises(InputError, match=key):
            build("dimod:sa", **{key: 0})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dimod:sax", "did you mean 'sa'"),
        ("dimod:qqq", "known: .*openjij-sa.*package.module.Class.*tabu"),
        ("dimod", "dimod:SAMPLER"),
        ("dimod:no.such.Class", "cannot import 'no.such'"),
        ("dimod:dimod.NoSuchClass", "has no 'NoSuchClass'"),
        ("dimod:json.JSONDecoder", "is no sampler"),
    ],
)
def test_samplers_that_do_not_exist_are_named(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        plugin_manager().build("solver", name)
    assert "\n" not in str(caught.value)


def test_a_model_too_large_for_the_memory_is_refused_before_anything_is_built() -> None:
    large = QuadraticModel(np.zeros(20_000), factors=np.zeros((20_000, 1)))
    for name in ("dimod:sa", "dimod:openjij-sqa", "simulated-bifurcation"):
        solver = build(name, memory_limit=4.0)
        assert "GiB for the couplings of 20,000 bits" in (solver.refuses(large) or "")
        with pytest.raises(InputError, match="memory_limit"):
            solver.solve(large)
        assert solver.refuses(model()) is None
    loose = QuadraticModel(np.zeros(20_000), couplings=sparse.csr_array((20_000, 20_000)))
    assert build("dimod:sa", memory_limit=0.1).refuses(loose) is None


def test_hyperopt_refuses_too_many_variables() -> None:
    wide = QuadraticModel(np.zeros(1200), factors=np.zeros((1200, 1)))
    assert "has 1200" in (build("hyperopt").refuses(wide) or "")


def test_d_waves_machines_need_a_package_and_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.util import find_spec

    monkeypatch.delenv("DWAVE_API_TOKEN", raising=False)
    if find_spec("dwave.system") is None:
        with pytest.raises(MissingExtraError, match=r"crysim\[dwave\]"):
            plugin_manager().build("solver", "dimod:dwave")
        return
    solver = plugin_manager().build("solver", "dimod:dwave")
    assert "at most 180 bits" in solver.refuses(QuadraticModel(np.zeros(181), factors=np.zeros((181, 1))))
    with pytest.raises(InputError, match="set DWAVE_API_TOKEN"):
        solver.solve(model())
