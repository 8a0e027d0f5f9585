"""The script that runs the suite many times in a row."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "suite.py"


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "--workers", "1", "--out", "out", *arguments, "--", "test_one.py"]


def run(folder: Path, *arguments: str) -> int:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, check=False).returncode


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


def test_a_series_that_is_ended_takes_its_tests_along_and_goes_on(tmp_path: Path) -> None:
    test, pid = tmp_path / "test_one.py", tmp_path / "pid"
    test.write_text(
        "import os, time\ndef test_long():\n    open('pid', 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    )
    process = subprocess.Popen(command("--runs", "1", "--busy", "0"), cwd=tmp_path, stdout=subprocess.DEVNULL)
    while process.poll() is None and not (pid.exists() and pid.read_text()):
        time.sleep(0.05)
    process.terminate()
    assert process.wait() == 143
    assert not Path("/proc", pid.read_text()).exists()
    test.write_text("def test_good():\n    pass\n")
    assert run(tmp_path, "--runs", "1", "--busy", "0") == 0
    assert [one["passed"] for one in records(tmp_path)] == [1]


def test_other_dependencies_are_a_series_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_good():\n    pass\n")
    for resolution in ("newest", "lowest", "newest"):
        assert run(tmp_path, "--runs", "1", "--busy", "0", "--resolution", resolution) == 0
    assert [one["resolution"] for one in records(tmp_path)] == ["newest", "lowest"]
    assert "| lowest |" in (tmp_path / "out" / "README.md").read_text()
