"""What a fresh installation compiles, and which processes have what is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crysim.compiled import is_fresh
from crysim.harness.care import Care, Once, OwnProcesses, carefully
from crysim.harness.compiling import compiling
from crysim.harness.spec import PartSpec
from crysim.interfaces import EnergyModel

CARE = Care(PartSpec("ase:emt"), 1, 120.0)


def process_of(model: EnergyModel) -> int:
    return os.getpid()


def test_nothing_is_compiled_where_no_machine_code_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert is_fresh()
    (tmp_path / "crystal").mkdir()
    (tmp_path / "crystal" / "distances.nearest_image-1.py311.nbi").touch()
    assert not is_fresh()


def test_a_model_that_compiles_nothing_has_it_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crysim.harness.compiling.is_fresh", lambda: True)
    with compiling(CARE.energy, wanted=False) as fresh:
        assert not fresh
    with compiling(CARE.energy, wanted=True) as fresh:
        assert fresh


def test_one_task_after_another_is_done_by_the_process_that_has_all_loaded() -> None:
    """Whichever threads of the pool take them."""
    with OwnProcesses(3) as pool:
        first = pool.submit(carefully, Once(process_of), CARE).result(600)
        assert [pool.submit(carefully, Once(process_of), CARE).result(600) for _ in range(5)] == [first] * 5
