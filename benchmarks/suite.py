"""The whole suite many times in a row, some of them beside busy loops on all cores: is it green on any day?

    python benchmarks/suite.py --runs 10 --busy 5 --out results/tests

Every run is a line of ``runs.jsonl``, so an interrupted series goes on where it was; ``README.md`` is their table. A
run that is red breaks the series of its Python and dependencies, and the next one begins anew. Every second run is
beside the busy loops, until there are as many as wanted. The tests run with two workers, as ``make test`` has them.
Where something that takes all cores runs anyhow, ``--beside "searches"`` takes it for the loops: what others used of
the cores is measured and stands in the table.

One run with another Python and the newest or the lowest dependencies, in an environment made for it::

    PYTHON=3.13 RESOLUTION=highest benchmarks/environment.sh .venv-3.13
    .venv-3.13/bin/python benchmarks/suite.py --runs 1 --busy 0 --resolution newest
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

SLOWEST = 30
"""Tests shown by name."""
LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**6))"
LOOPS = "busy loops"
AS_INSTALLED = "as installed"
COLUMNS = (
    *("began (UTC)", "commit", "Python", "dependencies", "cores", "load", "beside", "others' cores", "passed"),
    *("failed", "skipped", "minutes", "CPU minutes"),
)
PACKAGES = ("numpy", "scipy", "numba", "torch", "pymatgen", "spglib", "ase", "chgnet", "matgl")


@contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """So many processes that compute for nothing; they end with the block, or with this process."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def run_suite(tests: Sequence[str], workers: int, beside: str, resolution: str) -> dict[str, Any]:
    """Run the tests once; what became of them.

    Args:
        tests: files and folders.
        workers: processes that run them.
        beside: what else runs: nothing (""), `LOOPS`, which are begun here, or what somebody else began.
        resolution: what the dependencies are.
    """
    began = time.time()
    record: dict[str, Any] = {
        "began": time.strftime("%Y-%m-%d %H:%M", time.gmtime(began)),
        "commit": _commit(),
        "busy": bool(beside),
        "beside": beside,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "resolution": resolution,
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }
    with tempfile.TemporaryDirectory() as folder, busy_loops((os.cpu_count() or 1) if beside == LOOPS else 0):
        file = Path(folder, "junit.xml")
        command = [sys.executable, "-m", "pytest", *tests, "-p", "no:cacheprovider", f"--junitxml={file}"]
        if workers > 1:
            command += ["-n", str(workers), "--dist", "worksteal"]
        before, all_before = os.times(), _seconds_used()
        code = subprocess.run(command, check=False).returncode
        after = os.times()
        record["seconds"] = round(time.time() - began)
        used = after.children_user + after.children_system - before.children_user - before.children_system
        record["cpu_minutes"] = round(used / 60, 1)
        record["others"] = round(max(0.0, _seconds_used() - all_before - used) / (time.time() - began), 2)
        return record | {"code": code} | (_counts(file) if file.exists() else {})


def _seconds_used() -> float:
    """CPU seconds of everything on this machine since it began, the time taken by its neighbours left out."""
    try:
        spent = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    except OSError:
        return 0.0
    user, nice, system, _, _, interrupts, soft = spent[:7]
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def _counts(file: Path) -> dict[str, Any]:
    cases = ElementTree.parse(file).getroot().iter("testcase")  # noqa: S314 - pytest wrote it a moment ago
    counts: dict[str, int] = defaultdict(int)
    failed: list[str] = []
    seconds: dict[str, float] = {}
    folders: dict[str, float] = defaultdict(float)
    for case in cases:
        where, name = case.get("classname", ""), case.get("name", "")
        label = f"{where}::{name}"
        outcome = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        counts["failed" if outcome in ("failure", "error") else outcome] += 1
        if outcome in ("failure", "error"):
            failed.append(label)
        seconds[label] = seconds.get(label, 0.0) + float(case.get("time", 0.0))
        folders[".".join(where.split(".")[:2])] += float(case.get("time", 0.0))
    slowest = sorted(seconds.items(), key=lambda pair: -pair[1])[:SLOWEST]
    return {
        "passed": counts["passed"],
        "failed": counts["failed"],
        "skipped": counts["skipped"],
        "failures": failed,
        "folders": {name: round(value, 1) for name, value in sorted(folders.items(), key=lambda pair: -pair[1])},
        "slowest": {name: round(value, 1) for name, value in slowest},
    }


def _commit() -> str:
    asked = [["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]]
    found, changed = (subprocess.run(one, capture_output=True, text=True, check=False).stdout.strip() for one in asked)
    return f"{found or 'unknown'}{' and changes' if changed else ''}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ModuleNotFoundError:
        return None


def is_green(run: dict[str, Any]) -> bool:
    """Whether everything passed."""
    return run["code"] == 0


def series(runs: Sequence[dict[str, Any]], resolution: str) -> list[dict[str, Any]]:
    """The green runs since the last red one, with this Python and these dependencies."""
    own = (platform.python_version(), resolution)
    same = [run for run in runs if (run["python"], run.get("resolution", AS_INSTALLED)) == own]
    last_red = max((place for place, run in enumerate(same) if not is_green(run)), default=-1)
    return same[last_red + 1 :]


def next_is_busy(done: Sequence[dict[str, Any]], runs: int, busy: int) -> bool:
    """Whether the next run of a series is beside busy loops: every second one, or all that are left."""
    left = busy - sum(run["busy"] for run in done)
    return left > 0 and (len(done) % 2 == 1 or left >= runs - len(done))


def table(runs: Sequence[dict[str, Any]], resolution: str) -> str:
    """All runs as a page."""
    good = series(runs, resolution)
    lines = [
        "# The suite, run after run",
        "",
        f"Green in a row since the last red run: {len(good)}, {sum(run['busy'] for run in good)} of them beside what",
        f"takes all cores (Python {platform.python_version()}, dependencies {resolution}). Made by",
        "`python benchmarks/suite.py`; the load is the machine's before the run began, \"others' cores\" how many",
        "cores everything else kept busy on average while the tests ran.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"| {' | '.join('---' for _ in COLUMNS)} |",
    ]
    for run in runs:
        counts = " | ".join(str(run.get(name, "?")) for name in ("passed", "failed", "skipped"))
        lines.append(
            f"| {run['began']} | {run['commit']} | {run['python']} | {run.get('resolution', AS_INSTALLED)} | "
            f"{run['cores']} | {run['load']} | {_beside(run)} | {run.get('others', '?')} | {counts} | "
            f"{run['seconds'] / 60:.1f} | {run.get('cpu_minutes', '?')} |"
        )
    red = [(run["began"], name) for run in runs for name in run.get("failures", [])]
    if red:
        lines += ["", "## What failed", "", *(f"- {began}: `{name}`" for began, name in red)]
    last = next((run for run in reversed(runs) if run.get("folders")), None)
    if last:
        lines += ["", f"## Where the time goes ({last['began']}; seconds of the workers together)", ""]
        lines += ["| folder | s |", "| --- | --- |"]
        lines += [f"| {name} | {value} |" for name, value in last["folders"].items()]
        lines += ["", "| slowest tests | s |", "| --- | --- |"]
        lines += [f"| `{name}` | {value} |" for name, value in last["slowest"].items()]
    return "\n".join(lines) + "\n"


def _beside(run: dict[str, Any]) -> str:
    return str(run.get("beside", LOOPS if run["busy"] else "")) or "nothing"


def main() -> int:
    """Run what is missing of a series."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=10, help="green ones in a row that are wanted")
    parser.add_argument("--busy", type=int, default=5, help="of them beside what takes all cores")
    parser.add_argument("--beside", default=LOOPS, help="what takes all cores in the runs that are to be beside it")
    parser.add_argument("--most", type=int, default=100, help="runs made now, at most")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--resolution", default=AS_INSTALLED, help="what the dependencies are: newest, lowest, ...")
    parser.add_argument("--out", type=Path, default=Path("results/tests"))
    parser.add_argument("tests", nargs="*", default=["tests", "examples"])
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the tests under way end with it
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "runs.jsonl"
    runs = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    for _ in range(given.most):
        done = series(runs, given.resolution)
        if len(done) >= given.runs and sum(run["busy"] for run in done) >= given.busy:
            break
        busy = next_is_busy(done, given.runs, given.busy)
        runs.append(run_suite(given.tests, given.workers, given.beside if busy else "", given.resolution))
        with file.open("a") as lines:
            lines.write(json.dumps(runs[-1]) + "\n")
        (given.out / "README.md").write_text(table(runs, given.resolution))
        if not is_green(runs[-1]):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
