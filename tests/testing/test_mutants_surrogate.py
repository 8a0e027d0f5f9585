"""The surrogate suite passes good surrogates and catches each of these, which have one fault."""

from __future__ import annotations

import pytest

from tests.testing.mutants.surrogate import MUTANTS, Good, GoodWarm
from tests.testing.running import failures


@pytest.mark.parametrize("good", [Good, GoodWarm], ids=lambda one: one.__name__)
def test_the_good_ones_pass(good):
    assert failures("surrogate", good, first=False) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.__name__)
def test_is_caught(mutant):
    assert failures("surrogate", mutant, first=True)
