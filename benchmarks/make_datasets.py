"""Data sets for the benchmarks of surrogates and solvers: real encoded crystals with M3GNet energies.

    python benchmarks/make_datasets.py --system Ca4S4 --random 1000 --relaxed 130

writes benchmarks/data/Ca4S4-g12.npz (`crysim.workflows.training_data.TrainingData`); with several --system, one file
each.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from crysim.composition import Composition
from crysim.interfaces import RelaxSettings
from crysim.plugins import plugin_manager
from crysim.workflows.training_data import generate_training_data

FOLDER = Path(__file__).parent / "data"


def on_progress(what: str, done: int, total: int) -> None:
    print(f"\r{what} {done}/{total}   ", end="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", action="append", required=True, help="formula per cell; may be repeated")
    parser.add_argument("--g", type=int, default=12, help="voxels along an edge (default 12)")
    parser.add_argument("--energy", default="m3gnet")
    parser.add_argument("--random", type=int, default=1000, help="random crystals with unrelaxed energies")
    parser.add_argument("--relaxed", type=int, default=0, help="random crystals relaxed, up to 30 frames of each")
    parser.add_argument("--max-steps", type=int, default=500, help="of a relaxation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    model = plugin_manager().build("energy", args.energy)
    for formula in args.system:
        started = time.perf_counter()
        data = generate_training_data(
            Composition.from_formula(formula),
            plugin_manager().build("encoder", "crysim", {"grid_resolution": args.g}),
            model,
            np.random.default_rng(args.seed),
            num_random=args.random,
            num_relaxed=args.relaxed,
            relax=RelaxSettings(max_steps=args.max_steps),
            on_progress=on_progress,
        )
        path = args.out / f"{data.formula}-g{args.g}.npz"
        data.save(path)
        n, m = data.bits.shape
        print(
            f"\r{path}: {n} vectors ({int(data.is_frame.sum())} frames) of {m} bits, "
            f"{data.bits.sum() / n:.1f} ones each, {data.energies.min():.2f} to {data.energies.max():.2f} eV, "
            f"{time.perf_counter() - started:.0f} s"
        )


if __name__ == "__main__":
    main()
