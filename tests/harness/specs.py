"""Runs of a few relaxations with a real potential (EMT)."""

from __future__ import annotations

from typing import Any

from crysim.composition import Composition
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import RelaxSettings

EMT = PartSpec("ase:emt")
PARTS = {
    "encoder": PartSpec("crysim", {"grid_resolution": 4}),
    "surrogate": PartSpec("fm", {"max_epoch": 20, "warm_start": True}),
    "solver": PartSpec("annealer", {"sweeps": 20}),
}


def small_spec(method: str = "random", **changes: Any) -> RunSpec:
    """A run by ``random`` or ``crysim``, or with its ``strategy`` among the changes by another."""
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
        options = {"protocol": "paper", "num_initial": 60, "candidates_per_solve": 2, "choice": "distance"}
        given |= {"strategy": PartSpec("crysim", options), "parts": PARTS}
    return RunSpec(**{**given, **changes})
