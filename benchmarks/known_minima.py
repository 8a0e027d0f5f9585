"""How often a descent at a known minimum's energy and volume is on its way into it: searches in which that is enough.

    python benchmarks/known_minima.py [--types LABEL ...] [--seeds 1] [--seconds 70] [--out FILE]

In searches for structure types the rule by which relaxations end as ``known`` is put to what it was before distances
were compared: same group and combination, energy within 1 meV/atom and volume within 2 %. What it stops is relaxed on
to its end; for each such descent the file has a line: how far it was from the nearest of these minima, in average
distances (`crysim.interfaces.racing.average_distances`), how far its end is, and how much lower. Those nearer than
`REACHED` at their end were on their way, the others were not. A table of what each tolerance keeps and refuses is
printed. Types that are in the file already are not searched again.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from search import read_rows, search_options, type_tasks
from search_runs import Task, batches, warm_up

from crysim.harness.loop import limit_threads
from crysim.harness.spec import PartSpec, build_energy
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, KnownMinimum, Trial, TrialStatus, racing

TYPES = ("K3AsS4 33", "CuSbS2 62", "Ba2YCu3O7 47", "Cu3AsS4 31", "CaTiO3 62", "Fe7W6 166")
REACHED = 0.1
"""Å."""
TOLERANCES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.5)

Row = dict[str, Any]


def main() -> None:
    """Search what is not in the file yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", nargs="+", default=list(TYPES))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--seconds", type=float, default=70.0, help="CPU seconds of each search")
    parser.add_argument("--out", type=Path, default=Path("results/prior/known.jsonl"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    done = read_rows(options.out)
    model = build_energy(PartSpec("m3gnet"))
    arguments = ["--types", *options.types, "--seeds", options.seeds, "--batch", "16", "--methods", "portfolio"]
    racing.SAME_PLACES = float("inf")
    for task in type_tasks(search_options(arguments), model):
        searched = {"type": task.key["system"], "seed": task.key["seed"]}
        if any(row | searched == row for row in done):
            continue
        warm_up(task.specs[0], model)
        found = [{**searched, **row} for row in stopped(task, model, options.seconds)]
        done += found
        with options.out.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in found)
    print(table(done))


def stopped(task: Task, model: EnergyModel, seconds: float) -> Iterator[Row]:
    """What a search stops as known, and where it would have ended."""
    (spec,) = task.specs
    for _, batch in batches(replace(spec, budget_seconds=seconds), model):
        for trial in batch:
            here, stop = trial.crystal, trial.candidate.stop
            known = trial.status is TrialStatus.KNOWN and trial.candidate.blend is None
            if not known or here is None or trial.energy is None or stop is None:
                continue
            # with room for what it was still to fall
            atoms, room = here.num_atoms, 2 * racing.SAME_ENERGY
            near = stop.near(here, trial.energy / atoms, here.volume / atoms, within=room)
            (end,) = relax_candidates([Candidate(here)], model, spec, 0, spec.system)
            if near and end.crystal is not None and end.energy is not None:
                yield compared(trial, end, near)


def compared(trial: Trial, end: Trial, near: list[KnownMinimum]) -> Row:
    """A line of the file."""
    assert trial.crystal is not None
    assert end.crystal is not None
    assert end.energy is not None
    here, there = (racing.average_distances(one) for one in (trial.crystal, end.crystal))
    nearest = min(near, key=lambda one: float(np.abs(here - one.distances).max()))
    return {
        "trial": trial.number,
        "sites": len(trial.crystal.sites),
        "free": trial.crystal.num_free_coordinates,
        "apart": round(float(np.abs(here - nearest.distances).max()), 4),
        "end_apart": round(float(np.abs(there - nearest.distances).max()), 4),
        "end_lower": round(1000 * (nearest.energy - end.energy / end.crystal.num_atoms), 2),
        "evaluations": [trial.evaluations, end.evaluations],
    }


def table(rows: list[Row]) -> str:
    """How many were on their way, and what each tolerance makes of them."""
    on_the_way = [row["apart"] for row in rows if row["end_apart"] < REACHED]
    others = [row for row in rows if row["end_apart"] >= REACHED]
    lower = sum(row["end_lower"] > 1 for row in others)
    lines = [
        f"{len(rows)} descents at a known energy and volume: {len(on_the_way)} end in it, {len(others)} do not",
        f"of these {lower} end lower by more than 1 meV/atom, {max(row['end_lower'] for row in others):.1f} at most",
        "| tolerance, Å | kept of those on their way | of the others |",
        "|---:|---:|---:|",
    ]
    for most in TOLERANCES:
        kept = sum(apart < most for apart in on_the_way)
        lines.append(f"| {most} | {kept} | {sum(row['apart'] < most for row in others)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
