"""The best distinct crystals of a search's or a bench's folder, to other programs' formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crysim.arrays import EV_PER_GPA_A3
from crysim.composition import cell_kind
from crysim.crystal.export import FORMATS, Entry, render
from crysim.errors import InputError, UnknownNameError
from crysim.harness.journal import RunRecord, read_bench
from crysim.workflows.answers import Answer, find_answers
from crysim.workflows.rerank import Opinions, opinions_on, stored_opinions
from crysim.written_files import WrittenFiles


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
    cell_kind(cell)
    if top < 1:
        raise InputError(f"top is {top}: it must be at least 1")
    entries = best_entries(read_bench(folder), top=top, cell=cell, opinions=stored_opinions(Path(folder)))
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


def best_entries(
    records: Sequence[RunRecord], *, top: int, cell: str = "conventional", opinions: Opinions | None = None
) -> list[Entry]:
    """The best distinct crystals of each reduced formula in some runs, with where they come from.

    Args:
        records: of the runs.
        top: how many of each formula.
        cell: the ``conventional`` or the ``primitive`` standard cell.
        opinions: what second potentials gave.

    Raises:
        InputError: the runs of a formula have energies of different models or pressures.
    """
    entries: list[Entry] = []
    for formula in dict.fromkeys(record.contents.composition.reduced_formula for record in records):
        own = [record for record in records if record.contents.composition.reduced_formula == formula]
        if len({(tuple(sorted(one.fingerprint.items())), one.pressure) for one in own}) > 1:
            raise InputError(f"the runs of {formula} have energies of different models or pressures: export them apart")
        for rank, answer in enumerate(find_answers(own, top).best, start=1):
            entries.append(_entry(rank, answer, cell, opinions or {}))
    return entries


def _entry(rank: int, answer: Answer, cell: str, opinions: Opinions) -> Entry:
    identity, record = answer.identity, answer.record
    structure = identity.primitive if cell == "primitive" else identity.conventional
    per_atom = answer.energy_per_atom - record.pressure * identity.volume_per_atom * EV_PER_GPA_A3
    info: dict[str, str | float | int] = {
        "formula": identity.crystal.composition.reduced_formula,
        "energy_per_atom": per_atom,
        "energy": per_atom * len(structure),
    }
    if record.pressure:
        info |= {"enthalpy_per_atom": answer.energy_per_atom, "enthalpy": answer.energy_per_atom * len(structure)}
    info |= {
        "space_group": identity.space_group,
        "symbol": identity.symbol,
        "prototype": identity.prototype_name or "none known",
        "pearson": identity.pearson,
        "status": str(answer.trial.status),
        "times_found": answer.times_found,
        "model": record.fingerprint.get("model", "unknown"),
        "weights": (record.fingerprint.get("weights_sha256") or "none")[:16],
        "pressure_GPa": record.pressure,
        "method": record.method,
        "seed": record.seed,
        "iteration": answer.trial.number + 1,
        "program": "crysim",
    }
    if "prototype" in answer.trial.candidate.info:
        info["template"] = str(answer.trial.candidate.info["prototype"])
    for number, (name, again) in enumerate(opinions_on(answer.crystal, opinions).items(), start=1):
        mark = "" if number == 1 else f"_{number}"
        info[f"rerank_model{mark}"] = name
        if again.energy_per_atom is None:
            info[f"rerank_status{mark}"] = again.status
        else:
            info[f"rerank_{'enthalpy' if record.pressure else 'energy'}_per_atom{mark}"] = again.energy_per_atom
    name = f"{rank:03d}-{identity.crystal.composition.formula}-{identity.space_group}"
    return Entry(name, structure, info)
