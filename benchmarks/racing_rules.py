"""What giving relaxations up would save, and which hits it would lose: traces of whole relaxations, replayed.

    python benchmarks/racing_rules.py [--types LABEL ...] [--draws N] [--json FILE]

Crystals of structure types of pymatgen's AFLOW library are drawn from the prior by the true contents, at the true
volume, and relaxed within their groups by M3GNet to the end, while after every evaluation the energy and the decrease
that the descent predicts are written down. Then each rule of patience, margin and trust is replayed against the lowest
energy that any of them reached. A hit ends within 5 meV per atom of that energy. With --json a run goes on
where the file ends.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import dataclass, field
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

import torch
from racing import SETTINGS, find_reference

from crysim.composition import Composition, Contents
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.interfaces import EnergyModel, StopRule, derive_rng
from crysim_energies.m3gnet import M3GNetModel

TYPES = (
    *("Cu2O 224", "Al2MgO4 227", "PbClF 129", "Al2Cu 140", "Co2Si 62", "O4SiZr 141", "SnS 62", "FeS2 205"),
    *("CuFeS2 122", "Cu3AsS4 215", "CdI2 164", "FeO3Ti 148", "Si2Zr 63", "Cu2Sb 129", "InNi2 194", "Li3N 191"),
    *("Al3Ni2 164", "Fe2P 189", "BeO 136", "SiU3 140", "MnP 62"),
)
HIT = 0.005
PATIENCES, MARGINS, TRUSTS = (3, 5, 8), (0.1, 0.15, 0.2, 0.3), (2.0, 4.0, 8.0, 16.0)

Row = dict[str, Any]


@dataclass(frozen=True)
class Recorder(StopRule):
    """Gives leave to stop, never makes use of it, and writes down what it was asked."""

    trace: list[tuple[int, int, float, float]] = field(default_factory=list, compare=False)

    def is_hopeless(self, evaluations: int, parameters: int, energy: float, decrease: float) -> bool:
        """Write down, and go on."""
        self.trace.append((evaluations, parameters, energy, min(decrease, 1e6)))
        return False


def main() -> None:
    """Run what the options ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", nargs="+", default=list(TYPES))
    parser.add_argument("--draws", type=int, default=80)
    parser.add_argument("--json", type=Path, help="where traces are kept, and taken up again")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model = M3GNetModel()
    traces: dict[str, list[Row]] = {}
    if options.json and options.json.exists():
        traces = json.loads(options.json.read_text())
    for label in options.types:
        if label not in traces:
            traces[label] = record(label, model, options.draws)
            if options.json:
                options.json.write_text(json.dumps(traces) + "\n")
    print_table(traces)


def record(label: str, model: EnergyModel, draws: int) -> list[Row]:
    """The traces of crystals of one structure type's contents, and last that of the type itself."""
    reference = find_reference(label, model)
    counts = tuple(n // reference.centring_factor for n in reference.composition.counts)
    contents = Contents(Composition(reference.composition.elements, counts), "primitive")
    generator = PriorGenerator(Prior(contents, None))
    volume = contents.per_cell(reference.volume, reference)
    crystals = [generator.draw(derive_rng(7, label, number), volume) for number in range(draws)]
    crystals.append(reference)
    recorders = [Recorder() for _ in crystals]
    relaxed = model.race(crystals, SETTINGS.relax, recorders)
    rows = []
    for crystal, recorder, end in zip(crystals, recorders, relaxed, strict=True):
        if end.energy is not None and end.crystal is not None:
            rows.append(
                {
                    "energy": end.energy / end.crystal.num_atoms,
                    "evaluations": end.evaluations,
                    "space_group": crystal.space_group,
                    "trace": [[k, p, round(e, 6), round(d, 6)] for k, p, e, d in recorder.trace],
                }
            )
    return rows


def print_table(traces: dict[str, list[Row]]) -> None:
    """For each rule the share of evaluations that is left, and the hits that are lost."""
    total = sum(row["evaluations"] for rows in traces.values() for row in rows)
    hits = sum(len(_hits(rows)) for rows in traces.values())
    print(f"{len(traces)} types, {sum(map(len, traces.values()))} relaxations, {total} evaluations, {hits} hits")
    print("patience  margin  trust  spent  stopped  lost  spent per hit kept, 1 without a rule")
    for patience, margin, trust in product(PATIENCES, MARGINS, TRUSTS):
        spent = lost = stopped = 0
        for rows in traces.values():
            best = min(row["energy"] for row in rows)
            rule = StopRule(best, (), patience, margin, trust)
            ends = [_end(rule, row) for row in rows]
            spent += sum(row["evaluations"] if end is None else end for row, end in zip(rows, ends, strict=True))
            stopped += sum(end is not None for end in ends)
            lost += sum(ends[i] is not None for i in _hits(rows))
        per_hit = spent / total * hits / (hits - lost) if lost < hits else inf
        print(f"{patience:8} {margin:7g} {trust:6g} {spent / total:6.2f} {stopped:8} {lost:5} {per_hit:8.2f}")


def _hits(rows: list[Row]) -> list[int]:
    best = min(row["energy"] for row in rows)
    return [i for i, row in enumerate(rows[:-1]) if row["energy"] < best + HIT]  # the last is the type's own


def _end(rule: StopRule, row: Row) -> int | None:
    """After how many evaluations a rule would have stopped it; None: never."""
    return next((k for k, p, e, d in row["trace"] if rule.is_hopeless(k, p, e, d)), None)


if __name__ == "__main__":
    main()
