"""The page of promises names tests that exist, and all twenty-two promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")

ROWS = re.findall(r"^\| (\d+) \| .+? \| (.+) \|$", PAGE.partition("\n## ")[0], re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
NAMED = sorted({found for _, tests in ROWS for found in TEST.findall(tests)})


def test_there_are_twenty_two_and_each_has_a_test() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 23))
    assert [number for number, tests in ROWS if not TEST.search(tests)] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", text, re.MULTILINE)
