"""kill -9 at random moments of a real run, and the same command again until it is done: the trials stay the same.

The short version runs with all tests; ``pytest -m slow tests/harness/test_kill.py`` kills twenty times.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.prepared import start_command

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
TrialsOf = Callable[[Path], list[dict[str, Any]]]
ENERGY = os.environ.get("CRYSIM_KILL_ENERGY", "ase:emt")
SYSTEM = os.environ.get("CRYSIM_KILL_SYSTEM", "Al2Cu2")


def command(out: Path, budget: int) -> list[str]:
    options = ["--system", SYSTEM, "--method", "crysim", "--energy", ENERGY, "--budget", str(budget), "--out", str(out)]
    options += [
        "--option",
        "num_initial=200",
        "--option",
        "candidates_per_solve=2",
        "--batch",
        "2",
        "--space-groups",
        "120-140,221-225",
    ]
    options += [
        "--surrogate-option",
        "max_epoch=30",
        "--surrogate-option",
        "warm_start=true",
        "--encoder-option",
        "grid_resolution=5",
    ]
    return ["bench", *options, "--max-steps", "25", "--solver-option", "sweeps=30"]


def run(arguments: Sequence[str]) -> None:
    process = start_command(arguments)
    process.join()
    assert process.exitcode == 0


def size(out: Path) -> int:
    return sum(path.stat().st_size for path in out.rglob("*.jsonl") if path.name != "sittings.jsonl")


def kill_while_it_works(arguments: Sequence[str], out: Path, rng: np.random.Generator) -> bool:
    """Start, wait until something was written, wait a little more, kill; whether it was killed and not done."""
    before = size(out)
    process = start_command(arguments)
    assert process.pid is not None
    while process.is_alive() and size(out) <= before:
        time.sleep(0.01)
    process.join(rng.uniform(0.0, 0.6))
    if not process.is_alive():
        return False
    if rng.random() < 0.5:
        os.killpg(process.pid, signal.SIGKILL)
    else:  # the parent alone: its worker must not go on by itself
        process.kill()
    process.join()
    return True


@pytest.mark.parametrize(
    ("kills", "budget"), [(3, 12), pytest.param(20, 80, marks=pytest.mark.slow)], ids=["short", "twenty"]
)
def test_a_run_killed_at_random_moments_gives_the_trials_of_an_undisturbed_one(
    tmp_path: Path, trials_of: TrialsOf, kills: int, budget: int
) -> None:
    folder = Path(SYSTEM, "crysim", "seed-0")
    run(command(tmp_path / "undisturbed", budget))
    undisturbed = trials_of(tmp_path / "undisturbed" / folder)
    assert len(undisturbed) == budget
    rng = np.random.default_rng(kills)
    done, runs = 0, 0
    while done < kills:  # a fast machine ends a run before it is killed so often; then another is begun
        runs += 1
        out = tmp_path / f"killed-{runs}"
        arguments = command(out, budget)
        while done < kills and kill_while_it_works(arguments, out, rng):
            done += 1
        run(arguments)
        assert trials_of(out / folder) == undisturbed
