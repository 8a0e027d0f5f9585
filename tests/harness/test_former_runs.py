"""Folders of runs that were written before names changed are read, and gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crysim.errors import InputError
from crysim.harness.journal import JOURNAL, MANIFEST, read_run
from crysim.harness.loop import execute
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]


def rename(table: dict[str, Any], new: str, old: str) -> None:
    table[old] = table.pop(new)


@pytest.fixture
def former(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> tuple[Path, Path]:
    """A complete run, and the same one half-way in the names of the first release."""
    whole, half = tmp_path / "whole", tmp_path / "half"
    execute(make_spec("crysim"), whole, emt)
    shutil.copytree(whole, half)
    lines = (half / JOURNAL).read_text().splitlines(keepends=True)
    (half / JOURNAL).write_text("".join(lines[:4]))
    manifest = json.loads((half / MANIFEST).read_text())
    config = manifest["config"]
    rename(config, "min_relaxed_distance", "too_close")
    rename(config["strategy"]["options"], "exploration_weight", "explore")
    rename(config["strategy"]["options"], "candidates_per_solve", "batch")
    rename(config["parts"]["encoder"]["options"], "grid_resolution", "g")
    (half / MANIFEST).write_text(json.dumps(manifest, indent=2))
    return whole, half


def test_a_former_run_is_read_in_the_names_of_today(former: tuple[Path, Path]) -> None:
    whole, half = former
    record = read_run(half)
    assert record.config == read_run(whole).config
    assert record.config["parts"]["encoder"]["options"]["grid_resolution"] == 4
    assert len(record.trials) == 4


def test_a_former_run_goes_on_to_the_same_trials(
    former: tuple[Path, Path], make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    whole, half = former
    before = (half / MANIFEST).read_bytes()
    execute(make_spec("crysim"), half, emt)
    assert trials_of(half) == trials_of(whole)
    assert (half / MANIFEST).read_bytes() == before


def test_a_former_run_of_another_configuration_is_refused_in_the_names_of_today(
    former: tuple[Path, Path], make_spec: Make, emt: EnergyModel
) -> None:
    _, half = former
    with pytest.raises(InputError, match=r"config\.min_relaxed_distance was 1\.0 and is now 0\.9"):
        execute(make_spec("crysim", min_relaxed_distance=0.9), half, emt)


def test_a_run_of_a_plugin_that_is_not_installed_is_read_as_it_is(former: tuple[Path, Path]) -> None:
    _, half = former
    manifest = json.loads((half / MANIFEST).read_text())
    manifest["config"]["parts"]["encoder"]["name"] = "gone"
    (half / MANIFEST).write_text(json.dumps(manifest))
    assert read_run(half).config["parts"]["encoder"] == manifest["config"]["parts"]["encoder"]


def test_a_specification_by_old_names_is_the_same_run(make_spec: Make) -> None:
    spec = make_spec("crysim")
    options = {"protocol": "paper", "num_initial": 60, "batch": 2, "choice": "distance"}
    parts = {**spec.parts, "encoder": PartSpec("crysim", {"g": 4})}
    old = make_spec("crysim", strategy=PartSpec("crysim", {**options, "explore": 0.03}), parts=parts)
    assert old.config() == spec.config()
