"""`crysim reproduce --check`: tables against the journals that they were made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crysim.errors import InputError
from crysim.workflows.reproduce import Cuts, reproduce
from crysim.workflows.reproduction_check import check_reproduced, exit_code

CUTS = Cuts(
    budget=2,
    seeds="0",
    systems=("Ca4S4",),
    methods=("swarm",),
    symmetry="keep",
    settings={"energy": "ase:lj", "max_steps": 3},
)


def test_a_table_is_compared_with_what_its_journals_give(tmp_path: Path) -> None:
    _, ended = reproduce(["table-s2"], str(tmp_path), CUTS)
    assert ended.exit_code == 0
    (same,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (same.state, exit_code([same])) == ("same", 0), same.detail

    path = tmp_path / "table-s2.json"
    written = json.loads(path.read_text())
    written["rows"][0]["num_lowest"] += 7
    path.write_text(json.dumps(written))
    (other,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (other.state, exit_code([other])) == ("differs", 1)
    assert "table-s2.json, row 1, num_lowest" in other.detail

    path.unlink()
    (gone,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert gone.state == "no table"

    (journal,) = tmp_path.rglob("journal.jsonl")
    journal.write_bytes(b"")
    (empty,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (empty.state, exit_code([empty])) == ("no journals", 3)


def test_committed_tables_without_journals_say_so() -> None:
    results = Path(__file__).parents[2] / "results" / "small"
    checked = check_reproduced(["table-s1", "table-s2", "table-s12"], str(results), Cuts())
    assert [one.state for one in checked] == ["no journals", "no journals", "not checked"]
    assert "none of its 9 runs" in checked[0].detail


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name with --out"):
        check_reproduced(["table-s2"], str(tmp_path / "nothing"), Cuts())
