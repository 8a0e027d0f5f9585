"""Each break of a promise is an edit that can still be made, and its test catches it.

``pytest -m slow tests/docs/test_promise_mutants.py`` makes them one by one in a copy of the sources, and takes minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.docs.promise_mutants import BREAKS, Break

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.md"
SOURCES = ("crysim", "baselines", "plugins", "tests", "examples")
PACKAGES = (
    "",
    "baselines",
    *(f"plugins/{kind}" for kind in ("encoders", "energies", "executors", "solvers", "surrogates")),
)
INTERRUPTED = 2
FAILED = 1
"""What pytest ends with where tests failed; with more, where there was none or it could not run."""


def name(one: Break) -> str:
    return f"{one.promise}-{one.fault}".replace(" ", "-")


@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_the_edit_can_be_made(one: Break) -> None:
    assert (ROOT / one.file).read_text(encoding="utf-8").count(one.old) == 1
    assert one.new != one.old
    assert (ROOT / "tests" / one.test[0]).exists()


def test_the_page_lists_every_break() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for number in sorted({one.promise for one in BREAKS}):
        row = re.search(rf"^\| {number} \| (\d+) \| (.*) \|$", page, re.MULTILINE)
        assert row is not None, number
        faults = [one.fault for one in BREAKS if one.promise == number]
        assert row[2].split("; ") == faults
        assert int(row[1]) == len(faults)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, with what is compiled of them."""
    folder = tmp_path_factory.mktemp("broken")
    for part in SOURCES:
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def run_tests(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    paths = [str(folder / package) for package in PACKAGES]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--timeout=120", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_it_is_caught(copy: Path, one: Break) -> None:
    file, (test, some) = copy / one.file, one.test
    good = file.read_text(encoding="utf-8")
    stamp = file.stat()
    file.write_text(good.replace(one.old, one.new), encoding="utf-8")
    try:
        done = run_tests(copy, [f"tests/{test}", *(["-k", some] if some else [])])
    finally:
        file.write_text(good, encoding="utf-8")
        os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # else what is compiled of it would be made anew
    interrupted = done.returncode == INTERRUPTED and "KeyboardInterrupt" in done.stdout
    assert done.returncode == FAILED or interrupted, done.stdout[-2000:]
