"""The best distinct crystals of a search's or a bench's folder, to other programs' formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crysim.crystal import Crystal
from crysim.crystal.distinct import group_distinct
from crysim.crystal.export import FORMATS, Entry, render
from crysim.crystal.identity import identify
from crysim.errors import InputError, UnknownNameError
from crysim.harness.journal import RunRecord, read_bench
from crysim.interfaces import Trial
from crysim.written_files import WrittenFiles

CELLS = ("conventional", "primitive")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: where.
        entries: the crystals, for each formula lowest in energy first.
        files: written, in order.
        notes: what a person must still do, one line each.
    """

    folder: Path
    entries: tuple[Entry, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def export(
    folder: str | Path, to: str, *, top: int = 10, cell: str = "conventional", out: str | Path | None = None
) -> Exported:
    """Write the best distinct crystals of every formula that a folder's runs searched.

    Args:
        folder: what crysim search, bench or reproduce wrote.
        to: one of `crysim.crystal.export.FORMATS`.
        top: how many distinct crystals of each formula.
        cell: the ``conventional`` or the ``primitive`` standard cell.
        out: the folder of the files; None: ``export-FORMAT`` in the folder.

    Raises:
        InputError: no runs there, none with a relaxed crystal, energies of different models, a name that is unknown.
    """
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    if cell not in CELLS:
        raise UnknownNameError("cell", cell, CELLS)
    if top < 1:
        raise InputError(f"top is {top}: it must be at least 1")
    entries = best_entries(read_bench(folder), top=top, cell=cell)
    if not entries:
        raise InputError(f"'{folder}' holds no relaxed crystal to export")
    files, notes = render(entries, to)
    place = Path(folder) / f"export-{to}" if out is None else Path(out)
    # every folder once: an earlier export's files make room, a person's own stay
    folders = {
        name: WrittenFiles(place / name if name else place) for name in dict.fromkeys(["", *(f.folder for f in files)])
    }
    for one in folders.values():
        one.clear()
    written = tuple(folders[one.folder].write(one.stem, one.ending, one.content) for one in files)
    return Exported(place, tuple(entries), written, tuple(notes))


def best_entries(records: Sequence[RunRecord], *, top: int, cell: str = "conventional") -> list[Entry]:
    """The best distinct crystals of each reduced formula in some runs, with where they come from.

    Raises:
        InputError: the runs of a formula have energies of different models or pressures.
    """
    entries: list[Entry] = []
    for formula in dict.fromkeys(record.contents.composition.reduced_formula for record in records):
        own = [record for record in records if record.contents.composition.reduced_formula == formula]
        if len({(tuple(sorted(one.fingerprint.items())), one.pressure) for one in own}) > 1:
            raise InputError(f"the runs of {formula} have energies of different models or pressures: export them apart")
        found = [
            (record, trial, trial.crystal, trial.energy)
            for record in own
            for trial in record.trials
            if trial.counts and trial.crystal is not None and trial.energy is not None
        ]
        rows = group_distinct([crystal for *_, crystal, _ in found], [energy for *_, energy in found])[:top]
        for rank, row in enumerate(rows, start=1):
            record, trial, crystal, energy = found[row[0]]
            entries.append(_entry(rank, len(row), record, trial, crystal, energy, cell))
    return entries


def _entry(
    rank: int, times_found: int, record: RunRecord, trial: Trial, crystal: Crystal, energy: float, cell: str
) -> Entry:
    identity = identify(crystal)
    structure = identity.primitive if cell == "primitive" else identity.conventional
    per_atom = energy / crystal.num_atoms
    info: dict[str, str | float | int] = {
        "formula": identity.crystal.composition.reduced_formula,
        "energy_per_atom": per_atom,
        "energy": per_atom * len(structure),
        "space_group": identity.space_group,
        "symbol": identity.symbol,
        "prototype": identity.prototype_name or "none known",
        "pearson": identity.pearson,
        "status": str(trial.status),
        "times_found": times_found,
        "model": record.fingerprint.get("model", "unknown"),
        "weights": (record.fingerprint.get("weights_sha256") or "none")[:16],
        "pressure_GPa": record.pressure,
        "method": record.method,
        "seed": record.seed,
        "iteration": trial.number + 1,
        "program": "crysim",
    }
    if "prototype" in trial.candidate.info:
        info["template"] = str(trial.candidate.info["prototype"])
    name = f"{rank:03d}-{identity.crystal.composition.formula}-{identity.space_group}"
    return Entry(name, structure, info)
