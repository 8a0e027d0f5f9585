"""Each kind's suite passes good plug-ins and catches each of these, which have one fault."""

from __future__ import annotations

from typing import Any

import pytest

from tests.testing.mutants import encoder, energy, executor, solver, strategy, surrogate
from tests.testing.running import failures

GOOD = (
    ("encoder", encoder.Good),
    ("energy", energy.Good),
    ("executor", executor.Good),
    ("executor", executor.GoodInProcesses),
    ("solver", solver.Good),
    ("strategy", strategy.Good),
    ("strategy", strategy.GoodWithState),
    ("surrogate", surrogate.Good),
    ("surrogate", surrogate.GoodWarm),
)
MUTANTS = [
    (module.__name__.rpartition(".")[2], mutant)
    for module in (encoder, energy, executor, solver, strategy, surrogate)
    for mutant in module.MUTANTS
]


def name(value: Any) -> str:
    return value if isinstance(value, str) else value.__name__


@pytest.mark.parametrize(("kind", "good"), GOOD, ids=name)
def test_the_good_ones_pass(kind: str, good: Any) -> None:
    assert failures(kind, good, first=False) == []


@pytest.mark.parametrize(("kind", "mutant"), MUTANTS, ids=name)
def test_is_caught(kind: str, mutant: Any) -> None:
    assert failures(kind, mutant, first=True)
