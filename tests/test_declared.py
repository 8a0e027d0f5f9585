"""A setting is declared once: type, default, help and check come from its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from crysim.declared import RUN, declared, setting
from crysim.errors import InputError
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings


@dataclass(frozen=True)
class Some:
    count: int = setting(3, "How many.", RUN)
    names: tuple[str, ...] = setting((), "Which.", RUN, shown_default="all", flag="--name")
    seeds: tuple[int, ...] = setting((0,), "Seeds.", RUN)
    pairs: Mapping[str, float] = setting({}, "Pairs.", RUN)
    limit: float | None = setting(None, "Limit.", RUN, flag="")
    plain: int = 1


def test_fields_that_are_declared_are_settings() -> None:
    settings = {one.name: one for one in declared(Some)}
    assert list(settings) == ["count", "names", "seeds", "pairs", "limit"]
    assert [one.flag for one in settings.values()] == ["--count", "--name", "--seeds", "--pairs", ""]
    assert [one.default_text for one in settings.values()] == ["3", "all", "0", "none", "none"]
    assert Some().pairs is not Some().pairs


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("count", 7, 7),
        ("names", "one", ("one",)),
        ("names", ["one", "two"], ("one", "two")),
        ("seeds", "0-2,7", (0, 1, 2, 7)),
        ("seeds", range(3), (0, 1, 2)),
        ("pairs", ["Ca-O=2.0"], {"Ca-O": 2.0}),
        ("limit", 2, 2.0),
    ],
)
def test_values_are_read_by_type(name: str, given: Any, value: Any) -> None:
    (one,) = [s for s in declared(Some) if s.name == name]
    assert one.read(given) == value


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("count", "7", "count is '7': it must be a whole number"),
        ("count", True, "whole number"),
        ("seeds", "5-2", "whole numbers, as in 0-4"),
        ("seeds", "0-99999999", "at most 100,000"),
        ("pairs", "Ca-O", "KEY=VALUE"),
        ("limit", "far", "a number"),
    ],
)
def test_a_wrong_value_is_named(name: str, given: Any, message: str) -> None:
    (one,) = [s for s in declared(Some) if s.name == name]
    with pytest.raises(InputError, match=message):
        one.read(given)


@pytest.mark.parametrize("cls", [BenchSettings, RelaxSettings])
def test_every_setting_says_what_it_is(cls: type) -> None:
    for one in declared(cls):
        assert one.declaration.help.endswith((".", "…")), one.name
        assert one.declaration.panel
