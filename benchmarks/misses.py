"""Whether a known crystal is reached from its own space group and Wyckoff combination, and how often that is drawn.

    python benchmarks/misses.py [--formulas F ...] [--draws 32] [--out results/search/misses.jsonl]
    python benchmarks/misses.py --table         # only the table of what there is, misses.md beside it

For a search that missed one of the forty crystals. A search needs, on average, one over the product of two numbers:

- draws: 1 / the probability that strategy ``portfolio``'s prior draws the truth's own space group and combination, in
  cells of the truth's number of formula units;
- hits: of random placements of that combination at the truth's volume, relaxed whole and, from the same start, raced
  against the truth itself (so that only what can win is followed), those that end in the strict match.

Combinations that describe the same crystal with another origin, and the truth's subgroups, count as others, so the real
need is less. Each crystal is one line of a JSON file, and is not done again.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

from crysim.analysis.forty import forty_crystals
from crysim.composition import Contents
from crysim.crystal import Crystal, MinDistances
from crysim.crystal.matching import ReferenceMatcher
from crysim.crystal.prior import SITE_PRICE, Prior, PriorGenerator
from crysim.harness.loop import limit_threads
from crysim.harness.spec import PartSpec, RunSettings, build_energy
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, RelaxSettings, StopRule, derive_rng
from crysim_baselines.portfolio.drafts import PRICE_OF_MANY

Row = dict[str, Any]
SETTINGS = RunSettings(relax=RelaxSettings(symmetry="keep", num_frames=1))
BATCH = 16


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formulas", nargs="+", help="of the forty; default: all")
    parser.add_argument("--draws", type=int, default=32, help="placements of the truth's combination")
    parser.add_argument("--energy", default="m3gnet")
    parser.add_argument("--out", type=Path, default=Path("results/search/misses.jsonl"))
    parser.add_argument("--table", action="store_true", help="measure nothing")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    rows: list[Row] = []
    if options.out.exists():
        rows = [json.loads(line) for line in options.out.read_text().splitlines()]
    done = {row["formula"] for row in rows}
    truths = forty_crystals()
    if not options.table:
        model = build_energy(PartSpec(options.energy))
        for formula in options.formulas or truths:
            if formula not in done:
                rows.append({"formula": formula, **measure(truths[formula].crystal, model, options.draws)})
                with options.out.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(rows[-1]) + "\n")
                print(rows[-1], flush=True)
    options.out.with_suffix(".md").write_text(table([row for row in rows if row["formula"] in truths]))


def table(rows: list[Row]) -> str:
    """Markdown, smallest cells first."""
    lines = [
        "| formula | atoms | group | free | draws | whole: hits | evaluations | lowest | raced: hits | evaluations |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in sorted(rows, key=lambda one: one["atoms"]):
        whole, raced, placed = row["whole"], row["raced"], row["placed"]
        draws = f"10^{log10(row['draws']):.1f}" if row["draws"] else "never"
        lowest = f"{whole['above'][0]:+.1f}" if whole["above"] else ""
        lines.append(
            f"| {row['formula']} | {row['atoms']} | {row['space_group']} | {row['free']} | {draws} "
            f"| {whole['hits']} of {placed} | {whole['evaluations']} | {lowest} "
            f"| {raced['hits']} | {raced['evaluations']} |"
        )
    lines += [
        "",
        "- draws: from portfolio's two priors until the truth's group and combination come up, at its number of units",
        "- hits: of placements of the truth's own combination, at its volume, those that relax into it; raced: against "
        "the truth's energy",
        "- lowest: end of the whole relaxations, meV/atom above the truth",
    ]
    return "\n".join(lines) + "\n"


def measure(truth: Crystal, model: EnergyModel, draws: int) -> Row:
    """How often a prior draws the truth's combination, and how often placements of it end in the truth."""
    began = time.process_time()
    contents = truth.primitive_contents
    prior = Prior(contents, price_of_many=PRICE_OF_MANY)
    energy = float(model.energies([truth])[0]) / truth.num_atoms
    generator = PriorGenerator(prior, MinDistances(contents.composition, 0.0))
    volume = truth.volume / truth.centring_factor
    rng = derive_rng(0, "misses", contents.formula)
    starts = [generator.place(truth.space_group, truth.combination, volume, rng) for _ in range(draws)]
    placed = [one for one in starts if one is not None]
    matcher = ReferenceMatcher(truth)
    few = Prior(contents, price_of_many=PRICE_OF_MANY, site_price=SITE_PRICE)
    probability = float(np.mean([one.probability(truth.space_group, truth.combination) for one in (prior, few)]))
    return {
        "atoms": contents.num_atoms,
        "space_group": truth.space_group,
        "free": truth.num_free_coordinates,
        "draws": 1 / probability if probability else None,
        "placed": len(placed),
        "of": draws,
        **{name: _ends(placed, stop, contents, matcher, energy, model) for name, stop in _rules(energy).items()},
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _rules(energy: float) -> dict[str, StopRule | None]:
    return {"whole": None, "raced": StopRule(energy)}


def _ends(
    starts: list[Crystal],
    stop: StopRule | None,
    contents: Contents,
    matcher: ReferenceMatcher,
    energy: float,
    model: EnergyModel,
) -> Row:
    """Hits, network evaluations, and energies above the truth, meV/atom, of the relaxations that ended."""
    trials = []
    for first in range(0, len(starts), BATCH):
        candidates = [Candidate(one, {}, {}, stop) for one in starts[first : first + BATCH]]
        trials += relax_candidates(candidates, model, SETTINGS, first, contents)
    ends = [t.energy / t.crystal.num_atoms - energy for t in trials if t.counted and t.energy and t.crystal]
    return {
        "hits": sum(t.counted and t.crystal is not None and matcher.match(t.crystal).strict for t in trials),
        "evaluations": sum(t.evaluations for t in trials),
        "statuses": {s: sum(t.status == s for t in trials) for s in sorted({str(t.status) for t in trials})},
        "above": [round(1000 * float(e), 1) for e in np.sort(ends)[:5]],
    }


if __name__ == "__main__":
    main()
