"""What the relaxations of the paper's missing tables cost on one core: CPU seconds, on a few random crystals of each.

    python benchmarks/paper_cost.py --json FILE [--crystals N] [--initial N] [--systems NAME ...]

For each system: the mean of the unrelaxed energies that `crysim` begins with, then crystals of strategy ``random``,
symmetry kept, at most 500 steps: raced against the best energy that the paper knows, which is the least that racing can
cost, and to their end. CPU seconds of one thread; the first row of a system carries compilation. With --json it goes on
where the file ends.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.harness.systems import builtin_systems
from crysim.interfaces import RelaxSettings, StopRule, derive_rng
from crysim_energies.m3gnet import M3GNetModel

SYSTEMS = ("Y6Co51", "Li3Ti3Se6O3", "Ca24Al16Si24O96", "Si96O192")
KEEP = RelaxSettings(symmetry="keep")


def main() -> None:
    """Measure what the file does not have, the cheapest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--crystals", type=int, default=3)
    parser.add_argument("--initial", type=int, default=16)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = M3GNetModel()
    rows: list[dict[str, Any]] = json.loads(options.json.read_text()) if options.json.exists() else []
    done = {(row["system"], row["what"], row["number"]) for row in rows}

    def keep(row: dict[str, Any]) -> None:
        rows.append(row)
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
        print(row, flush=True)

    for raced in (True, False):
        for name in options.systems:
            generator = RandomGenerator(builtin_systems()[name].composition)
            if (name, "initial", 0) not in done and raced:
                crystals = generator.sample(options.initial, derive_rng(0, "initial"))
                model.energies(crystals[:2])
                began = time.process_time()
                model.energies(crystals)
                each = (time.process_time() - began) / len(crystals)
                keep({"system": name, "what": "initial", "number": 0, "cpu_seconds": round(each, 4)})
            for number in range(options.crystals):
                what = "raced" if raced else "to the end"
                if (name, what, number) not in done:
                    crystal = generator.sample(1, derive_rng(0, "random", number))[0]
                    keep({"system": name, "what": what, "number": number, **_cost(model, crystal, name, raced=raced)})


def _cost(model: M3GNetModel, crystal: Crystal, name: str, *, raced: bool) -> dict[str, Any]:
    system = builtin_systems()[name]
    assert system.paper_energy is not None
    stop = StopRule(best=system.paper_energy / system.contents.num_atoms) if raced else None
    began = time.process_time()
    (end,) = model.race([crystal], KEEP, [stop])
    return {
        "group": crystal.space_group,
        "free_coordinates": crystal.num_free_coordinates,
        "status": str(end.status),
        "evaluations": end.evaluations,
        "cpu_seconds": round(time.process_time() - began, 2),
    }


if __name__ == "__main__":
    main()
