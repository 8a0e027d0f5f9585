"""The forty crystals searched from their formulas alone: one search each, and the table of what they ended in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.analysis.forty import Searched, Truth, forty_crystals, forty_table
from crysim.analysis.paper.tables import protocol_path
from crysim.analysis.references import known_energies
from crysim.analysis.tables import Table
from crysim.errors import UnknownNameError
from crysim.harness.config_file import read_settings
from crysim.harness.executors import Job
from crysim.harness.journal import MANIFEST, RunRecord, read_run
from crysim.harness.settings import BenchSettings
from crysim.workflows.bench import settle
from crysim.workflows.running import Ended, check_runs, run_all
from crysim.workflows.search_plan import PROTOTYPES, PROTOTYPES_SHARE, plan_search, searched_contents
from crysim.written_files import path_part

if TYPE_CHECKING:
    from rich.console import Console

PROTOCOL = "crystals40"
UNITS = (1, 2, 3, 4)
"""Formula units per primitive cell that are searched."""
MAX_ATOMS = 84
"""Atoms per primitive cell, at most: with `UNITS`, the cells of 37 of the forty."""
STRATEGY = "enumerate"
"""Where no strategy is named: one at a time, so that its share of the answers can be told."""


@dataclass(frozen=True)
class Hunt:
    """The search of one formula and seed that is to be run.

    Attributes:
        truth: what is looked for.
        seed: of everything random.
        jobs: its runs, in the order in which their relaxations are counted.
    """

    truth: Truth
    seed: int
    jobs: tuple[Job, ...]

    def records(self) -> list[RunRecord]:
        """Its runs as they lie on disk, those that have begun."""
        return [read_run(job.folder) for job in self.jobs if (job.folder / MANIFEST).exists()]

    def searched(self, records: Sequence[RunRecord], energies: Mapping[str, float | None]) -> Searched:
        """What came of its runs, with the truths' energies per cell by formula."""
        energy = energies.get(self.truth.formula)
        per_atom = None if energy is None else energy / self.truth.crystal.num_atoms
        budget = sum(job.spec.budget for job in self.jobs)
        return Searched(self.truth, self.seed, self.truth.reachable(UNITS, MAX_ATOMS), per_atom, budget, records)


def find_forty(
    folder: Path,
    title: str,
    given: Mapping[str, Any],
    *,
    formulas: Sequence[str] = (),
    method: str | None = None,
    prototypes: bool = False,
    console: Console | None = None,
) -> tuple[Table, Ended]:
    """Search the forty crystals, or go on with it.

    All searches share their worker processes; the smallest cells of all formulas come first.

    Args:
        folder: of the results; the runs of each formula lie under it as ``crysim search`` writes them.
        title: of the table.
        given: settings that change the protocol's, see `crysim.harness.config_file.read_settings`; None is not given.
        formulas: those that are searched; empty: all.
        method: strategy; None: that of ``crysim search``.
        prototypes: whether known structure types take part where no strategy is named.
        console: where the progress is shown; None: nowhere.

    Raises:
        InputError: a name or a value is wrong.
    """
    truths = _chosen(formulas)
    settings = _settings(given, truths)
    out = folder / "runs" / "-".join(_label(settings, method, prototypes))
    hunts = [_hunt(t, seed, settings, out, method, prototypes) for t in truths.values() for seed in settings.seeds]
    jobs = sorted((job for hunt in hunts for job in hunt.jobs), key=lambda job: job.spec.system.num_atoms)
    check_runs([job.spec for job in jobs])
    systems = [truth.system for truth in truths.values()]
    ended = run_all(jobs, settings.placement, beside=partial(settle, out, systems, settings.relax), console=console)
    records = [hunt.records() for hunt in hunts]
    energies: Mapping[str, float | None] = {}
    if fingerprint := next((record.fingerprint for some in records for record in some), None):
        energies = known_energies(out, systems, fingerprint, settings.relax.pressure)
    searches = [hunt.searched(some, energies) for hunt, some in zip(hunts, records, strict=True)]
    return forty_table(searches, title, _notes(settings, method, prototypes)), ended


def _chosen(formulas: Sequence[str]) -> dict[str, Truth]:
    known = forty_crystals()
    for name in formulas:
        if name not in known:
            raise UnknownNameError(f"system of {PROTOCOL}", name, known)
    return {name: truth for name, truth in known.items() if not formulas or name in formulas}


def _settings(given: Mapping[str, Any], truths: Mapping[str, Truth]) -> BenchSettings:
    return read_settings(protocol_path(PROTOCOL), {**given, "system": list(truths)})


def _hunt(truth: Truth, seed: int, settings: BenchSettings, out: Path, method: str | None, prototypes: bool) -> Hunt:
    contents = searched_contents(truth.formula, UNITS, "primitive", MAX_ATOMS)
    own = replace(settings, system=tuple(one.formula for one in contents), seeds=(seed,))
    plan = plan_search(
        own,
        out / path_part(truth.formula, "the formula"),
        method=method or STRATEGY,
        prototypes=prototypes and method is None,
    )
    return Hunt(truth, seed, plan.jobs)


def _label(settings: BenchSettings, method: str | None, prototypes: bool) -> list[str]:
    """What names the folder of the runs: all that a person may cut or change."""
    parts = [PROTOCOL, str(settings.budget), settings.energy, method or STRATEGY]
    parts += [PROTOTYPES] if prototypes and method is None else []
    parts += [settings.relax.symmetry] if settings.relax.symmetry else []
    return [part.replace(":", "-") for part in parts]


def _notes(settings: BenchSettings, method: str | None, prototypes: bool) -> list[str]:
    """How it was searched, and what was cut of the protocol, one line each."""
    strategy = method or STRATEGY
    if prototypes and method is None:
        strategy += f" after known structure types (strategy {PROTOTYPES}), to which at most {PROTOTYPES_SHARE:.0%} go"
    symmetry = settings.relax.symmetry or "the model's own"
    notes = [
        f"each search: the formula alone, {UNITS[0]} to {UNITS[-1]} formula units and at most {MAX_ATOMS} atoms per "
        f"primitive cell, {settings.budget} relaxations evenly shared among the cells, strategy {strategy}, "
        f"energy model {settings.energy}, symmetry of the relaxations: {symmetry}"
    ]
    known = forty_crystals()
    whole = _settings({}, known)
    systems = len(known), len(settings.system)
    for what, ours, theirs in (
        ("relaxations", settings.budget, whole.budget),
        ("seeds", _listed(settings.seeds), _listed(whole.seeds)),
        ("energy model", settings.energy, whole.energy),
        ("formulas", systems[1], systems[0]),
    ):
        if ours != theirs:
            notes.append(f"cut or changed: {what} {ours} (the protocol: {theirs})")
    return notes


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
