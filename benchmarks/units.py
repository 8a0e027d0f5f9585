"""How many formula units the primitive cells of structure types hold, and what share of them a search looks for.

    python benchmarks/units.py > results/prior/units.txt

Structure types are those that crysim knows, without the formulas of the forty crystals. Rules are numbers of formula
units that are searched where nothing is said: those of `USUAL` in cells of up to ``small`` atoms, and up to ``few`` of
them in cells of up to ``large``.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass

from crysim.analysis.forty import forty_crystals
from crysim.composition import Composition
from crysim.crystal.structure_types import structure_types
from crysim.harness.contents import FEW, LARGE, SMALL, USUAL, default_units

EVERY = range(1, 400)


@dataclass(frozen=True)
class Rule:
    """Numbers of formula units by the atoms of one."""

    usual: tuple[int, ...] | range
    small: int
    large: int
    few: int

    def units(self, atoms: int) -> list[int]:
        """Those that are searched."""
        most = max(self.small // atoms, min(self.large // atoms, self.few), 1)
        return [z for z in self.usual if z <= most]


NOW = Rule(USUAL, SMALL, LARGE, FEW)
RULES = (
    Rule(EVERY, 20, 40, 4),
    Rule(USUAL, 20, 40, 4),
    Rule(USUAL, 24, 40, 4),
    Rule(USUAL, 24, 64, 4),
    NOW,
    Rule(USUAL, 24, 160, 4),
    Rule(USUAL, 24, 100, 6),
    Rule(USUAL, 32, 100, 4),
    Rule(EVERY, 24, 100, 4),
)


def main() -> None:
    """Print both tables."""
    warnings.filterwarnings("ignore")
    known = {Composition.from_formula(name).reduced for name in forty_crystals()}
    held = []  # atoms of a formula unit, and units in the primitive cell
    for one in structure_types():
        unit = Composition.from_formula(one.formula).reduced
        if unit not in known:
            held.append((unit.num_atoms, one.num_atoms // unit.num_atoms))
            assert default_units(unit) == tuple(NOW.units(unit.num_atoms))
    print(f"{len(held)} structure types; formula units in the primitive cell:")
    for units, n in sorted(Counter(units for _, units in held).items(), key=lambda one: -one[1]):
        print(f"{units:6d} {n:6d}")
    print("\n numbers      small  large  few  types within  numbers per type")
    for rule in RULES:
        share = sum(units in rule.units(atoms) for atoms, units in held) / len(held)
        mean = sum(len(rule.units(atoms)) for atoms, _ in held) / len(held)
        numbers = "all" if rule.usual is EVERY else "usual"
        now = "  now" if rule is NOW else ""
        print(f" {numbers:10s} {rule.small:7d} {rule.large:6d} {rule.few:4d} {share:13.1%} {mean:17.2f}{now}")


if __name__ == "__main__":
    main()
