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
from crysim_baselines.random import RandomSearch

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
            options = {"protocol": "paper", "num_initial": 60, "candidates_per_solve": 2, "choice": "distance"}
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
            del record["seconds"], record["phases"], record["cpu"]
            record.pop("asked", None)
        return plain

    return read


BAD = '''
"""A calculator that does something bad where a crystal of a certain volume is relaxed."""

import os
import signal
import time
from pathlib import Path

from ase.calculators.emt import EMT


class Bad(EMT):
    def __init__(self, *, volumes, how, marks, most=None, **more):
        super().__init__(**more)
        self.volumes, self.how, self.marks, self.most = volumes, how, Path(marks, "marks"), most

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        volume = atoms.get_volume()
        done = self.marks.read_text() if self.marks.exists() else ""
        if any(abs(volume - bad) < 1e-6 for bad in self.volumes) and (self.most is None or len(done) < self.most):
            with self.marks.open("a") as file:
                file.write("x")
            if self.how == "hang":
                time.sleep(1000)
            if self.how == "exit":
                os._exit(7)
            if self.how == "raise":
                raise ZeroDivisionError("on purpose")
            if self.how != "nan":
                os.kill(os.getpid(), getattr(signal, self.how))
        super().calculate(atoms, properties, system_changes)
        if self.how == "nan" and any(abs(volume - bad) < 1e-6 for bad in self.volumes):
            self.results["energy"] = float("nan")
'''


@pytest.fixture
def bad_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PartSpec]:
    """An energy model that does something bad with the first crystals of some trials of random searches.

    ``how`` is a signal that its process gets, ``exit``, ``hang``, ``raise`` or ``nan``; ``most``: so often at most. A
    file ``marks`` in ``tmp_path`` has a letter for each time.
    """
    place = tmp_path / "modules"
    place.mkdir()
    (place / "crysim_bad_calculator.py").write_text(BAD)
    monkeypatch.syspath_prepend(str(place))

    def make(how: str, spec: RunSpec, *trials: int, most: int | None = None) -> PartSpec:
        crystals = [one.crystal for one in RandomSearch(spec.problem).ask(max(trials, default=0) + 1)]
        volumes = [crystals[n].volume / part for n in trials for part in (1.0, crystals[n].centring_factor)]
        options = {"volumes": volumes, "how": how, "marks": str(tmp_path), "most": most}
        return PartSpec("ase:crysim_bad_calculator.Bad", {"options": options})

    return make
