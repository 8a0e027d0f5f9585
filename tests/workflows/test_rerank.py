"""`crysim search --rerank`: a second potential's energies beside the first's, never mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crysim.analysis.tables import Column, Table
from crysim.cli import app
from crysim.errors import InputError
from crysim.workflows.export import export
from crysim.workflows.report import write_report
from crysim.workflows.rerank import FOLDER, Reranked, reranked_table
from crysim.workflows.search import search

SETTINGS: dict[str, Any] = {
    "z": 2,
    "method": "random",
    "energy": "ase:emt",
    "budget": 4,
    "max_steps": 60,
    "fmax": 0.1,
    "space_groups": "123,139,221-225",
    "symmetry": "keep",
    "seed": 3,
    "workers": 1,
}
LJ = {"options": {"sigma": 2.3, "epsilon": 0.3, "rc": 6.9, "smooth": True}}


def table(*above: float) -> Table:
    rows = tuple({"rank": i + 1, "energy_per_atom": -4 + x, "above_best": x} for i, x in enumerate(above))
    columns = (Column("rank", "rank"), Column("above_best", "above best"), Column("file", "file"))
    return Table("", columns, rows)


def test_a_crystal_is_marked_that_changes_rank_or_is_farther_from_the_best() -> None:
    again = [Reranked(e, "relaxed") for e in (-9.0, -8.98, -8.7)]
    rows = reranked_table(table(0.0, 0.02, 0.2), again, "other").rows
    assert [row["rerank_disagrees"] for row in rows] == [False, False, True]
    assert [row["rerank_rank"] for row in rows] == [1, 2, 3]
    assert rows[2]["rerank_above_best"] == pytest.approx(0.3)
    rows = reranked_table(table(0.0, 0.02, 0.2), [again[1], again[0], again[2]], "other").rows
    assert [row["rerank_disagrees"] for row in rows] == [True, True, True]
    assert [row["rerank_rank"] for row in rows] == [2, 1, 3]


def test_what_failed_or_is_not_there_has_no_rank_and_moves_no_other() -> None:
    again = [Reranked(None, "failed", "no energy"), Reranked(-8.0, "relaxed"), None, Reranked(-7.9, "relaxed")]
    made = reranked_table(table(0.0, 0.1, 0.15, 0.2), again, "other")
    assert [row["rerank_rank"] for row in made.rows] == [None, 1, None, 2]
    assert [row["rerank_disagrees"] for row in made.rows] == [None, False, None, False]
    assert made.rows[0]["rerank_reason"] == "no energy"
    assert made.notes[-1].endswith("; 1 failed")
    assert "0 of 2 disagree" in made.notes[-1]


def test_answers_are_relaxed_again_once_and_the_first_ranking_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    plain = search("AlCu", out=out, **SETTINGS)
    found = search("AlCu", out=out, rerank="ase:lj", rerank_options=LJ, **SETTINGS)
    assert [row["energy_per_atom"] for row in found.table.rows] == [a.energy_per_atom for a in plain.answers]
    keys = [column.key for column in found.table.columns]
    first = keys.index("above_best")
    assert keys[first + 1 : first + 4] == ["rerank_energy_per_atom", "rerank_above_best", "rerank_rank"]
    ranked = sorted(found.table.rows, key=lambda row: row["rerank_rank"])
    energies = [row["rerank_energy_per_atom"] for row in ranked]
    assert len(energies) >= 2
    assert energies == sorted(energies)
    assert [row["rerank_above_best"] for row in ranked] == pytest.approx([e - energies[0] for e in energies])
    assert "relaxed again with ase:lj" in found.table.notes[-1]

    page = found.report().read_text()
    assert "Relaxed again with a second potential" in page
    assert "AlCu: ase:lj" in page
    assert "Relaxed again with a second potential" not in _page_without_rerank(out, tmp_path)
    exported = {one.info["rerank_energy_per_atom"]: one.info["rerank_model"] for one in export(out, "extxyz").entries}
    assert exported == dict.fromkeys((row["rerank_energy_per_atom"] for row in found.table.rows), "ase:lj")

    files = sorted((out / FOLDER).iterdir())
    assert len(files) == len(found.answers)
    times = [file.stat().st_mtime_ns for file in files[1:]]
    files[0].write_text("{")  # a damaged one is done again, and no other
    again = search("AlCu", out=out, rerank="ase:lj", rerank_options=LJ, **SETTINGS)
    assert again.table.rows == found.table.rows
    assert [file.stat().st_mtime_ns for file in files[1:]] == times
    assert json.loads(files[0].read_text())["key"]["energy"]["name"] == "ase:lj"


def _page_without_rerank(out: Path, tmp_path: Path) -> str:
    """The report of the search's runs alone."""
    return write_report(out / "runs", tmp_path / "runs.html").read_text()


@pytest.mark.parametrize(
    ("rerank", "options", "words"),
    [
        ("ase:emt", {}, "is the potential of the search itself"),
        ("ase:emtt", {}, "did you mean 'emt'"),
        ("ase:lj", {"no": 1}, "unknown option"),
        ("nothing", {}, "unknown energy"),
    ],
)
def test_a_second_potential_that_cannot_be_is_refused_before_the_search(
    tmp_path: Path, rerank: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        search("AlCu", out=tmp_path / "out", rerank=rerank, rerank_options=options, **SETTINGS)
    assert not (tmp_path / "out").exists()


def test_from_the_command_line(tmp_path: Path) -> None:
    arguments = ["search", "AlCu", "--z", "2", "--method", "random", "--energy", "ase:emt", "--budget", "2"]
    arguments += ["--max-steps", "60", "--fmax", "0.1", "--space-groups", "221-225", "--out", str(tmp_path / "out")]
    arguments += ["--workers", "1", "--rerank", "ase:lj", "--rerank-option", "options={sigma=2.3, rc=6.9}", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    row = json.loads(result.stdout)[0]
    assert row["rerank_energy"] == "ase:lj"
    assert row["rerank_rank"] == 1 or row["rerank_disagrees"]
    shown = CliRunner().invoke(app, arguments[:-1])
    assert "rank 2" in shown.stdout
    assert "relaxed again with ase:lj" in shown.stdout
