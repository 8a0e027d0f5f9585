"""What a search runs: which contents, which strategies, and how the budget is shared among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from crysim.composition import CellKind, Composition, Contents
from crysim.crystal.generation import allowed_space_groups
from crysim.crystal.mixed_types import mixed_types
from crysim.crystal.prototypes import iterate_prototypes, likeliest_fillings, templates_within
from crysim.errors import InputError
from crysim.harness.contents import MAX_SEARCHED, contents_of, default_units
from crysim.harness.executors import Job
from crysim.harness.run_folder import run_folder
from crysim.harness.settings import BenchSettings
from crysim.harness.spec import PartSpec, RunSpec
from crysim.symmetry import compatible_space_groups
from crysim.workflows.begun import option_in

PROTOTYPES = "prototypes"
"""The strategy that proposes known structure types."""
DEFAULT = "portfolio"
"""The strategy of a search: it shares its relaxations among the contents by itself."""
SETTLED = "settled"
"""Its option by which it learns a potential from where relaxations begin and end; what began without goes on so."""
STOP_AFTER = 30
"""Independent starts that must have led to the lowest crystal for a search to end before its budget."""
PROTOTYPES_SHARE = 0.5
"""Of the budget, at most, goes to known structure types."""
LARGEST = 100
"""Atoms of a primitive cell up to which known structure types are tried where the user does not say what is searched:
one relaxation each, where drawing in such cells would take hundreds."""
LIKELIEST = 60
"""Ways to put the formula in structure types that are looked at for that,"""
MIXED = 6
"""and structure types in which some of its elements share places."""


@dataclass(frozen=True)
class Plan:
    """The runs of a search, in the order in which they begin: smallest cells first.

    Attributes:
        formula: of one unit.
        contents: that are searched.
        jobs: runs with their folders.
        larger: contents of other cells, mostly larger ones, that known structure types are tried in.
    """

    formula: str
    contents: tuple[Contents, ...]
    jobs: tuple[Job, ...]
    larger: tuple[Contents, ...] = ()

    @property
    def budget(self) -> int:
        """Relaxations of all runs."""
        return sum(job.spec.budget for job in self.jobs)

    def text(self) -> str:
        """What is searched, in one line."""
        units = [contents.composition.num_formula_units for contents in self.contents]
        atoms = [contents.num_atoms for contents in self.contents]
        cell = "primitive" if self.contents[0].primitive else "conventional"
        methods = list(dict.fromkeys(job.spec.method for job in self.jobs))
        words = " and ".join([", ".join(methods[:-1]), methods[-1]][len(methods) == 1 :])
        return (
            f"{self.formula}: {_listed(units)} formula unit{'s' if units != [1] else ''} per {cell} cell "
            f"({_listed(atoms)} atoms){self._larger_text()}, {self.budget} "
            f"relaxation{'s' if self.budget != 1 else ''} by {words}"
        )

    def _larger_text(self) -> str:
        largest = max((one.num_atoms for one in self.larger), default=0)
        return f", known structure types of up to {largest}" if largest > self.contents[-1].num_atoms else ""


def searched_contents(
    formula: str, units: Sequence[int] | None, cell: CellKind, max_atoms: int | None
) -> list[Contents]:
    """The contents that a search of a formula tries.

    Args:
        formula: one unit, as it is written.
        units: formula units per cell; None: `crysim.harness.contents.default_units` of the primitive cell, one of the
            conventional cell.
        cell: which cell they fill.
        max_atoms: per cell, at most; None: `MAX_SEARCHED`.

    Raises:
        InputError: no formula, or nothing is left of it.
    """
    most = MAX_SEARCHED if max_atoms is None else max_atoms
    if most < 1:
        raise InputError(f"max_atoms is {most}: it must be at least 1")
    written = Composition.from_formula(formula)
    if units is None:
        if cell == "conventional":
            return contents_of(formula, [1], cell, most)
        unit = Composition.from_formula(written.reduced_formula)
        return contents_of(unit.formula, default_units(unit, most), cell, most)
    kept = [z for z in units if z * written.num_atoms <= most] if max_atoms is not None else list(units)
    if not kept:
        raise InputError(f"no contents of {formula} have at most {most} atoms: raise --max-atoms or lower --z")
    return contents_of(formula, kept, cell, MAX_SEARCHED)


def plan_search(
    settings: BenchSettings,
    out: Path,
    *,
    method: str = DEFAULT,
    prototypes: bool = True,
    prototype_folder: str | None = None,
    larger_types: bool = False,
) -> Plan:
    """The runs of a search.

    Args:
        settings: their systems are the contents; their budgets are those of the whole search.
        out: folder of the results.
        method: strategy. One that can choose among several contents has one run; of another each of the contents has
            its own, and an even share of the budget. `DEFAULT` ends once `STOP_AFTER` starts led to its lowest crystal.
        prototypes: whether known structure types take part.
        prototype_folder: structure files to take as types too.
        larger_types: whether a strategy that can choose tries known structure types in other primitive cells too, most
            of them larger, up to `LARGEST` atoms.

    Raises:
        InputError: a name or a value is wrong.
    """
    general = _fitting(replace(settings, method=(method,)).runs())
    contents = list(dict.fromkeys(spec.system for spec in general))
    types: dict[str, Any] = {} if prototype_folder is None else {"folder": str(Path(prototype_folder).resolve())}
    if general[0].chooses_contents:
        strategy = general[0].strategy
        wanted = {"prototypes": True, **types} if prototypes else {}
        larger = _of_types_alone(contents, prototype_folder) if larger_types and prototypes else []
        if larger:
            wanted["types_alone"] = len(larger)
        if option_in(out, strategy.name, SETTLED) is False:
            wanted = {SETTLED: False, **wanted}
        options = {"stop_after": STOP_AFTER, **wanted, **strategy.options}
        together = Contents.together([*contents, *larger])
        runs = [replace(general[0], system=together, strategy=PartSpec(strategy.name, options))]
    else:
        larger = []
        contents = contents[: settings.budget]  # the smallest, if it is less
        runs = _even_runs(settings, general, contents, prototypes=prototypes, types=types)
        runs = _with_shared_limits(runs, settings)
    jobs = [Job(spec, run_folder(out / "runs", spec.system.name, spec.method, spec.seed)) for spec in runs]
    unit = contents[0].composition.reduced_formula
    return Plan(unit, tuple(contents), tuple(jobs), tuple(larger))


def _of_types_alone(contents: Sequence[Contents], folder: str | None) -> list[Contents]:
    """What primitive cells of the likeliest structure types, and of orders of the elements on their places, hold, where
    it is none of the contents: more units than any, mostly, or an unusual number of them."""
    first = contents[0]
    if not first.primitive:
        return []
    unit = Composition.from_formula(first.composition.reduced_formula)
    drawn = {one.composition.num_formula_units for one in contents}
    taken = templates_within(folder, True, LARGEST)
    fillings = likeliest_fillings(taken, unit, LIKELIEST)
    units = {one.template.num_atoms // unit.num_atoms for one in fillings}
    mixed = mixed_types(taken, unit, max_atoms=LARGEST)[:MIXED]
    units |= {z for one in mixed for z in (one.units, one.conventional_units) if z * unit.num_atoms <= LARGEST}
    return contents_of(unit.formula, sorted(units - drawn), first.cell, LARGEST)


def _even_runs(
    settings: BenchSettings,
    general: Sequence[RunSpec],
    contents: Sequence[Contents],
    *,
    prototypes: bool,
    types: Mapping[str, Any],
) -> list[RunSpec]:
    """A run of each of the contents, smallest first, each after those of its structure types."""
    known = [0] * len(contents)
    if prototypes:
        most = int(settings.budget * PROTOTYPES_SHARE)
        known = _known_types(contents, most, settings.space_groups, types.get("folder"))
    shares = _shares(settings.budget - sum(known), len(contents))
    typed = replace(settings, method=(PROTOTYPES,), method_options=types, seed_structures=())
    runs: list[RunSpec] = []
    for place, system in enumerate(contents):
        own = next(spec for spec in general if spec.system == system)
        if known[place]:
            strategy = next(run.strategy for run in typed.runs() if run.system == system)
            runs.append(replace(own, method=PROTOTYPES, strategy=strategy, parts={}, budget=known[place]))
        if shares[place]:
            runs.append(replace(own, budget=shares[place]))
    return runs


def _fitting(runs: Sequence[RunSpec]) -> list[RunSpec]:
    """The runs whose contents fit an allowed space group; all of them if none does, for what they then say."""
    fitting = [run for run in runs if compatible_space_groups(run.system, allowed_space_groups(run.space_groups))]
    return fitting or list(runs)


def _known_types(
    contents: Sequence[Contents], most: int, space_groups: tuple[int, ...] | None, folder: str | None
) -> list[int]:
    """How many of the likeliest structure types, at most so many in all, each of the contents holds."""
    counts = [0] * len(contents)
    together = Contents.together(contents)
    for one in iterate_prototypes(together.composition, folder=folder, contents=together):
        if sum(counts) >= most:
            break
        for place, wanted in enumerate(contents):
            crystal = one.with_contents(wanted)
            if crystal is not None and (space_groups is None or crystal.space_group in space_groups):
                counts[place] += 1
                break
    return counts


def _shares(budget: int, parts: int) -> list[int]:
    """A budget in even parts, the first ones one larger where it does not divide."""
    return [budget // parts + (place < budget % parts) for place in range(parts)]


def _with_shared_limits(runs: Sequence[RunSpec], settings: BenchSettings) -> list[RunSpec]:
    """The runs with their shares of the search's evaluations and CPU seconds, in proportion to relaxations."""
    total = sum(run.budget for run in runs)
    evaluations, seconds = settings.budget_evaluations, settings.budget_seconds
    return [
        replace(
            run,
            budget_evaluations=None if evaluations is None else max(1, evaluations * run.budget // total),
            budget_seconds=None if seconds is None else seconds * run.budget / total,
        )
        for run in runs
    ]


def _listed(values: Sequence[int]) -> str:
    """``1 to 4`` where they follow one another or are evenly apart, else each."""
    if len(values) == 1:
        return str(values[0])
    steps = {second - first for first, second in pairwise(values)}
    return f"{values[0]} to {values[-1]}" if len(values) > 2 and len(steps) == 1 else ", ".join(map(str, values))
