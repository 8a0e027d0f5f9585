"""What giving relaxations up saves, and which hits it loses: traces of whole relaxations, replayed.

    python benchmarks/racing_rules.py [--types LABEL ...] [--draws N] [--json FILE]

For each structure type (pymatgen's AFLOW library) two kinds of crystals of its contents are relaxed within their groups
by M3GNet to the end, at the true volume: random placements of the type's own Wyckoff combination, of which many end in
the type, and draws from the prior, nearly all of which do not. After every evaluation the energy and the decrease that
the descent predicts are written down. Then each rule of patience, margin and trust is replayed, against the type's
energy and against one 0.03 eV per atom above it, as in a search that is still on its way. A rule is good that keeps
the hits of the first kind and spends little on the second: what is compared is their ratio, in the geometric mean over
types.
With --json (a line for each type) a run goes on where the file ends.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from math import ceil, exp, log
from pathlib import Path
from typing import Any

import torch
from racing import SETTINGS, find_reference

from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.interfaces import EnergyModel, StopRule, derive_rng
from crysim.interfaces.racing import FEW, MARGIN, PATIENCE, TRUST
from crysim_energies.m3gnet import M3GNetModel

TYPES = (
    *("SnS 62", "Co2Si 62", "PbCl2 62", "CaTiO3 62", "Fe3C 62", "Sb2S3 62", "CuSbS2 62", "FeO3Ti 148", "LiNbO3 161"),
    *("Al2CdS4 82", "BO4P 82", "AlCl3 12", "BiI3 148", "MnP 62", "KClO3 11", "PdS 84", "MgB4 62", "O2Si 20"),
    *("CaFeO6Si2 15", "GeS2 43", "Cu3AsS4 31", "AlPS4 16", "Fe7W6 166", "HoH3 165", "Al2MgO4 227", "Mn3O4 141"),
    *("Si2Zr 63", "In2S3 141", "Cr7C3 62", "TlF 57"),
)
HIT = 0.005
"""eV per atom around the type's energy."""
ON_THE_WAY = (0.0, 0.03)
FEWEST = 3
"""Hits that a type must have to be counted."""
DRAWING = 3.0
"""Evaluations' worth of time that the drawing of a crystal takes (strategy's share in results/search: 0.2 to 0.4)."""
HALF = 0.04
"""Added to the share of hits that is kept, so that none is not infinitely bad."""

Row = dict[str, Any]
Rule = Callable[[int, int, float, float, float], bool]
"""(evaluation, free parameters, energy, predicted decrease, best): whether to stop."""


@dataclass(frozen=True)
class Recorder(StopRule):
    """Gives leave to stop, never makes use of it, and writes down what it was asked."""

    trace: list[tuple[int, float, float]] = field(default_factory=list, compare=False)

    def is_hopeless(self, evaluations: int, parameters: int, energy: float, decrease: float) -> bool:
        """Write down, and go on."""
        self.trace.append((parameters, round(energy, 5), round(min(decrease, 1e6), 5)))
        return False


def main() -> None:
    """Run what the options ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", nargs="+", default=list(TYPES))
    parser.add_argument("--draws", type=int, default=64, help="of each kind")
    parser.add_argument("--json", type=Path, help="where traces are kept, and taken up again")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    traces: dict[str, Row] = {}
    if options.json and options.json.exists():
        traces = {row["label"]: row for row in map(json.loads, options.json.read_text().splitlines())}
    model = M3GNetModel()
    for label in options.types:
        if label not in traces:
            traces[label] = record(label, model, options.draws)
            if options.json:
                with options.json.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(traces[label]) + "\n")
    print_table([traces[label] for label in options.types])


def record(label: str, model: EnergyModel, draws: int) -> Row:
    """The traces of placements of a type's own combination, and of draws from the prior."""
    reference = find_reference(label, model)
    energy = float(model.energies([reference])[0]) / reference.num_atoms
    contents = reference.primitive_contents
    generator = PriorGenerator(Prior(contents))
    volume = contents.per_cell(reference.volume, reference)
    number, combination = reference.space_group, reference.combination
    placed = [generator.place(number, combination, volume, derive_rng(11, label, "own", n)) for n in range(draws)]
    drawn = [generator.draw(derive_rng(11, label, "prior", n), volume) for n in range(draws)]
    matcher = ReferenceMatcher(reference.to_structure())
    kinds = {"own": [crystal for crystal in placed if crystal is not None], "prior": drawn}
    rows = {kind: list(_relaxed(crystals, model, matcher, energy)) for kind, crystals in kinds.items()}
    return {
        "label": label,
        "energy": energy,
        "atoms": contents.num_atoms,
        "free": reference.num_free_coordinates,
        **rows,
    }


def _relaxed(crystals: list[Crystal], model: EnergyModel, matcher: ReferenceMatcher, energy: float) -> Iterator[Row]:
    recorders = [Recorder() for _ in crystals]
    for recorder, end in zip(recorders, model.race(crystals, SETTINGS.relax, recorders), strict=True):
        hit = (
            end.energy is not None
            and end.crystal is not None
            and abs(end.energy / end.crystal.num_atoms - energy) < HIT
            and matcher.match(end.crystal).strict
        )
        yield {"hit": hit, "evaluations": end.evaluations, "trace": recorder.trace}


def print_table(types: list[Row]) -> None:
    """For each rule the share of hits kept, the evaluations of a draw, and their ratio over that of no rule."""
    counted = [one for one in types if sum(row["hit"] for row in one["own"]) >= FEWEST]
    hits = sum(row["hit"] for one in counted for row in one["own"])
    print(
        f"{len(counted)} of {len(types)} types have {FEWEST} hits or more: {', '.join(one['label'] for one in counted)}"
    )
    print(f"{hits} hits of {sum(len(one['own']) for one in counted)} placements")
    print("patience  few  per  margin  trust  hits kept  evaluations  hits per evaluation, 1 without a rule")
    rules = list(product((3, 4), (3, 6), (1, 2, 4), (0.1, 0.2), (8.0, 16.0, 32.0)))
    whole = _merit(counted, lambda *_: False)
    for rule in sorted(rules, key=lambda one: -_merit(counted, _rule(*one))[2]):
        kept, spent, merit = _merit(counted, _rule(*rule))
        patience, few, per, margin, trust = rule
        mark = "  (in use)" if rule == (PATIENCE, FEW, 1, MARGIN, TRUST) else ""
        gain = exp(merit - whole[2])
        print(f"{patience:8} {few:4} {per:4} {margin:7g} {trust:6g} {kept:10.2f} {spent:12.1f} {gain:10.2f}{mark}")
    print(f"without a rule {whole[0]:24.2f} {whole[1]:12.1f}")


def _rule(patience: int, few: int, per: int, margin: float, trust: float) -> Rule:
    def stops(evaluation: int, parameters: int, energy: float, decrease: float, best: float) -> bool:
        granted = patience + ceil(max(0, parameters - few) / per)
        return evaluation >= granted and energy - trust * decrease - margin > best

    return stops


def _merit(types: list[Row], rule: Rule) -> tuple[float, float, float]:
    """Mean share of hits kept, geometric mean of evaluations of a draw, mean logarithm of their ratio."""
    kept_shares, costs, logs = [], [], []
    for above in ON_THE_WAY:
        for one in types:
            best = one["energy"] + above
            hits = [row for row in one["own"] if row["hit"]]
            kept = sum(stopped_at(rule, row, best) is None for row in hits) / len(hits)
            ends = [stopped_at(rule, row, best) or row["evaluations"] for row in one["prior"]]
            spent = sum(ends) / len(ends)
            kept_shares.append(kept)
            costs.append(log(spent))
            logs.append(log(kept + HALF) - log(spent + DRAWING))
    count = len(logs)
    return sum(kept_shares) / count, exp(sum(costs) / count), sum(logs) / count


def stopped_at(rule: Rule, row: Row, best: float) -> int | None:
    """After how many evaluations a rule would have stopped it; None: never."""
    steps = enumerate(row["trace"], 1)
    return next((k for k, (parameters, energy, decrease) in steps if rule(k, parameters, energy, decrease, best)), None)


if __name__ == "__main__":
    main()
