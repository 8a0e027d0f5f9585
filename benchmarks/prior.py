"""How many draws it takes until the true Wyckoff combination comes up: the prior against the paper's generator.

    python benchmarks/prior.py [--atoms N] [--exclude FORMULA ...] [--json FILE]

Crystals are the structure types of pymatgen's AFLOW library, by their primitive contents at the true number of formula
units; the paper's systems, and what is excluded, are left out. Nothing is relaxed or placed: the probability of the
true space group and combination in one draw is computed exactly, and draws are its inverse. A combination that the
paper's generator does not have (beyond the first 30,000 of its group) takes it infinitely many. Combinations that
describe the same crystal with another origin count as others, for all alike.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from math import inf, log10
from pathlib import Path

import numpy as np

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.generation import MAX_COMBINATIONS, allowed_space_groups, fitting_space_groups
from crysim.crystal.prior import FREQUENCY, SIMPLICITY, SITE_PRICE, Prior
from crysim.crystal.structure_types import StructureType, library_types
from crysim.harness.systems import builtin_systems
from crysim.symmetry import WyckoffCombinations

STRENGTHS = (
    *((0.0, 0.0), (0.0, 0.2), (0.75, 0.0)),
    *((f, s) for f in (0.5, 0.75, 1.0) for s in (0.1, 0.2, 0.4, 0.6)),
)
PAPER = "paper's generator"
SITE_PRICES = (2, SITE_PRICE, 8)
"""Compared with the default strengths."""


def main() -> None:
    """Run what the options ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, default=24, help="of the primitive cell, at most")
    parser.add_argument("--exclude", nargs="+", default=[], help="formulas that are left out besides the paper's")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    left_out = {reduced_counts(system) for system in builtin_systems()} | set(map(reduced_counts, options.exclude))
    rows = []
    for one in library_types():
        if one.num_atoms <= options.atoms and len(one.counts) > 1 and reduced_counts(one.formula) not in left_out:
            row = measure(one)
            if row is not None:
                rows.append(row)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    print_table(rows)


def reduced_counts(formula: str) -> tuple[tuple[str, int], ...]:
    unit = Composition.from_formula(formula).reduced
    return tuple(sorted(zip(unit.elements, unit.counts, strict=True)))


def measure(one: StructureType) -> dict[str, object] | None:
    """Draws until the true combination of one structure type, by generator; None for P1, which none of them draws."""
    crystal = Crystal.from_structure(one.structure, 0.01)
    if crystal.space_group == 1 or crystal.num_atoms % crystal.centring_factor:
        return None
    contents = crystal.primitive_contents
    began = time.process_time()
    prior = Prior(contents, None)
    draws = {PAPER: _inverse(paper_probability(contents, crystal))}
    for frequency, simplicity in STRENGTHS:
        weighed = prior.with_strengths(frequency, simplicity)
        draws[_name(frequency, simplicity)] = _inverse(weighed.probability(crystal.space_group, crystal.combination))
    plain = prior.probability(crystal.space_group, crystal.combination)
    for price in SITE_PRICES:
        few = Prior(contents, None, site_price=price).probability(crystal.space_group, crystal.combination)
        draws[f"price of a site {price}"] = _inverse(few)
        draws[_half(price)] = _inverse((plain + few) / 2)
    return {
        "type": one.title,
        "formula": contents.formula,
        "atoms": contents.num_atoms,
        "space_group": crystal.space_group,
        "free": crystal.num_free_coordinates,
        "seconds": time.process_time() - began,
        "draws": {name: None if n == inf else n for name, n in draws.items()},
    }


def paper_probability(contents: Contents, crystal: Crystal) -> float:
    """Of the true combination in one draw of `RandomGenerator`: groups are equally likely, then combinations."""
    groups = fitting_space_groups(contents, allowed_space_groups(None))
    combinations = WyckoffCombinations(contents, crystal.space_group)
    if combinations.rank(crystal.combination) >= MAX_COMBINATIONS:
        return 0.0
    return 1.0 / (len(groups) * min(combinations.count, MAX_COMBINATIONS))


def _inverse(probability: float) -> float:
    return 1.0 / probability if probability > 0 else inf


def _name(frequency: float, simplicity: float) -> str:
    return f"frequency {frequency:g}, simplicity {simplicity:g}"


def _half(price: int) -> str:
    return f"half of it, half without price {price}"


def print_table(rows: Sequence[dict[str, object]]) -> None:
    """Medians and quartiles of log10 of the draws over all structure types."""
    print(f"{len(rows)} structure types; log10 of the draws until the true combination:")
    print(f"{'':36}     quartiles       < 3    mean")
    names = list(rows[0]["draws"])  # type: ignore[call-overload]
    for name in names:
        found = [row["draws"][name] for row in rows]  # type: ignore[index]
        logs = np.array([inf if n is None else log10(n) for n in found])
        first, median, third = (float(np.sort(logs)[int(q * (len(logs) - 1))]) for q in (0.25, 0.5, 0.75))
        mark = "  (default)" if name == _name(FREQUENCY, SIMPLICITY) else ""
        within = float((logs < 3).mean())
        print(f"{name:36} {first:6.2f} {median:6.2f} {third:6.2f} {within:6.0%} {logs.mean():7.3f}{mark}")


if __name__ == "__main__":
    main()
