"""`crysim wyckoff` as a user runs it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from crysim.cli import app

runner = CliRunner()


def test_groups_as_json_with_exact_counts() -> None:
    result = runner.invoke(app, ["wyckoff", "Ca24Al16(SiO4)24", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["formula"] == "Ca24Al16Si24O96"
    rows = {row["number"]: row for row in report["space_groups"]}
    assert len(rows) == 205
    assert rows[230] == {"number": 230, "symbol": "Ia-3d", "crystal_system": "cubic", "combinations": 28}
    assert rows[47]["combinations"] == 1961141648121671178075841971834334656


def test_combinations_from_an_index() -> None:
    arguments = ["wyckoff", "Ca24Al16Si24O96", "--space-group", "47", "--index", str(10**36), "--limit", "2", "--json"]
    report = json.loads(runner.invoke(app, arguments).stdout)
    assert [c["index"] for c in report["combinations"]] == [10**36, 10**36 + 1]
    sites = report["combinations"][0]["sites"]
    assert {e: sum(int(label[:-1]) for label in labels) for e, labels in sites.items()} == {
        "Ca": 24,
        "Al": 16,
        "Si": 24,
        "O": 96,
    }


def test_tables_for_people() -> None:
    assert "Ca4S4 fits 185 space groups" in runner.invoke(app, ["wyckoff", "Ca4S4"]).stdout
    shown = runner.invoke(app, ["wyckoff", "CaS", "--z", "4", "-g", "225"])
    assert "4b" in shown.stdout
    assert "2 Wyckoff combinations" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Ca4S4", "-g", "210"], "fits no"),
        (["Ca4S4", "-g", "231"], "1 to 230"),
        (["Ca4Xx4"], "unknown element"),
        (["Ca4S4", "-g", "225", "--index", "2"], "there is no index 2"),
        (["Ca4S4", "-g", "225", "--index", "-1"], "whole number"),
        (["Ca4S4", "--index", "1"], "--space-group"),
        (["Ca4S4", "--order", "general-frist"], "did you mean 'general-first'"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["wyckoff", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
