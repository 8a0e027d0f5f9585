"""How far descents fall yet that are about to come to rest, and what it costs to stop those above what is wanted.

    python benchmarks/last_ways.py TRACES    # the file that racing_rules.py --json TRACES has written

The first table has, from the first evaluation at which the predicted decrease is under a bound, how far a descent
falls yet, by itself and divided by the root of what was predicted. The second one replays racing with and without
`StopRule.wanted`, for several values of what is within `reach`, against a best that lies so far above the
type's energy and a wanted one that lies so far above that: the share of hits kept, evaluations of draws from the prior
and of placements of the type's own combination that end elsewhere, and hits per evaluation of these, 1 without it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import product
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
from racing_rules import DRAWING, FEWEST, Row, Rule, stopped_at

from crysim.interfaces import StopRule
from crysim.interfaces.racing import REACH

BOUNDS = (0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002)
"""eV per atom."""
EARLIEST = 3
"""Evaluations before which no prediction is taken."""
BESTS = (0.0, 0.01, 0.03)
WANTED = (0.01, 0.03)
REACHES = (0.0, 1.0, 2.0, 3.0)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    options = parser.parse_args()
    types = [json.loads(line) for line in options.traces.read_text().splitlines()]
    print_left(types)
    print_replayed(types)


def print_left(types: list[Row]) -> None:
    """How far descents fall yet, by what is predicted."""
    rows = [row for one in types for kind in ("own", "prior") for row in one[kind]]
    print("predicted under  descents  falls yet (meV/atom)      over root of predicted (√(eV/atom))")
    print("(meV/atom)                 half of them  9 of 10       half   4 of 5  9 of 10  4 of 5 hits")
    for bound in BOUNDS:
        left = [(one, row["hit"]) for row in rows if (one := _left(row, bound))]
        falls = 1000 * np.quantile([fall for (fall, _), _ in left], [0.5, 0.9])
        ratios = np.quantile([fall / sqrt(predicted) for (fall, predicted), _ in left], [0.5, 0.8, 0.9])
        hits = np.quantile([fall / sqrt(predicted) for (fall, predicted), hit in left if hit], 0.8)
        print(
            f"{1000 * bound:10g} {len(left):14} {falls[0]:13.1f} {falls[1]:8.1f} "
            f"{ratios[0]:10.2f} {ratios[1]:8.2f} {ratios[2]:8.2f} {hits:8.2f}"
        )


def _left(row: Row, bound: float) -> tuple[float, float] | None:
    """How far it falls from where the predicted decrease is under a bound first, and that decrease."""
    trace = row["trace"]
    for _, energy, decrease in trace[EARLIEST - 1 :]:
        if 0 < decrease < bound:
            return max(0.0, energy - trace[-1][1]), decrease
    return None


def print_replayed(types: list[Row]) -> None:
    """What is kept and spent, with the rule and without."""
    counted = [one for one in types if sum(row["hit"] for row in one["own"]) >= FEWEST]
    print(f"\n{len(counted)} types with {FEWEST} hits or more")
    print("best above  wanted above  reach  hits kept  evaluations: of a draw  of a placement  hits per evaluation")
    for above in BESTS:
        without = _replayed(counted, above, None, REACH)
        print(f"{1000 * above:10.0f} {'all are':>13} {without[0]:17.2f} {without[1]:23.1f} {without[2]:15.1f}")
        for wanted, reach in product(WANTED, REACHES):
            found = _replayed(counted, above, wanted, reach)
            gain = found[0] / (found[2] + DRAWING) / (without[0] / (without[2] + DRAWING))
            print(
                f"{1000 * above:10.0f} {1000 * wanted:13.0f} {reach:6g} {found[0]:10.2f} {found[1]:23.1f} "
                f"{found[2]:15.1f} {gain:20.2f}{'  (the default)' if reach == REACH else ''}"
            )


def _replayed(types: list[Row], above: float, wanted: float | None, reach: float) -> tuple[float, float, float]:
    """The share of hits kept, and evaluations of a draw and of a placement that ends elsewhere, over types."""
    rule = _rule(wanted, reach)
    kept, drawn, placed = [], [], []
    for one in types:
        best = one["energy"] + above
        hits = [row for row in one["own"] if row["hit"]]
        others = [row for row in one["own"] if not row["hit"]]
        kept.append(sum(stopped_at(rule, row, best) is None for row in hits) / len(hits))
        drawn.append(_spent(rule, one["prior"], best))
        if others:
            placed.append(_spent(rule, others, best))
    return float(np.mean(kept)), _mean(drawn), _mean(placed)


def _rule(wanted: float | None, reach: float) -> Rule:
    def stops(evaluation: int, parameters: int, energy: float, decrease: float, best: float) -> bool:
        leave = StopRule(best, wanted=None if wanted is None else best + wanted, reach=reach)
        return leave.is_hopeless(evaluation, parameters, energy, decrease) or leave.is_unwanted(energy, decrease)

    return stops


def _spent(rule: Rule, rows: list[Row], best: float) -> float:
    return float(np.mean([stopped_at(rule, row, best) or row["evaluations"] for row in rows]))


def _mean(values: Sequence[float]) -> float:
    """The geometric one."""
    return exp(sum(log(value) for value in values) / len(values))


if __name__ == "__main__":
    main()
