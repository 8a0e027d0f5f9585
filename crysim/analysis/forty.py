"""The forty crystals: the truths of ``data/crystals40.toml``, and whether searches of their formulas end in them.

They are Dataset I of ShotgunCSP (npj Comput. Mater. 10, 298 (2024)), relaxed here with M3GNet-MP-2021.2.8-PES.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from crysim.analysis.tables import Column, Table, Value
from crysim.composition import Composition, centring_factor
from crysim.crystal import Crystal
from crysim.crystal.bonding import DEFAULT_CUTOFF
from crysim.crystal.entries import crystal_of_entry
from crysim.crystal.identify import find_space_group
from crysim.crystal.matching import SYMPREC, ReferenceMatcher
from crysim.crystal.validity import find_fault
from crysim.errors import InputError
from crysim.harness.journal import RunRecord
from crysim.harness.systems import System
from crysim.interfaces import Trial
from crysim.symmetry import space_group

LOWER = 0.002
"""eV/atom by which a crystal must lie below the truth for something lower to exist: less is the relaxations' noise."""

DEFINITIONS = (
    "reachable: a cell of as many formula units as the truth's primitive cell is searched",
    "visited: a relaxation ended in the truth (pymatgen's StructureMatcher with its defaults, and the same space group "
    f"within {SYMPREC:g} Å); first: the first that did, counted in the order of the runs, smallest cells first",
    f"something lower: a crystal that counts lies more than {LOWER * 1000:g} meV/atom below the truth, so that the "
    "energy model prefers it; above truth: the lowest energy found",
    "kept: the energy model leaves the truth what it is; else the crystal looked for is what it makes of the truth",
    "seconds: wall time of the runs, one thread",
)
SOURCE = (
    "the truths: Dataset I of ShotgunCSP (npj Comput. Mater. 10, 298 (2024)), structures of the Materials Project, "
    "relaxed here with M3GNet-MP-2021.2.8-PES within their space groups"
)
COLUMNS = (
    Column("formula", "formula", formula=True),
    Column("seed", "seed"),
    Column("z", "Z"),
    Column("atoms", "atoms"),
    Column("space_group", "space group"),
    Column("kept", "kept"),
    Column("reachable", "reachable"),
    Column("visited", "visited"),
    Column("first", "first"),
    Column("lower", "something lower"),
    Column("above_truth", "above truth (meV/atom)", ".1f"),
    Column("relaxations", "relaxations"),
    Column("seconds", "seconds", ".0f"),
)


@dataclass(frozen=True)
class Truth:
    """One of the forty crystals.

    Attributes:
        formula: one unit.
        units: formula units per primitive cell.
        system: the crystal, with its energy by the weights that are on record.
        space_group: before it was relaxed.
        kept: M3GNet leaves it what it was.
    """

    formula: str
    units: int
    system: System
    space_group: int
    kept: bool

    @property
    def crystal(self) -> Crystal:
        """The crystal as M3GNet relaxes it."""
        assert self.system.reference is not None
        return self.system.reference

    @cached_property
    def fault(self) -> str:
        """What keeps the relaxed truth from being an answer of a search (`find_fault`); empty if nothing does."""
        fault = find_fault(self.crystal, DEFAULT_CUTOFF)
        return "" if fault is None else f"{fault[0]} ({fault[1]})"

    def reachable(self, units: Sequence[int], max_atoms: int) -> bool:
        """Whether a search of so many formula units, and at most so many atoms, per primitive cell tries its cell."""
        return self.units in units and self.crystal.num_primitive_atoms <= max_atoms


@cache
def forty_crystals() -> Mapping[str, Truth]:
    """The forty by formula, smallest primitive cells first."""
    data = tomllib.loads(files("crysim").joinpath("data", "crystals40.toml").read_text(encoding="utf-8"))
    found = {}
    for formula, entry in data["crystals"].items():
        composition = Composition.from_formula(formula, entry["z"] * centring_factor(entry["space_group"]))
        energy = entry["energy_per_atom"] * composition.num_atoms
        crystal = crystal_of_entry(composition, entry)
        system = System(formula, composition, crystal, energies=((data["weights"], energy),))
        found[formula] = Truth(formula, entry["z"], system, entry.get("was", crystal.space_group), entry["kept"])
    return found


@dataclass(frozen=True)
class Searched:
    """The search of one formula.

    Attributes:
        truth: what was looked for.
        seed: of the search.
        reachable: whether its contents are searched.
        energy: of the truth, eV/atom by the energy model of the search; None: unknown.
        budget: relaxations that it is given.
        records: its runs, in the order in which their relaxations are counted.
    """

    truth: Truth
    seed: int
    reachable: bool
    energy: float | None
    budget: int
    records: Sequence[RunRecord]

    def row(self) -> dict[str, Value]:
        """The search as a row of the table. While it is not complete, what it has not found is open and no "no"."""
        trials = [trial for record in self.records for trial in record.trials]
        lowest = min((e for trial in trials if trial.counted and (e := _per_atom(trial)) is not None), default=None)
        above = None if lowest is None or self.energy is None else lowest - self.energy
        first = first_visit(self.truth.crystal, trials)
        not_found = False if len(trials) >= self.budget else None
        return {
            "formula": self.truth.formula,
            "seed": self.seed,
            "z": self.truth.units,
            "atoms": self.truth.crystal.num_primitive_atoms,
            "space_group": f"{space_group(self.truth.space_group).symbol} ({self.truth.space_group})",
            "kept": self.truth.kept,
            "reachable": self.reachable,
            "visited": True if first is not None else not_found,
            "first": first,
            "lower": None if above is None else True if above < -LOWER else not_found,
            "above_truth": None if above is None else 1000 * above,
            "relaxations": len(trials),
            "seconds": sum(trial.seconds + sum(trial.candidate.seconds.values()) for trial in trials),
        }


def first_visit(truth: Crystal, trials: Sequence[Trial]) -> int | None:
    """The number, counted from 1, of the first relaxation that ended in a crystal; None if none did."""
    matcher = ReferenceMatcher(truth)
    for number, trial in enumerate(trials, start=1):
        crystal = trial.crystal
        if crystal is not None and _has_group(crystal, matcher.space_group) and matcher.match(crystal).strict:
            return number
    return None


def _has_group(crystal: Crystal, number: int) -> bool:
    """What a strict match demands too, and is much quicker to see than whether the atoms correspond."""
    try:
        return find_space_group(crystal.to_structure(), SYMPREC) == number
    except InputError:
        return False


def forty_table(searches: Sequence[Searched], title: str, notes: Sequence[str]) -> Table:
    """One row for each search, and the totals among the notes."""
    rows = tuple(search.row() for search in searches)
    truths = {search.truth.formula: search.truth for search in searches}
    unbound = [
        f"{formula}: the truth is itself {truth.fault}, so it can be visited but is no answer of a search"
        for formula, truth in truths.items()
        if truth.fault
    ]
    return Table(title, COLUMNS, rows, (totals(rows), *notes, *unbound, *DEFINITIONS, SOURCE))


def totals(rows: Sequence[Mapping[str, Value]]) -> str:
    """How many of the searches reached, visited and went below their truths, in one line."""
    reachable = [row for row in rows if row["reachable"]]
    kept = [row for row in reachable if row["kept"]]
    text = (
        f"in all: {len(rows)} searches, {len(reachable)} truths reachable; visited {_share(rows, 'visited')}, "
        f"{_share(reachable, 'visited')} that are reachable, {_share(kept, 'visited')} that are reachable and kept; "
        f"something lower than the truth was found in {_share(rows, 'lower')}"
    )
    waiting = sum(row["visited"] is None for row in rows)
    return f"{text}; not complete, and without a visit so far: {waiting}" if waiting else text


def _share(rows: Sequence[Mapping[str, Value]], key: str) -> str:
    """Of the rows in which it is known."""
    known = [row[key] for row in rows if row[key] is not None]
    return f"{sum(map(bool, known))} of {len(known)}"


def _per_atom(trial: Trial) -> float | None:
    if trial.crystal is None or trial.energy is None:
        return None
    return trial.energy / trial.crystal.num_atoms
