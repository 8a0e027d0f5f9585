"""What one iteration of strategy `crysim` costs before its relaxation: training, solving, decoding.

    python benchmarks/iteration.py [--system FORMULA] [--g N] [--vectors N] [--asks N] [--save DATA] [--json FILE]

As many random crystals as are asked for, with their unrelaxed energies, are what the strategy starts with; it then
proposes its next candidate with its default surrogate and solver, a few times over. Seconds are CPU seconds of one
thread, so that other work on the machine does not count; the first time includes reading compiled code.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from solvers import use_cpu_clock

from crysim.composition import Composition
from crysim.interfaces import Encoder, Frame, Problem
from crysim.plugins import plugin_manager
from crysim.strategies.training_set import trains
from crysim.workflows.training_data import TrainingData

PHASES = ("train", "solve", "decode")


def save(path: Path, encoder: Encoder, frames: list[Frame], formula: str) -> None:
    """Write a data set of random crystals, those that a search would not train on left out."""
    trained = trains(np.array([frame.energy for frame in frames]))
    kept = [frame for frame, keep in zip(frames, trained, strict=True) if keep]
    energies = np.array([frame.energy for frame in kept])
    bits = encoder.encode([frame.crystal for frame in kept])
    TrainingData(bits, energies, encoder.groups, formula, np.zeros(len(kept), dtype=np.bool_)).save(path)


def main() -> None:
    """Generate, start, and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", default="Ca24Al16Si24O96", help="formula per cell")
    parser.add_argument("--g", type=int, default=12, help="voxels along an edge")
    parser.add_argument("--vectors", type=int, default=3000)
    parser.add_argument("--energy", default="m3gnet")
    parser.add_argument("--asks", type=int, default=3)
    parser.add_argument("--save", type=Path, help="keep crystals and energies as a data set for surrogates.py (npz)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    use_cpu_clock()
    import torch

    torch.set_num_threads(1)
    manager = plugin_manager()
    encoder = manager.build("encoder", "crysim", {"grid_resolution": args.g})
    strategy = manager.build(
        "strategy",
        "crysim",
        {"protocol": "paper", "num_initial": args.vectors},
        problem=Problem(Composition.from_formula(args.system), seed=0),
        encoder=encoder,
        surrogate=manager.build("surrogate", "fm"),
        solver=manager.build("solver", "annealer"),
    )
    crystals = strategy.initial_crystals()
    energies = manager.build("energy", args.energy).energies(crystals)
    frames = [Frame(c, float(e)) for c, e in zip(crystals, energies, strict=True) if np.isfinite(e)]
    strategy.set_initial(frames)
    if args.save:
        save(args.save, encoder, frames, strategy.problem.composition.formula)
    print(f"{'bits':>6}{'vectors':>9}" + "".join(f"{phase + ' s':>10}" for phase in PHASES) + f"{'sum s':>10}")
    rows = []
    for _ in range(args.asks):
        (candidate,) = strategy.ask(1)
        seconds = {phase: candidate.seconds[phase] for phase in PHASES}
        vectors = candidate.info["fit"]["points"]
        rows.append({"system": args.system, "bits": encoder.num_bits, "vectors": vectors, **seconds})
        print(f"{encoder.num_bits:>6}{vectors:>9}" + "".join(f"{value:>10.2f}" for value in seconds.values()), end="")
        print(f"{sum(seconds.values()):>10.2f}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
