"""What a fresh installation compiles, and which processes have what is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import crysim
from crysim.compiled import is_fresh
from crysim.harness.care import Care, Once, OwnProcesses, carefully
from crysim.harness.compiling import compiling
from crysim.harness.spec import PartSpec
from crysim.interfaces import EnergyModel

CARE = Care(PartSpec("ase:emt"), 1, 120.0)


def process_of(model: EnergyModel) -> int:
    return os.getpid()


@pytest.mark.parametrize("in_one_place", [False, True])
def test_nothing_is_compiled_where_no_machine_code_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_place: bool
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    if in_one_place:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    package = Path(crysim.__file__).parent if in_one_place else tmp_path
    assert is_fresh(package)
    (tmp_path / "crystal").mkdir()
    (tmp_path / "crystal" / "distances.nearest_image-1.py311.nbi").touch()
    assert not is_fresh(package)


@pytest.mark.parametrize(("energy", "packages"), [("ase:emt", {"crysim"}), ("chgnet", {"crysim", "crysim_energies"})])
def test_what_is_compiled_lies_beside_crysim_and_beside_the_model(
    monkeypatch: pytest.MonkeyPatch, energy: str, packages: set[str]
) -> None:
    if energy == "chgnet":
        pytest.importorskip("chgnet", reason="the extra 'chgnet' is not installed")
    looked_at: list[Path] = []
    monkeypatch.setattr("crysim.harness.compiling.is_fresh", lambda folder: bool(looked_at.append(folder)))
    with compiling(PartSpec(energy), wanted=True) as fresh:
        assert not fresh
    assert {folder.name for folder in looked_at} == packages


def test_a_model_that_compiles_nothing_has_it_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crysim.harness.compiling.is_fresh", lambda folder: True)
    with compiling(CARE.energy, wanted=False) as fresh:
        assert not fresh
    with compiling(CARE.energy, wanted=True) as fresh:
        assert fresh


def test_one_task_after_another_is_done_by_the_process_that_has_all_loaded() -> None:
    """Whichever threads of the pool take them."""
    with OwnProcesses(3) as pool:
        first = pool.submit(carefully, Once(process_of), CARE).result(600)
        assert [pool.submit(carefully, Once(process_of), CARE).result(600) for _ in range(5)] == [first] * 5
