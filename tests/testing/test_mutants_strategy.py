"""The strategy suite passes good strategies and catches each of these, which have one fault."""

from __future__ import annotations

import pytest

from tests.testing.mutants.strategy import MUTANTS, Good, GoodWithState
from tests.testing.running import failures


@pytest.mark.parametrize("good", [Good, GoodWithState], ids=lambda one: one.__name__)
def test_the_good_ones_pass(good):
    assert failures("strategy", good, first=False) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.__name__)
def test_is_caught(mutant):
    assert failures("strategy", mutant, first=True)
