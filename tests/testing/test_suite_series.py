"""The script that runs the suite many times in a row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "suite.py"


def run(folder: Path, *arguments: str) -> int:
    command = [sys.executable, str(SCRIPT), "--workers", "1", "--out", "out", *arguments, "--", "test_one.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "out" / "runs.jsonl").read_text().splitlines()]


def test_a_series_goes_on_where_it_was_and_begins_anew_after_a_red_run(tmp_path: Path) -> None:
    test = tmp_path / "test_one.py"
    test.write_text("def test_good():\n    pass\n")
    assert run(tmp_path, "--runs", "2", "--busy", "1", "--most", "1") == 0
    assert [one["busy"] for one in records(tmp_path)] == [False]
    assert run(tmp_path, "--runs", "2", "--busy", "1") == 0
    assert [one["busy"] for one in records(tmp_path)] == [False, True]
    assert run(tmp_path, "--runs", "2", "--busy", "1") == 0  # nothing is missing
    assert len(records(tmp_path)) == 2
    test.write_text("def test_bad():\n    assert False\n")
    assert run(tmp_path, "--runs", "3", "--busy", "1") == 1
    last = records(tmp_path)[-1]
    assert (last["passed"], last["failed"], last["failures"]) == (0, 1, ["test_one::test_bad"])
    page = (tmp_path / "out" / "README.md").read_text()
    assert "Green in a row since the last red run: 0" in page
    assert "`test_one::test_bad`" in page
