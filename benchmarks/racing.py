"""Searches for known structure types: strategy prior with and without racing, against enumerate and random.

    python benchmarks/racing.py [--types LABEL ...] [--methods METHOD ...] [--seeds N] [--budget N] [--json FILE]

Crystals are structure types of pymatgen's AFLOW library, relaxed with M3GNet within their groups; each is searched for
by its primitive contents at the true number of formula units, in batches, until a trial matches it strictly. Counted
are relaxations begun, evaluations of the network, and CPU seconds of one thread with the strategy's own in them (those
of the batch of the match as a whole). With --json a run goes on where the file ends.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import torch

from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.crystal.structure_types import library_types
from crysim.harness.spec import RunSettings
from crysim.harness.trials import relax_candidates
from crysim.interfaces import EnergyModel, Problem, RelaxSettings, Strategy, TrialStatus
from crysim_baselines.enumeration import Enumerate
from crysim_baselines.prior import PriorSearch
from crysim_baselines.random import RandomSearch
from crysim_energies.m3gnet import M3GNetModel

TYPES = ("SZn 216", "Cu2O 224", "Al2MgO4 227", "PbClF 129", "BeO 136", "Si2Zr 63")
"""Formula as the library has it, and space group."""
METHODS = ("prior", "prior-norace", "enumerate", "random")
SETTINGS = RunSettings(relax=RelaxSettings(symmetry="keep"))

Row = dict[str, Any]


def main() -> None:
    """Run what the options ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", nargs="+", default=list(TYPES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--json", type=Path, help="where results are kept, and taken up again")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model = M3GNetModel()
    model.warm_up()
    rows: list[Row] = []
    if options.json and options.json.exists():
        rows = json.loads(options.json.read_text())
    done = {(row["type"], row["method"], row["seed"]) for row in rows}
    for label in options.types:
        reference = find_reference(label, model)
        for method in options.methods:
            for seed in range(options.seeds):
                if (label, method, seed) not in done:
                    row = search(reference, model, method, seed, options.budget, options.batch)
                    rows.append({"type": label, "method": method, "seed": seed, **row})
                    if options.json:
                        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    print_table(rows)


def find_reference(label: str, model: EnergyModel) -> Crystal:
    """The crystal of a structure type, relaxed within its group."""
    formula, group = label.split()
    one = next(t for t in library_types() if t.formula == formula and t.space_group == int(group))
    crystal = Crystal.from_structure(one.structure, 0.01)
    relaxed = model.relax([crystal], SETTINGS.relax)[0].crystal
    assert relaxed is not None
    return relaxed


def search(reference: Crystal, model: EnergyModel, method: str, seed: int, budget: int, batch: int) -> Row:
    """One run to the strict match, or to its budget."""
    contents = reference.primitive_contents
    strategy = make(method, Problem(contents, seed))
    matcher = ReferenceMatcher(reference.to_structure())
    begun = evaluations = 0
    stopped = known = 0
    began = time.process_time()
    spent = 0.0
    found = False
    while not found and begun < budget:
        candidates = strategy.ask(min(batch, budget - begun))
        trials = relax_candidates(candidates, model, SETTINGS, begun, contents)
        strategy.tell(trials)
        spent = time.process_time() - began
        for trial in trials:
            begun += 1
            evaluations += trial.evaluations
            stopped += trial.status is TrialStatus.STOPPED
            known += trial.status is TrialStatus.KNOWN
            if trial.counted and trial.crystal is not None and matcher.match(trial.crystal).strict:
                found = True
                break
    return {
        "found": found,
        "relaxations": begun,
        "evaluations": evaluations,
        "stopped": stopped,
        "known": known,
        "seconds": round(spent, 2),
    }


def make(method: str, problem: Problem) -> Strategy:
    """The strategy of a method."""
    if method == "enumerate":
        return Enumerate(problem)
    if method == "random":
        return RandomSearch(problem)
    return PriorSearch(problem, race=method == "prior")


def print_table(rows: list[Row]) -> None:
    """Relaxations, evaluations and CPU seconds of each run, in brackets where it missed, and medians over all."""
    for label in dict.fromkeys(row["type"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            chosen = [row for row in rows if (row["type"], row["method"]) == (label, method)]
            texts = [f"{r['relaxations']}/{r['evaluations']}/{r['seconds']:.1f}" for r in chosen]
            shown = [text if r["found"] else f"({text})" for text, r in zip(texts, chosen, strict=True)]
            print(f"{label:14} {method:14} {'  '.join(shown)}")
    for method in dict.fromkeys(row["method"] for row in rows):
        chosen = [row for row in rows if row["method"] == method]
        hits = sum(row["found"] for row in chosen)
        middle = [median(row[key] for row in chosen) for key in ("relaxations", "evaluations", "seconds")]
        given_up = sum(row["stopped"] for row in chosen), sum(row["known"] for row in chosen)
        print(
            f"{method:14} {hits} of {len(chosen)}; medians {middle[0]:g} relaxations, {middle[1]:g} evaluations, "
            f"{middle[2]:.1f} s; stopped {given_up[0]}, known {given_up[1]} of {sum(r['relaxations'] for r in chosen)}"
        )


if __name__ == "__main__":
    main()
