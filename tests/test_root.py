"""What a person starts with, at the root of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import crysim

VERBS = ("search", "bench", "relax", "read_runs")


@pytest.mark.parametrize("name", crysim.__all__)
def test_everything_at_the_root_is_there(name: str) -> None:
    assert getattr(crysim, name) is not None


@pytest.mark.parametrize("first", VERBS)
def test_the_verbs_are_functions_whichever_is_asked_for_first(first: str) -> None:
    script = f"import crysim\ncrysim.{first}\nassert all(callable(getattr(crysim, name)) for name in {VERBS})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
