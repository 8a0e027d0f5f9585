"""Whether a folder of results holds what it claims: everything that can be computed again is, from what is stored.

Journals line by line; crystals against contents, groups, distances and statuses; energies and forces by the energy
model, built anew and compared by its weights' hash, initial crystals' too; references; tables against the journals.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from crysim.arrays import EV_PER_GPA_A3
from crysim.crystal.identify import find_space_group
from crysim.crystal.validity import is_comparable, too_close
from crysim.errors import CrysimError, InputError
from crysim.harness.blocks import is_stored
from crysim.harness.columns import columns_of
from crysim.harness.config_file import check_from_file
from crysim.harness.initial import SHARED
from crysim.harness.journal import JOURNAL, RunRecord, beginning_of, find_runs, read_manifest, read_run
from crysim.harness.manifest import first_difference
from crysim.harness.run_folder import load_state
from crysim.harness.sittings import read_sittings
from crysim.harness.spec import PartSpec, build_energy
from crysim.harness.stored_trials import scan
from crysim.interfaces import EnergyModel, RelaxSettings, RelaxStatus, Trial, TrialStatus
from crysim.plugins import plugin_manager
from crysim.symmetry.groups import space_group
from crysim.workflows.verify_files import other_files
from crysim.workflows.verify_initial import faults, read_initial, shared_differences, wrong_energies
from crysim.workflows.verify_tables import other_tables

ENERGY_TOLERANCE = 0.001
"""eV per atom by which an energy computed again may differ; other software and another order of sums give 1e-5."""
FORCE_TOLERANCE = 2.0
"""Times fmax that a relaxed crystal's largest force may be when it is computed again from what was stored."""
SYMPREC = 0.01
"""Å within which a stored crystal must have the group that it is described in."""
BATCH = 16


@dataclass(frozen=True)
class Difference:
    """Something that is not as the folder claims.

    Attributes:
        place: file, or run and trial.
        what: claimed and found, in one line.
    """

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass
class Verified:
    """What was looked at, and what differs.

    Attributes:
        folder: of the results.
        runs, trials: that were read.
        energies: relaxed crystals whose energy and forces were computed again.
        initial: initial crystals whose energies were computed again; runs that share them count once.
        tables: files that were compared with the journals.
        files: crystals, pictures, inputs of other programs and the like, that were compared with what was written.
        differences: in the order in which they were found.
        notes: what could not be looked at, and why, one line each.
    """

    folder: Path
    runs: int = 0
    trials: int = 0
    energies: int = 0
    initial: int = 0
    tables: int = 0
    files: int = 0
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def add(self, found: Iterable[tuple[str, str]]) -> None:
        """Differences, as place and what."""
        self.differences += [Difference(place, what) for place, what in found]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "folder": str(self.folder), "good": self.good}

    def __str__(self) -> str:
        found = "nothing differs" if self.good else _number(len(self.differences), "difference")
        return (
            f"{self.folder}: {_number(self.runs, 'run')} with {_number(self.trials, 'trial')} read, "
            f"{_number(self.energies, 'energy', 'energies')} and {self.initial} of initial crystals computed again, "
            f"{_number(self.tables, 'table')} and {_number(self.files, 'file')} compared: {found}"
        )


def _number(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def verify(
    folder: str | Path, *, energies: int | None = 10, energy_options: Mapping[str, Any] | None = None
) -> Verified:
    """Compute again what a folder of results claims.

    Args:
        folder: what a search, a bench or an import wrote.
        energies: relaxed crystals of each run whose energy and forces are computed again, the lowest first, and as many
            of its initial ones; None: all.
        energy_options: of the energy model, such as the path of its weights on this machine.

    Raises:
        InputError: the folder holds no run.

    Example:
        >>> import crysim
        >>> crysim.verify("crysim-bench").good  # doctest: +SKIP
    """
    if energies is not None and energies < 0:
        raise InputError(f"energies is {energies}: it must be at least 0")
    done = Verified(Path(folder))
    folders = find_runs(folder)
    if not folders:
        raise InputError(f"{folder} holds no run: give the folder that crysim bench or crysim search wrote")
    records = [record for place in folders if (record := _read(place, done)) is not None]
    models: dict[str, EnergyModel | None] = {}
    initial: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        _check_trials(record, done)
        model = None
        if energies != 0 and not record.imported:
            model = _model(record, models, energy_options or {}, done)
            if model is not None:
                _check_energies(record, model, energies, done)
        _check_initial(record, model, energies, initial, done)
    done.add(shared_differences(done.folder / SHARED, initial))
    done.files, changed, notes = other_files(done.folder)
    done.add(changed)
    done.notes += notes
    try:
        done.tables, differences = other_tables(done.folder, records)
        done.add((str(path), what) for path, what in differences)
    except CrysimError as error:
        done.notes.append(f"tables are not compared: {error}")
    return done


def _read(folder: Path, done: Verified) -> RunRecord | None:
    """The record of a run, its journal read line by line and not from a cache."""
    try:
        manifest = read_manifest(folder)
        path = folder / JOURNAL
        columns = scan(path, beginning_of(manifest)) if is_stored(path) else None
        record = read_run(folder)
        read_initial(folder)
        read_sittings(folder, record.manifest)
        state, settled = load_state(folder)
    except CrysimError as error:
        done.differences.append(Difference(str(folder), str(error)))
        return None
    if state is not None and settled > len(record.trials):
        lost = f"its state is that after {settled} trials, and the journal holds {len(record.trials)}"
        done.differences.append(Difference(str(folder), lost))
    if columns is not None and columns.rows.tobytes() != columns_of(record.trials).rows.tobytes():
        done.differences.append(Difference(str(folder), "its cache is not what the journal says: delete it"))
    done.runs += 1
    return record


# -------------------------------------------------------------------------------------------------------- crystals


def _check_trials(record: RunRecord, done: Verified) -> None:
    trials = iter(record.trials)
    while True:
        try:
            trial = next(trials, None)
        except InputError as error:
            done.differences.append(Difference(str(record.path), str(error)))
            return
        if trial is None:
            return
        done.trials += 1
        done.differences += [Difference(_place(record, trial), what) for what in _faults(record, trial)]


def _place(record: RunRecord, trial: Trial) -> str:
    return f"{record.path}, trial {trial.number}"


def _faults(record: RunRecord, trial: Trial) -> Iterator[str]:
    """What is wrong with a trial by itself."""
    crystal, contents, blend = trial.crystal, record.contents, trial.candidate.blend
    if blend is not None:
        if crystal is not None and crystal.composition.reduced != blend.merged(contents.composition).reduced:
            yield f"its virtual crystal is {crystal.composition}, and {contents} was searched"
        return
    start = trial.candidate.crystal
    if start is not None and not contents.held_by(start):
        yield f"its start is {start.composition}, and {contents} was searched"
    # a primitive cell grows where images of one atom part: the crystal is described in the cell that its start had
    in_its_cell = start is not None and crystal is not None and crystal.composition == start.composition
    if crystal is not None and not in_its_cell and not contents.held_by(crystal):
        yield f"its relaxed crystal is {crystal.composition}, and {contents} was searched"
    if trial.status is TrialStatus.FAILED:
        if crystal is not None:
            yield "it has failed, and has a relaxed crystal"
        return
    if crystal is None:
        yield f"it is {trial.status}, and has no relaxed crystal"
        return
    limit = record.config.get("min_relaxed_distance")
    if isinstance(limit, float | int) and trial.status not in (TrialStatus.STOPPED, TrialStatus.KNOWN):
        pair = too_close(crystal, limit)
        if (pair is not None) != (trial.status is TrialStatus.TOO_CLOSE):
            distance, limit = pair or (crystal.min_distance(), limit)
            yield f"it is {trial.status}, and its closest pair is at {distance:.3f} Å (limit {limit:g} Å)"
    if trial.counted and is_comparable(crystal):
        found = find_space_group(crystal.to_structure(), SYMPREC)
        if len(space_group(found).operations[0]) < crystal.group.point_group_order:
            yield f"it is described in space group {crystal.space_group}, and its atoms are in {found}"


# -------------------------------------------------------------------------------------------------------- energies


def _model(
    record: RunRecord, known: dict[str, EnergyModel | None], options: Mapping[str, Any], done: Verified
) -> EnergyModel | None:
    """The energy model that a run says it used, where it can be built here and its weights are the same."""
    part = record.config["energy"]
    key = json.dumps([part, dict(record.fingerprint)], sort_keys=True)
    if key not in known:
        known[key] = None
        try:
            told = {**plugin_manager().get("energy", part["name"]).newer_options, **part["options"]}
            check_from_file("energy", part["name"], told)
            model = build_energy(PartSpec(part["name"], {**told, **options}))
            model.check()
            difference = first_difference(dict(record.fingerprint), dict(model.fingerprint()))
        except (CrysimError, ImportError, OSError) as error:
            done.notes.append(f"energies by {part['name']} are not computed again: {error}")
            return None
        if difference is None:
            known[key] = model
        else:
            name, was, now = difference
            done.notes.append(f"energies by {part['name']} are not computed again: its {name} was {was}, is {now} here")
    return known[key]


def _check_energies(record: RunRecord, model: EnergyModel, most: int | None, done: Verified) -> None:
    columns = columns_of(record.trials)
    found = np.flatnonzero(columns.counted)
    order = found[np.argsort(columns.energies[found] / columns.rows["atoms"][found], kind="stable")][:most]
    settings = RelaxSettings(**record.config["relax"])
    for first in range(0, len(order), BATCH):
        trials = [record.trials[int(i)] for i in order[first : first + BATCH]]
        crystals = [trial.crystal for trial in trials if trial.crystal is not None]
        energies = model.energies(crystals) + settings.pressure * EV_PER_GPA_A3 * np.array([c.volume for c in crystals])
        forces = _forces(model, crystals, settings)
        for trial, crystal, energy, force in zip(trials, crystals, energies, forces, strict=True):
            done.energies += 1
            for what in _wrong_energy(trial, crystal.num_atoms, float(energy), force, settings):
                done.differences.append(Difference(_place(record, trial), what))


def _check_initial(
    record: RunRecord,
    model: EnergyModel | None,
    most: int | None,
    known: dict[str, list[dict[str, Any]]],
    done: Verified,
) -> None:
    """Look at a run's initial crystals, unless another run had the same; ``known`` holds those by their hash."""
    lines = read_initial(record.path)
    if not lines or known.get(lines[0]["key"]) == lines:
        return
    known.setdefault(lines[0]["key"], lines)
    done.add(faults(record, lines))
    if model is not None:
        for number, found in wrong_energies(record, lines, model, most, ENERGY_TOLERANCE):
            done.initial += number
            done.add(found)


def _forces(model: EnergyModel, crystals: Sequence[Any], settings: RelaxSettings) -> list[float | None]:
    """The largest force (eV/Å) in each crystal as it is stored; None where the model does not say."""
    still = replace(settings, max_steps=0, symmetry="keep", num_frames=0)
    return [None if one.status is RelaxStatus.FAILED else one.max_force for one in model.relax(crystals, still)]


def _wrong_energy(
    trial: Trial, num_atoms: int, energy: float, force: float | None, settings: RelaxSettings
) -> Iterator[str]:
    claimed = trial.energy
    if claimed is not None and not abs(energy - claimed) <= ENERGY_TOLERANCE * num_atoms:
        yield f"its energy is stored as {claimed:.4f} eV, and is {energy:.4f} eV"
    if trial.status is TrialStatus.RELAXED and force is not None and force > FORCE_TOLERANCE * settings.fmax:
        yield f"it is relaxed to {settings.fmax:g} eV/Å, and a force of {force:.3f} eV/Å is left"
