"""What is compiled ahead is all that a relaxation needs, and nothing in it takes seconds for an error's text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys

import numpy as np
from numba.core import event

from crysim.composition import Composition
from crysim.crystal.bonding import dimensions
from crysim.crystal.distinct import invariant
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.interfaces import RelaxSettings
from crysim_energies.{module} import {model}

generator = PriorGenerator(Prior(Composition.from_formula("Na2Cl2")))
rng = np.random.default_rng(0)
with event.install_recorder("numba:compile") as alone:
    {model}.compile_ahead(dict())
assert "torch" not in sys.modules
with event.install_recorder("numba:compile") as before:
    crystals = [generator.draw(rng) for _ in range(6)]
    for crystal in crystals:
        looks = invariant(crystal), dimensions(crystal), crystal.min_distance()
    model = {model}()
    model.warm_up()
with event.install_recorder("numba:compile") as after:
    model.energies(crystals)
    model.relax(crystals, RelaxSettings(max_steps=30))
for name, recorder in (("alone", alone), ("before", before), ("after", after)):
    for _, one in recorder.buffer:
        if one.is_start:
            function = one.data["dispatcher"].py_func
            print(name, function.__module__, function.__qualname__)
"""


@pytest.mark.parametrize("model", ["CHGNetModel", "M3GNetModel"])
def test_a_relaxation_compiles_nothing_that_was_not_compiled_ahead(
    model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    module = model.removesuffix("Model").lower()
    pytest.importorskip(module if module == "chgnet" else "matgl")
    if module == "m3gnet":
        request.getfixturevalue("checkpoint")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    script = SCRIPT.format(module=module, model=model)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    compiled = [line.split() for line in done.stdout.splitlines()]
    ahead = {(module, name) for when, module, name in compiled if when != "after"}
    assert ("crysim_energies.quotient.relaxation.stiffness", "_add_springs") in ahead
    # a process without the model can compile all of it
    assert [name for when, module, name in compiled if when == "before" and module.startswith("crysim_energies")] == []
    assert [name for when, module, name in compiled if when == "after" and module.startswith("crysim")] == []
    # An array assigned to a slice brings numba's text about shapes that differ: 3 s of every new process's compilation.
    assert [name for module, name in ahead if module == "numba.cpython.unicode"] == []
