"""A run of strategy crysim under its own protocol goes on to the same trials, racing and warm starts included."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crysim.harness.journal import STATE
from crysim.harness.loop import execute
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel

Make = Callable[..., RunSpec]
OPTIONS = {"num_initial": 30, "candidates_per_solve": 2, "answer_share": 0.5, "solve_every": 2}


def test_a_run_stopped_after_each_batch_goes_on_to_the_same_trials(
    make_spec: Make,
    emt: EnergyModel,
    tmp_path: Path,
    trials_of: Callable[[Path], list[dict[str, Any]]],
    execute_until: Callable[[int, RunSpec, Path, EnergyModel], None],
) -> None:
    """With the state as it was left, with that of the batch before, and without any."""
    spec = make_spec("crysim", strategy=PartSpec("crysim", OPTIONS), batch=2, budget=8)
    whole, folder = tmp_path / "whole", tmp_path / "run"
    execute(spec, whole, emt)
    origins = [trial["info"]["origin"] for trial in trials_of(whole)]
    assert {"answer", "prior"} <= set(origins)
    before: bytes | None = None
    for stop in (2, 4, 6):
        execute_until(stop, spec, folder, emt)
        shutil.copytree(folder, tmp_path / f"stopped-{stop}")
        now = (folder / STATE).read_bytes()
        if before is not None:
            (folder / STATE).write_bytes(before)
        before = now
    (tmp_path / "stopped-4" / STATE).unlink()
    for each in (folder, tmp_path / "stopped-2", tmp_path / "stopped-4"):
        execute(spec, each, emt)
        assert trials_of(each) == trials_of(whole)
