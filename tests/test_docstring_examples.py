"""The example in each interface's docstring runs, and prints what it says."""

from __future__ import annotations

import doctest
import importlib

import pytest

KINDS = {
    "encoder": "Encoder", "surrogate": "Surrogate", "solver": "IsingSolver", "energy": "EnergyModel",
    "strategy": "Strategy", "executor": "Executor",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_example_runs(kind):
    module = importlib.import_module(f"crysim.interfaces.{kind}")
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(getattr(module, KINDS[kind]), KINDS[kind], module=module)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert result.attempted > 5
    assert result.failed == 0
