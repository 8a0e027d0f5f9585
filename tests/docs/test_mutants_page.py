"""The page of the conformance suites lists the mutants that they catch, at least ten of each kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crysim.plugins import KINDS
from tests.testing.test_mutants import MUTANTS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "testing.md"


def words(name: str) -> str:
    """``FirstHalf400Only`` as ``first half 400 only``."""
    return re.sub(r"(?<!^)(?=[A-Z])|(?<=[a-z])(?=\d)", " ", name.strip("_")).lower()


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_of_a_kind_is_its_mutants(kind: str) -> None:
    row = re.search(rf"^\| {kind} \| (\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    names = [words(mutant.__name__) for of, mutant in MUTANTS if of == kind]
    assert row[2].split(", ") == names
    assert int(row[1]) == len(names) >= 10
