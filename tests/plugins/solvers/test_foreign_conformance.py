"""The conformance suite on every solver of someone else's, Amplify's against the stand-in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crysim.interfaces import IsingSolver
from crysim.plugins import plugin_manager
from crysim.testing.solvers import SolverSuite

TOKEN = "AE/conformance"  # noqa: S105


def build(name: str, module: str, **options: Any) -> IsingSolver:
    """A solver, or a skipped test where its extra is missing."""
    pytest.importorskip(module)
    solver: IsingSolver = plugin_manager().build_unchecked("solver", name, options)
    return solver


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("amplify_standin.py")), "--token", TOKEN]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


class TestSimulatedAnnealing(SolverSuite):
    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("dimod:sa", "dwave.samplers", num_reads=20, memory_limit=8.0)


class TestTabu(SolverSuite):
    @pytest.fixture
    def solver(self) -> IsingSolver:
        # Bounded by steps: by the clock it would use up every time limit.
        options = {"timeout": None, "num_restarts": 5, "coefficient_z_first": 20, "lower_bound_z": 10_000}
        return build("dimod:tabu", "dwave.samplers", num_reads=5, sampler_options=options, memory_limit=8.0)


class TestSteepestDescent(SolverSuite):
    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("dimod:steepest-descent", "dwave.samplers", num_reads=300, memory_limit=8.0)


class TestRandom(SolverSuite):
    finds_optimum = False

    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("dimod:random", "dwave.samplers", num_reads=50, memory_limit=8.0)


class TestOpenJijAnnealing(SolverSuite):
    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("dimod:openjij-sa", "openjij", num_reads=20, num_sweeps=300, memory_limit=8.0)


class TestOpenJijQuantumAnnealing(SolverSuite):
    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("dimod:openjij-sqa", "openjij", num_reads=20, num_sweeps=300, memory_limit=8.0)


class TestAnySampler(SolverSuite):
    @pytest.fixture
    def solver(self) -> IsingSolver:
        name = "dimod:dwave.samplers.SimulatedAnnealingSampler"
        return build(name, "dwave.samplers", num_reads=20, num_sweeps=500, memory_limit=8.0)


class TestSimulatedBifurcation(SolverSuite):
    finds_optimum = False

    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("simulated-bifurcation", "simulated_bifurcation", max_steps=300, memory_limit=8.0)


class TestHyperopt(SolverSuite):
    finds_optimum = False

    @pytest.fixture
    def solver(self) -> IsingSolver:
        return build("hyperopt", "hyperopt", max_evaluations=40, max_variables=100)


class TestAmplify(SolverSuite):
    """What depends on the service, its optima and its seeds, is the stand-in's here."""

    deterministic = False
    time_limit = 1.0  # the stand-in anneals for as long as it is told

    @pytest.fixture
    def solver(self, url: str, monkeypatch: pytest.MonkeyPatch) -> IsingSolver:
        monkeypatch.setenv("AMPLIFY_TOKEN", TOKEN)
        return build("amplify", "amplify", url=url, plan="premium", memory_limit=8.0)
