"""The solver suite passes a good solver and catches each of these, which have one fault."""

from __future__ import annotations

import pytest

from tests.testing.mutants.solver import MUTANTS, Good
from tests.testing.running import failures


def test_the_good_one_passes():
    assert failures("solver", Good, first=False) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.__name__)
def test_is_caught(mutant):
    assert failures("solver", mutant, first=True)
