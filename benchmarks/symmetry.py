"""What relaxations gain by leaving the space group of their start, and what that costs: keep, release, polish.

    python benchmarks/symmetry.py [--quick] [--crystals N] [--systems NAME ...] [--modes MODE ...] [--json FILE]

The same random crystals of crysim's generator are relaxed in every mode, on our side in batches. Seconds are CPU
seconds of one thread, so that other work on the machine does not count. ``at the lowest`` is the share of crystals that
end within 5 meV per atom of the lowest energy that any mode found for the system: the chance that one relaxation of a
random search finds it. With --json a run goes on where the file ends.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crysim.composition import Composition
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError
from crysim.interfaces import SYMMETRY_MODES, RelaxSettings
from crysim_energies.m3gnet import M3GNetModel

SYSTEMS = ("Ca4S4", "ScBe5", "Ba3Na3Bi3", "Li4Zr4O8", "Li8Zr4O12", "Y6Co51")
SEED = 40
LOWER = 0.005
"""eV per atom by which an end counts as lower."""
CHUNK = 10
"""Crystals relaxed between two looks at the clock."""

Row = dict[str, Any]


def main() -> None:
    """Run what the options ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="six crystals of two systems: under a minute")
    parser.add_argument("--crystals", type=int, default=40, help="random crystals per system")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), help="formulas")
    parser.add_argument("--modes", nargs="+", default=list(SYMMETRY_MODES), choices=SYMMETRY_MODES)
    parser.add_argument("--json", type=Path, help="where results are kept, and taken up again")
    options = parser.parse_args()
    if options.quick:
        options.systems, options.crystals = ["Ca4S4", "ScBe5"], 6
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model = M3GNetModel()
    # the first relaxations compile the kernels
    warm = RandomGenerator(Composition.from_formula("Na2Cl2")).sample(2, np.random.default_rng(SEED))
    model.relax(warm, RelaxSettings(symmetry="polish"))
    results: dict[str, dict[str, list[Row]]] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    for system in options.systems:
        crystals = RandomGenerator(Composition.from_formula(system)).sample(
            options.crystals, np.random.default_rng(SEED)
        )
        for mode in options.modes:
            rows = results.setdefault(system, {}).setdefault(mode, [])
            while len(rows) < options.crystals:
                chunk = crystals[len(rows) : len(rows) + CHUNK]
                began = time.process_time()
                relaxed = model.relax(chunk, RelaxSettings(symmetry=mode))
                seconds = (time.process_time() - began) / len(chunk)
                rows += [
                    {
                        "energy": None if r.energy is None or r.crystal is None else r.energy / r.crystal.num_atoms,
                        "status": r.status.value,
                        "close": r.crystal is not None and r.crystal.min_distance() < 1.0,
                        "space_groups": [c.space_group, None if r.crystal is None else r.crystal.space_group],
                        "evaluations": r.evaluations,
                        "seconds": seconds,
                    }
                    for c, r in zip(chunk, relaxed, strict=True)
                ]
                if options.json:
                    options.json.write_text(json.dumps(results) + "\n")
    print_table(results)


def print_table(results: dict[str, dict[str, list[Row]]]) -> None:
    """One line for each system and mode."""
    print("| system | mode | crystals | lower than keep | higher | mean gain, meV/atom | at the lowest |", end="")
    print(" converged | failed or too close | evaluations | CPU s | at the lowest per CPU minute |")
    print("|---|---|" + "---:|" * 10)
    for system, modes in results.items():
        sound = {mode: [_sound(row) for row in rows] for mode, rows in modes.items()}
        lowest = min(e for energies in sound.values() for e in energies if e is not None)
        for mode, rows in modes.items():
            pairs = [(a, b) for a, b in zip(sound[mode], sound["keep"], strict=True) if a is not None and b is not None]
            gains = np.array([b - a for a, b in pairs])
            seconds = float(np.mean([row["seconds"] for row in rows]))
            found = float(np.mean([e is not None and e < lowest + LOWER for e in sound[mode]]))
            print(
                f"| {system} | {mode} | {len(rows)} | {np.mean(gains > LOWER):.0%} | {np.mean(gains < -LOWER):.0%} "
                f"| {1000 * gains.mean():.1f} | {found:.0%} | {np.mean([r['status'] == 'relaxed' for r in rows]):.0%} "
                f"| {np.mean([e is None for e in sound[mode]]):.0%} | {np.mean([r['evaluations'] for r in rows]):.0f} "
                f"| {seconds:.3f} | {60 * found / seconds:.1f} |"
            )


def _sound(row: Row) -> float | None:
    """The energy per atom of an end that counts: no failure, and no pair under 1 Å."""
    energy: float | None = row["energy"]
    return None if row["close"] else energy


if __name__ == "__main__":
    try:
        main()
    except CrysimError as error:
        raise SystemExit(f"error: {error}") from None
