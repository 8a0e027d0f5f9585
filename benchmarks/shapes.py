"""Shapes of cells: how long those of known crystals are, and how often placements in narrow and in wide ones hit.

    python benchmarks/shapes.py [--atoms N] [--draws N] [--json FILE]

Crystals are the structure types of pymatgen's AFLOW library; the paper's systems and the forty crystals of results are
left out. First, for each crystal system, the ratios of lengths. Then, for each type of at most N atoms in the primitive
cell that is itself after a relaxation by M3GNet, random placements of its own Wyckoff combination at its own volume are
relaxed, in cells of which none, half or all are wide (`crysim.crystal.packing.likely_cells`), and those counted that
end in the type. With --json (a line for each type) a run goes on where the file ends.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from prior import reduced_counts
from racing import SETTINGS

from crysim.analysis.forty import forty_crystals
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.crystal.structure_types import StructureType, library_types
from crysim.harness.systems import builtin_systems
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, RelaxStatus, derive_rng
from crysim_energies.m3gnet import M3GNetModel

SHARES = (0.0, 0.5, 1.0)
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
BATCH = 16

Row = dict[str, Any]


def main() -> None:
    """Run what the options ask for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, default=12, help="of the primitive cell, at most")
    parser.add_argument("--draws", type=int, default=24, help="placements of each type in each kind of cell")
    parser.add_argument("--json", type=Path, help="where the results are kept, and taken up again")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    print_ratios([crystal for _, crystal in outside_of_tables()])
    rows: dict[str, Row] = {}
    if options.json and options.json.exists():
        rows = {row["label"]: row for row in map(json.loads, options.json.read_text().splitlines())}
    model = M3GNetModel()
    for one, crystal in outside_of_tables():
        label = f"{one.formula} {crystal.space_group} {one.num_atoms}"
        small = one.num_atoms <= options.atoms and crystal.group.crystal_system not in ("cubic", "triclinic")
        if small and label not in rows:
            rows[label] = {"label": label, "system": crystal.group.crystal_system, **measure(crystal, model, options)}
            if options.json:
                with options.json.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(rows[label]) + "\n")
    print_table(list(rows.values()))


def outside_of_tables() -> Iterator[tuple[StructureType, Crystal]]:
    """Types of the library that no table of results holds."""
    left_out = {reduced_counts(name) for name in (*builtin_systems(), *forty_crystals())}
    for one in library_types():
        if len(one.counts) > 1 and reduced_counts(one.formula) not in left_out:
            crystal = Crystal.from_structure(one.structure, 0.01)
            if crystal.space_group > 1 and crystal.num_atoms % crystal.centring_factor == 0:
                yield one, crystal


def measure(crystal: Crystal, model: EnergyModel, options: argparse.Namespace) -> Row:
    """Hits and evaluations of placements of a type's own combination, by the share of wide cells."""
    end = next(iter(model.relax([crystal], SETTINGS.relax)))
    truth = end.crystal
    if truth is None or end.status is not RelaxStatus.RELAXED or truth.space_group != crystal.space_group:
        return {"kept": False}
    if not ReferenceMatcher(crystal.to_structure()).match(truth).strict:
        return {"kept": False}
    contents = truth.primitive_contents
    matcher = ReferenceMatcher(truth.to_structure())
    volume = contents.per_cell(truth.volume, truth)
    row: Row = {"kept": True, "long": round(truth.cell[2] / truth.cell[0], 2), "free": truth.num_free_coordinates}
    for share in SHARES:
        generator = PriorGenerator(Prior(contents, (truth.space_group,)), wide_share=share)
        placed = [
            generator.place(truth.space_group, truth.combination, volume, derive_rng(7, "shapes", n))
            for n in range(options.draws)
        ]
        candidates = [Candidate(one) for one in placed if one is not None]
        trials = []
        for first in range(0, len(candidates), BATCH):
            trials += relax_candidates(candidates[first : first + BATCH], model, SETTINGS, first, contents)
        row[str(share)] = {
            "placed": len(candidates),
            "hits": sum(t.counted and t.crystal is not None and matcher.match(t.crystal).strict for t in trials),
            "evaluations": sum(t.evaluations for t in trials),
        }
    return row


def print_ratios(crystals: list[Crystal]) -> None:
    """For each crystal system quantiles of the ratios of lengths, and of the shortest length in atoms."""
    print(f"{len(crystals)} structure types")
    for system in ("tetragonal", "trigonal", "hexagonal", "orthorhombic", "monoclinic"):
        ones = [one for one in crystals if one.group.crystal_system == system]
        for name, values in (
            ("c/a", [one.cell[2] / one.cell[0] for one in ones]),
            ("longest/shortest", [max(one.cell[:3]) / min(one.cell[:3]) for one in ones]),
            ("shortest/atom", [min(one.cell[:3]) / np.cbrt(one.volume / one.num_atoms) for one in ones]),
        ):
            quantiles = " ".join(f"{q:.2f}" for q in np.quantile(values, QUANTILES))
            print(f"{system:13} {len(ones):3} {name:17} quantiles 0 10 25 50 75 90 100 %: {quantiles}")


def print_table(rows: list[Row]) -> None:
    """Hits of each type and of each crystal system, by the share of wide cells."""
    kept = [row for row in rows if row["kept"]]
    print(f"\n{len(kept)} of {len(rows)} types are themselves after a relaxation")
    for row in sorted(kept, key=lambda one: (one["system"], one["long"])):
        print(
            f"{row['label']:20} {row['system']:13} c/a {row['long']:5} free {row['free']:2}",
            *(
                f"| {s}: {row[str(s)]['hits']:2} of {row[str(s)]['placed']:2}, {row[str(s)]['evaluations']:5}"
                for s in SHARES
            ),
        )
    for system in [*sorted({row["system"] for row in kept}), ""]:
        ones = [row for row in kept if row["system"] == system or not system]
        print(f"{system or 'all':13} {len(ones):3} types", end="")
        for share in SHARES:
            rates = [row[str(share)]["hits"] / max(1, row[str(share)]["placed"]) for row in ones]
            none = sum(rate == 0 for rate in rates)
            log_mean = np.exp(np.mean(np.log(np.array(rates) + 0.02)))
            print(f" | {share}: mean {np.mean(rates):.3f}, geometric {log_mean:.3f}, none {none}", end="")
        print()


if __name__ == "__main__":
    main()
