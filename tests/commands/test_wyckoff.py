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


def test_primitive_contents_count_each_z_and_their_sum() -> None:
    arguments = ["wyckoff", "NaCl", "--cell", "primitive", "--z", "1-4", "--json"]
    report = json.loads(runner.invoke(app, arguments).stdout)
    rows = {row["number"]: row for row in report["space_groups"]}
    assert rows[225]["combinations_by_z"] == {"1": 2, "2": 2, "3": 0, "4": 0}
    assert all(row["combinations"] == sum(row["combinations_by_z"].values()) for row in rows.values())
    assert report["fitting_groups_by_z"] == {"1": 68, "2": 166, "3": 73, "4": 205}
    shown = runner.invoke(app, arguments[:-1]).stdout
    assert "Z 4" in shown
    assert "Na2Cl2 per primitive cell fits 166 space groups" in shown


def test_combinations_of_a_group_by_its_symbol_for_each_z() -> None:
    report = json.loads(
        runner.invoke(app, ["wyckoff", "NaCl", "--cell", "primitive", "--z", "1-3", "-g", "Fm-3m", "--json"]).stdout
    )
    assert [one["formula"] for one in report] == ["NaCl", "Na2Cl2"]
    assert [one["conventional_formula"] for one in report] == ["Na4Cl4", "Na8Cl8"]
    assert report[0]["combinations"][1]["sites"] == {"Na": ["4a"], "Cl": ["4b"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MgAl2O4", "-g", "227"], "its smallest conventional cell there is Mg8Al16O32: --z 8 (or --cell primitive"),
        (["Mg2Al4O8", "-g", "Fd-3m", "--z", "2"], "Mg8Al16O32: --z 4 (or --cell primitive --z 1)"),
        (["MgAl2O4", "-g", "227", "--cell", "primitive"], "Mg8Al16O32: --z 2"),
        (["NaCl", "--z", "0"], "--z is '0'"),
        (["NaCl", "--z", "5-2"], "--z is '5-2'"),
        (["NaCl", "--cell", "primitiv"], "did you mean 'primitive'"),
        (["NaCl", "-g", "Fm-3x"], "unknown space group"),
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
