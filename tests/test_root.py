"""What a person starts with, at the root of the package."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import crysim


@pytest.mark.parametrize(
    "before", ["", "crysim.search", "import crysim.bench.settings", "from crysim.bench import spec"]
)
def test_bench_can_be_called_whatever_was_imported_before(before: str) -> None:
    script = f"import crysim\n{before}\nimport crysim.bench.loop as loop\ncrysim.bench(budget=0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert "InputError: budget is 0" in done.stderr


def test_the_signature_of_bench_is_that_of_the_function() -> None:
    assert list(inspect.signature(crysim.bench).parameters)[:2] == ["systems", "methods"]


@pytest.mark.parametrize("name", crysim.__all__)
def test_everything_at_the_root_is_there(name: str) -> None:
    assert getattr(crysim, name) is not None
