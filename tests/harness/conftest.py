"""Small runs with a real potential (EMT) that take about a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crysim.composition import Composition
from crysim.harness.journal import JOURNAL
from crysim.harness.lines import read_lines
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import EnergyModel, RelaxSettings

EMT = PartSpec("ase:emt")
PARTS = {
    "encoder": PartSpec("crysim", {"grid_resolution": 4}),
    "surrogate": PartSpec("fm", {"max_epoch": 20, "warm_start": True}),
    "solver": PartSpec("annealer", {"sweeps": 20}),
}


@pytest.fixture(scope="session")
def emt() -> EnergyModel:
    return build_energy(EMT)


@pytest.fixture(scope="session")
def make_spec() -> Callable[..., RunSpec]:
    def make(method: str = "random", **changes: Any) -> RunSpec:
        given: dict[str, Any] = {
            "system": Composition.from_formula("Al2Cu2"),
            "method": method,
            "strategy": PartSpec("random"),
            "energy": EMT,
            "budget": 7,
            "batch": 3,
            "relax": RelaxSettings(max_steps=3, num_frames=3),
            "space_groups": (123, 139, 221, 225),
        }
        if method == "crysim":
            options = {"num_initial": 60, "batch": 2, "choice": "distance"}
            given |= {"strategy": PartSpec("crysim", options), "parts": PARTS}
        return RunSpec(**{**given, **changes})

    return make


@pytest.fixture(scope="session")
def trials_of() -> Callable[[Path], list[dict[str, Any]]]:
    """A journal's trials without what a clock says, and how many were asked for."""

    def read(folder: Path) -> list[dict[str, Any]]:
        records, _ = read_lines(folder / JOURNAL)
        plain = [json.loads(json.dumps(record)) for record in records]
        for record in plain:
            del record["seconds"], record["phases"]
            record.pop("asked", None)
        return plain

    return read
