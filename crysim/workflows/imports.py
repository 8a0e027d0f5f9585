"""Results of another program: its structures to a run's folder, for the same tables and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from crysim import __version__
from crysim.analysis.foreign import ForeignStructure, read_foreign
from crysim.composition import CellKind, Composition, Contents
from crysim.crystal import Crystal
from crysim.declared import declared
from crysim.errors import InputError
from crysim.harness.config_file import check_from_file, read_settings
from crysim.harness.journal import IMPORTED, JOURNAL, Journal, find_runs, read_manifest
from crysim.harness.manifest import FORMAT, run_identity
from crysim.harness.run_folder import LOCK, locked, make_folder, raise_budgets, run_folder, settle_manifest
from crysim.harness.settings import BenchSettings
from crysim.harness.spec import PartSpec, RunSpec, build_energy, check_elements
from crysim.harness.tasks import Relaxations
from crysim.harness.trials import classify
from crysim.interfaces import Candidate, Relaxation, RelaxSettings, RelaxStatus, Trial, TrialStatus
from crysim.plugins import plugin_manager
from crysim.workflows.relax_apart import Compute, apart
from crysim.written_files import path_part

SYMPREC = 0.1
"""Å within which the symmetry of an imported structure is found."""
_BATCH = 8


@dataclass(frozen=True)
class Import:
    """What is imported.

    Attributes:
        folder, kind: see `crysim.analysis.foreign.read_foreign`.
        out: of the results that it joins.
        system: formula, or None.
        z: units of the formula per cell.
        cell: which cell they fill, and that of the first structure does where no formula is given.
        method, seed: of the run that it becomes.
        relax: with the energy model.
    """

    folder: Path
    kind: str
    out: Path
    system: str | None
    method: str
    seed: int
    relax: bool
    z: int = 1
    cell: CellKind = "conventional"


@dataclass(frozen=True)
class Imported:
    """What an import came to.

    Attributes:
        folder: of the run that it became.
        structures, counting: how many there are, and how many of them count.
        lowest: energy, eV per cell, or None.
        energy: whose energies they are.
        skipped: pieces that could not be read, and why, one line each.
        notes: what was heeded otherwise than the files say.
        failed: structures whose relaxation failed, and why, one line each.
    """

    folder: Path
    structures: int
    counting: int
    lowest: float | None
    energy: str
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = {"folder": str(self.folder), "structures": self.structures, "counting": self.counting}
        found |= {"lowest": self.lowest, "skipped": list(self.skipped), "notes": list(self.notes)}
        return {**found, "failed": list(self.failed)}

    def __str__(self) -> str:
        energy = "none has an energy" if self.lowest is None else f"lowest energy {self.lowest:.4f} eV per cell"
        return f"{self.folder}: {self.structures} structures, {self.counting} count, {energy} by {self.energy}"


def import_results(wanted: Import, given: Mapping[str, Any]) -> Imported:
    """Read, relax if that is wanted, and write the run.

    Args:
        wanted: what is imported.
        given: settings of the relaxations: see `crysim.harness.config_file.read_settings`.

    Raises:
        InputError: nothing to read, another composition, or the run is there already with other settings.
    """
    path_part(wanted.method, "the method")  # refused before anything is read
    asked = _asked(wanted)
    results = read_foreign(wanted.folder, wanted.kind, None if asked is None else asked.composition)
    bench = bench_configs(wanted.out)
    contents = asked or _contents(results.structures[0], bench, wanted.cell)
    structures, candidates, others = _candidates(results.structures, contents)
    settings = _settings(wanted, contents, given, bench)
    folder = run_folder(wanted.out, contents.name, wanted.method, wanted.seed)
    part = PartSpec(settings.energy, settings.options.get("energy", {}).get(settings.energy, {}))
    if wanted.relax:
        model = build_energy(part)
        check_elements(settings.energy, model.elements, contents)
        manifest = _manifest(wanted, contents, len(candidates), settings, model.fingerprint())
    else:
        fingerprint = {"model": f"energies of {wanted.kind}", "method": wanted.method}
        manifest = _manifest(wanted, contents, len(candidates), settings, fingerprint)
    make_folder(folder)  # nothing before this writes
    with locked(folder / LOCK, wait=5.0):
        settle_manifest(folder, manifest)
        # Another program's structures may kill whatever relaxes them: this process only writes down what comes of them.
        away = apart(part, settings.threads, settings.relax, settings.task_timeout)
        with Journal(folder / JOURNAL) as journal, away as compute:
            trials = [trial for batch in journal.batches for trial in batch.trials]
            _check_same(trials, candidates, folder)
            raise_budgets(folder, manifest)
            while len(trials) < len(candidates):
                first = len(trials)
                batch = candidates[first : first + _BATCH]
                if wanted.relax:
                    new = _relaxed(compute, batch, first, settings, contents)
                else:
                    new = _as_they_are(batch, structures[first : first + _BATCH], settings.min_relaxed_distance, first)
                trials += journal.append(new, stateful=False)
    counting = [trial for trial in trials if trial.counted and trial.energy is not None]
    energies = [
        contents.per_cell(trial.energy, trial.crystal)
        for trial in counting
        if trial.energy is not None and trial.crystal is not None
    ]
    lowest = min(energies, default=None)
    energy = settings.energy if wanted.relax else wanted.kind
    skipped = (*results.skipped, *others)
    lost = [trial for trial in trials if wanted.relax and trial.status is TrialStatus.FAILED]
    failed = tuple(f"{trial.candidate.info['source']}: {trial.reason}" for trial in lost)
    return Imported(folder, len(trials), len(counting), lowest, energy, skipped, tuple(results.notes), failed)


def _asked(wanted: Import) -> Contents | None:
    """The contents that a person names; None: those of the first structure are taken."""
    if wanted.system:
        return Contents.from_formula(wanted.system, wanted.z, wanted.cell)
    if wanted.z != 1:
        raise InputError("--z counts units of a formula: give it with --system")
    return None


def _check_same(trials: Sequence[Trial], candidates: Sequence[Candidate], folder: Path) -> None:
    """Refuse to go on with an import of other structures."""
    for number, (trial, candidate) in enumerate(zip(trials, candidates, strict=False)):
        if trial.candidate.crystal != candidate.crystal:
            raise InputError(
                f"{folder} holds an import of other structures: its trial {number} is not {candidate.info['source']}; "
                f"give another --method or --seed"
            )


def bench_configs(out: Path) -> list[Mapping[str, Any]]:
    """The configurations of the runs of `crysim bench` in a folder; none if there is no such folder yet."""
    manifests = [read_manifest(folder) for folder in find_runs(out)] if out.is_dir() else []
    configs = [manifest["config"] for manifest in manifests if manifest is not None]
    return [config for config in configs if not config["strategy"]["name"].startswith(IMPORTED)]


def _settings(
    wanted: Import, contents: Contents, given: Mapping[str, Any], bench: Sequence[Mapping[str, Any]]
) -> BenchSettings:
    """The settings of the relaxations: those given, the rest as in the bench that the results join."""
    relax = {one.name for one in declared(RelaxSettings)}
    chosen = {**given, "system": [contents.formula], "method": ["random"], "out": str(wanted.out)}
    if not bench or "energy" in given:
        return read_settings(None, chosen)
    energy = bench[0]["energy"]
    options = {**plugin_manager().get("energy", energy["name"]).newer_options, **energy["options"]}
    check_from_file("energy", energy["name"], options)
    chosen["energy"] = energy["name"]
    chosen["energy_options"] = {**options, **given.get("energy_options", {})}
    settings = read_settings(None, chosen)
    own = {key: value for key, value in given.items() if key in relax}
    distance = bench[0]["min_relaxed_distance"]
    return replace(settings, relax=RelaxSettings(**{**bench[0]["relax"], **own}), min_relaxed_distance=distance)


def _contents(one: ForeignStructure, bench: Sequence[Mapping[str, Any]], cell: CellKind) -> Contents:
    """The contents of a structure's own or primitive cell, with its elements in the bench's order where that has it."""
    structure = one.structure.get_primitive_structure(SYMPREC) if cell == "primitive" else one.structure
    counts: dict[str, int] = {}
    for site in structure:
        counts[site.specie.symbol] = counts.get(site.specie.symbol, 0) + 1
    for known in (Composition.from_formula(str(config["system"])) for config in bench):
        if known.amounts == counts:
            return Contents(known, cell)
    return Contents(Composition(tuple(counts), tuple(counts.values())), cell)


def _candidates(
    found: Sequence[ForeignStructure], contents: Contents
) -> tuple[list[ForeignStructure], list[Candidate], list[str]]:
    """The structures of the contents, what they are as candidates, and why the others are left out.

    Raises:
        InputError: none is of it.
    """
    structures, candidates, others = [], [], []
    for one in found:
        try:
            crystal = Crystal.from_structure(one.structure, SYMPREC, contents)
        except InputError as error:
            others.append(f"{one.source}: {error}")
            continue
        structures.append(one)
        candidates.append(Candidate(crystal, info={"source": one.source}))
    if not candidates:
        raise InputError(others[0] + (f" (and {len(others) - 1} more like it)" if len(others) > 1 else ""))
    return structures, candidates, others


def _relaxed(
    compute: Compute, candidates: Sequence[Candidate], first: int, settings: BenchSettings, contents: Contents
) -> list[Trial]:
    """Trials of relaxed structures, which say where these came from though that did not travel with them."""
    trials: list[Trial] = compute(Relaxations.of(candidates, first, settings, contents))
    return [replace(trial, candidate=candidate) for trial, candidate in zip(trials, candidates, strict=True)]


def _as_they_are(
    candidates: Sequence[Candidate], structures: Sequence[ForeignStructure], min_relaxed_distance: float, first: int
) -> list[Trial]:
    """Trials with the program's own energies, without a relaxation."""
    trials = []
    for i, (candidate, one) in enumerate(zip(candidates, structures, strict=True)):
        if one.energy is None:
            outcome = Relaxation(
                RelaxStatus.FAILED, None, None, 0, 0, None, reason="the program's results give no energy"
            )
        else:
            # the conventional cell may hold more or fewer atoms than the program's own
            energy = one.energy * candidate.start.num_atoms / len(one.structure)
            outcome = Relaxation(RelaxStatus.RELAXED, candidate.crystal, energy, 0, 0, None)
        trials.append(classify(first + i, candidate, outcome, min_relaxed_distance))
    return trials


def _manifest(
    wanted: Import, contents: Contents, budget: int, settings: BenchSettings, fingerprint: Mapping[str, str]
) -> dict[str, Any]:
    """The manifest of an imported run: like a run's own, with a strategy that says where it comes from."""
    spec = RunSpec(
        system=contents,
        method=wanted.method,
        strategy=PartSpec("random"),
        energy=PartSpec(settings.energy, settings.options.get("energy", {}).get(settings.energy, {})),
        seed=wanted.seed,
        budget=budget,
        relax=settings.relax,
        min_relaxed_distance=settings.min_relaxed_distance,
    )
    config = spec.config()
    config["strategy"] = {"name": f"{IMPORTED} {wanted.kind}", "options": {"relaxed": wanted.relax}}
    if not wanted.relax:
        config["energy"] = {"name": f"energies of {wanted.kind}", "options": {}}
    return {
        "format": FORMAT,
        "run": run_identity(config, fingerprint),
        "config": config | {"relax": asdict(settings.relax)},
        "fingerprint": dict(fingerprint),
        "versions": {"crysim": __version__},
    }
