"""An evaluation by a network written out for a CPU against the same network in torch: the same crystals, by turns.

    python benchmarks/networks.py [--networks m3gnet chgnet] [--rounds 9] [--out results/relaxation/networks.json]

Random crystals of each system, relaxed for five steps, are evaluated (energies and gradients in the free parameters) in
batches of several sizes. Both sides take turns, round after round; what counts is the ratio of their medians, and
their errors against torch in float64. Seconds are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.harness.loop import limit_threads
from crysim.harness.spec import PartSpec, build_energy
from crysim.interfaces import RelaxSettings
from crysim_energies.quotient.cpu.twin import on_cpu
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.networks.chgnet import QuotientCHGNet
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet
from crysim_energies.quotient.networks.network import QuotientNetwork, list_bonds
from crysim_energies.quotient.relaxation.batch import Batch
from crysim_energies.quotient.relaxation.cpu_batch import CpuBatch
from crysim_energies.quotient.relaxation.evaluation import Evaluation

SYSTEMS = ("Ca4S4", "Ti4O8", "Ba3Na3Bi3", "Ca24Al16Si24O96")
SIZES = (1, 4, 16, 32)
SKIN = 0.5
SEED = 11


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=("m3gnet", "chgnet"), default=["m3gnet", "chgnet"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path("results/relaxation/networks.json"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    rows = []
    for name in options.networks:
        for system in SYSTEMS:
            rows += measured(name, system, options.rounds)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def measured(name: str, system: str, rounds: int) -> list[dict[str, Any]]:
    """A row for each size of the batches."""
    model: Any = build_energy(PartSpec(name))
    single: QuotientNetwork = model.quotient
    double = (
        QuotientM3GNet(model.potential, torch.float64)
        if name == "m3gnet"
        else QuotientCHGNet(model.network, torch.float64)
    )
    twin = on_cpu(single)
    assert twin is not None
    crystals = _crystals(model, system, max(SIZES))
    rows = []
    for size in SIZES:
        units = [AsymmetricUnit(crystal, single.max_l) for crystal in crystals[:size]]
        starts = [unit.start() for unit in units]
        bonds = [list_bonds(single, unit, start, SKIN) for unit, start in zip(units, starts, strict=True)]
        exact = Batch(double, units, bonds).evaluate(starts)
        sides = {"torch": Batch(single, units, bonds), "written out": CpuBatch(single, twin, units, bonds)}
        found = {side: batch.evaluate(starts) for side, batch in sides.items()}
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, batch in sides.items():
                began = time.process_time()
                for _ in range(4):
                    batch.evaluate(starts)
                seconds[side].append((time.process_time() - began) / 4)
        medians = {side: float(np.median(values)) for side, values in seconds.items()}
        row = {
            "network": name,
            "system": system,
            "crystals": size,
            "bonds": sum(len(b.center) for b in bonds),
            "milliseconds": {side: round(1000 * value, 2) for side, value in medians.items()},
            "ratio": round(medians["torch"] / medians["written out"], 2),
            "errors": {side: _errors(result, exact, units) for side, result in found.items()},
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def _crystals(model: Any, system: str, count: int) -> list[Crystal]:
    rng = np.random.default_rng(SEED)
    drawn = RandomGenerator(Composition.from_formula(system)).sample(count, rng)
    relaxed = model.relax(drawn, RelaxSettings(symmetry="keep", max_steps=5, num_frames=0))
    return [one.crystal or start for one, start in zip(relaxed, drawn, strict=True)]


def _errors(result: Evaluation, exact: Evaluation, units: Sequence[AsymmetricUnit]) -> dict[str, float]:
    """Root mean squares: of energies, µeV/atom, and of the gradients relative to each crystal's largest."""
    atoms = np.array([unit.crystal.num_atoms for unit in units])
    energies = (result.energies - exact.energies) / atoms
    gradients = [
        np.abs(a - b).max() / max(np.abs(b).max(), 1e-3) for a, b in zip(result.gradients, exact.gradients, strict=True)
    ]
    return {
        "energy": round(float(1e6 * np.sqrt(np.mean(energies**2))), 3),
        "gradient": float(f"{np.sqrt(np.mean(np.square(gradients))):.2g}"),
    }


if __name__ == "__main__":
    main()
