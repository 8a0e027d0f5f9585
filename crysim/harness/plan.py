"""Which runs a command is to do, written down beside them, so that another terminal can tell what waits."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from crysim.errors import InputError
from crysim.harness.lines import write_atomically
from crysim.harness.spec import RunSpec
from crysim.regular_files import read_json

PLAN = "plan.json"


class HasRun(Protocol):
    """A run and its folder (`crysim.harness.executors.Job`)."""

    @property
    def spec(self) -> RunSpec:
        """The run."""

    @property
    def folder(self) -> Path:
        """Where it is written."""


@dataclass(frozen=True)
class Planned:
    """A run that a command is to do.

    Attributes:
        folder: of the run.
        system, method, seed, budget: of the run.
    """

    folder: Path
    system: str
    method: str
    seed: int
    budget: int


def write_plan(out: Path, jobs: Sequence[HasRun], workers: int) -> None:
    """Write the runs of a command into the folder of its results, if that can be written."""
    runs = [
        {
            "folder": os.path.relpath(job.folder, out),
            "system": job.spec.system.name,
            "method": job.spec.method,
            "seed": job.spec.seed,
            "budget": job.spec.budget,
        }
        for job in jobs
    ]
    with suppress(OSError):  # nothing depends on it
        write_atomically(out / PLAN, (json.dumps({"workers": workers, "runs": runs}, indent=1) + "\n").encode())


def read_plan(out: Path) -> tuple[list[Planned], int]:
    """The runs of the last command, and its workers; none and 1 if it left no plan that can be read."""
    path = out / PLAN
    if not path.exists():
        return [], 1
    try:
        plan = read_json(path, "the plan")
        runs = [
            Planned(out / str(r["folder"]), str(r["system"]), str(r["method"]), int(r["seed"]), int(r["budget"]))
            for r in plan["runs"]
        ]
        return runs, max(1, int(plan["workers"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: delete it, it is made anew") from error
