"""How soon a known crystal turns up among crystals that settle in a learned potential, before it is ever relaxed.

    python benchmarks/combinations.py "CaO5SiTi 15" "K2S2O5 11" ... [--relaxations 304] [--seconds 25] [--out FOLDER]

A search of each structure type teaches the potential (`crysim_baselines.potential`). In it the known crystal's own
Wyckoff combination is placed at random, and pools are drawn in its own space group, as strategy ``portfolio`` draws
them: 24 random crystals that settle, the same with the lowest combinations placed again, and 12 that are annealed.
Counted are the pools among whose six lowest crystals is the known one, brought to its volume. Each type is one line of
combinations.jsonl in the folder, and is not done again; the table is combinations.md.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from search import read_rows, search_options, type_tasks
from search_runs import Row, Task, batches, per_atom

from crysim.crystal.packing import scaled
from crysim.harness.loop import limit_threads
from crysim.harness.spec import PartSpec, build_energy
from crysim.interfaces import EnergyModel, Problem, Stream, derive_rng
from crysim_baselines.portfolio.drafts import PRIOR, ArmDraft, Filling
from crysim_baselines.portfolio.minima import Minima, Minimum
from crysim_baselines.portfolio.settled import FIRST_STEPS, LEFT, PLACEMENTS, STEPS, KnownLows, SettledDraft
from crysim_baselines.potential import Learning, PairPotential, Settled

SAME = 0.002
"""eV per atom, in the potential, of the known crystal."""
FAR = 0.3
"""eV per atom above the known crystal: what lies higher after its first steps is not looked at."""
PLACED = 1000
"""Placements of the known crystal's own combination."""
POOLS: dict[str, tuple[int, bool, int]] = {
    "settled": (24, False, 0),
    "placed again": (24, False, PLACEMENTS),
    "annealed": (12, True, 0),
}
"""Crystals drawn for a pool, whether they are annealed, and how often its lowest combinations are placed again."""


class Truth:
    """A known crystal in a learned potential."""

    def __init__(self, task: Task, model: EnergyModel, relaxations: int) -> None:
        """Learn the potential from so many relaxations of a search."""
        self.crystal = task.reference
        spec = task.specs[0]
        learning, self.minima = Learning(spec.system.composition), Minima()
        for _, batch in batches(spec, model, relaxations):
            for trial in batch:
                learning.tell(trial)
                energy = per_atom(trial)
                if energy is not None and trial.crystal is not None:
                    self.minima.add(Minimum(energy, trial.number, trial.crystal))
        assert learning.potential is not None
        self.potential: PairPotential = learning.potential
        self.filling = Filling.of(Problem(spec.system, 0, space_groups=(self.crystal.space_group,)))
        settled = self.potential.settle(self.crystal, STEPS)
        assert settled is not None
        self.energy = settled.energy

    def is_hit(self, begun: Settled) -> bool:
        """Whether a crystal that has begun to settle ends in the known one, at its volume."""
        if begun.energy > self.energy + FAR:
            return False
        end = self.potential.settle(begun, STEPS)
        if end is None or end.crystal is None:
            return False
        ratio = self.crystal.volume / self.crystal.num_atoms * end.crystal.num_atoms / end.crystal.volume
        at_volume = self.potential.settle(scaled(end.crystal, ratio ** (1 / 3)), STEPS)
        return at_volume is not None and abs(at_volume.energy - self.energy) < SAME

    def own_combination(self) -> Row:
        """How often random placements of its own combination end in it, and how often a prior draws that."""
        crystal, filling = self.crystal, self.filling
        rng, placed, hits = derive_rng(0, "placements"), 0, 0
        for _ in range(PLACED):
            volume = filling.volume(self.minima.lows.draw(rng), rng)
            assert volume is not None
            start = filling.prior.generator.place(crystal.space_group, crystal.combination, volume, rng)
            begun = None if start is None else self.potential.settle(start, FIRST_STEPS)
            placed += start is not None
            hits += begun is not None and self.is_hit(begun)
        priors = (filling.prior, filling.few_sites)
        chance = np.mean([p.generator.prior.probability(crystal.space_group, crystal.combination) for p in priors])
        return {"placed": placed, "hits": hits, "probability_in_group": float(chance)}

    def pools(self, size: int, anneals: bool, placements: int, seconds: float) -> Row:
        """Pools, and those with the known crystal among their lowest, in so many CPU seconds."""
        number = hits = 0
        spent = 0.0
        while spent < seconds:
            rng = derive_rng(0, "pool", number)
            streams = [Stream.of(np.random.default_rng(rng.integers(2**63))) for _ in range(size)]
            drafts = tuple(ArmDraft(self.filling, PRIOR, None, self.minima.lows, stream) for stream in streams)
            draft = SettledDraft(drafts, Stream.of(rng), self.potential, KnownLows.of([]), anneals, placements)
            began = time.process_time()
            begun = draft.begin()
            spent += (time.process_time() - began) * (number > 0)  # the first one compiles
            hits += any(self.is_hit(one) for one, _ in begun[:LEFT])
            number += 1
        return {"pools": number, "hits": hits, "cpu_seconds": round(spent, 2)}


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", nargs="+", help="AFLOW structure types, by their primitive contents")
    parser.add_argument("--relaxations", type=int, default=304, help="that the potential is learned from")
    parser.add_argument("--seconds", type=float, default=25.0, help="CPU seconds for the pools of each kind")
    parser.add_argument("--out", type=Path, default=Path("results/search/combinations"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    model = build_energy(PartSpec("m3gnet"))
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "combinations.jsonl"
    rows = read_rows(file)
    wanted = [one for one in options.types if one not in {row["type"] for row in rows}]
    named = ["--methods", "portfolio", "--batch", "16", "--types", *wanted]
    for task in type_tasks(search_options(named), model) if wanted else ():
        truth = Truth(task, model, options.relaxations)
        pools = {name: truth.pools(*kind, options.seconds) for name, kind in POOLS.items()}
        own = truth.own_combination()
        rows.append(
            {"type": task.key["system"], "relaxations": options.relaxations, "combination": own, "pools": pools}
        )
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(rows[-1]) + "\n")
        print(rows[-1], flush=True)
    file.with_suffix(".md").write_text(table(rows), encoding="utf-8")


def table(rows: Iterable[Row]) -> str:
    """Markdown, a line for each type."""
    lines = [
        "| type | own combination: drawn in its group | placements that end in it | " + " | ".join(POOLS) + " |",
        "|---|---:|---:|" + "---:|" * len(POOLS),
    ]
    for row in rows:
        own = row["combination"]
        rates = [f"{100 * one['hits'] / one['cpu_seconds']:.0f} ({one['hits']})" for one in row["pools"].values()]
        lines.append(
            f"| {row['type']} | 1 of {1 / own['probability_in_group']:,.0f} | {own['hits']} of {own['placed']} | "
            + " | ".join(rates)
            + " |"
        )
    lines += ["", "- pools with the known crystal among their six lowest, in 100 CPU seconds (how many were counted)"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
