"""Ground truths beside the results: kept in the bench's folder, so that a report needs neither model nor network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crysim.analysis.comparison import Comparison, Reference
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.harness.journal import RunRecord
from crysim.harness.lines import write_atomically
from crysim.harness.systems import System, find_system
from crysim.interfaces import EnergyModel, RelaxSettings
from crysim.regular_files import read_json

REFERENCES = "references.json"


def settle_references(
    folder: Path,
    systems: Sequence[System],
    fingerprint: Mapping[str, str],
    relax: RelaxSettings,
    build_model: Callable[[], EnergyModel],
) -> dict[str, Reference]:
    """The references of the systems that have one, with their energies by a model, written to ``references.json``.

    An energy that is on record (the paper's potential, no pressure) or in the file is taken from there; otherwise the
    reference is relaxed with the model, once. A reference that cannot be relaxed stays without an energy.

    Args:
        folder: of the bench's results.
        systems: by name.
        fingerprint: of the bench's energy model.
        relax: the bench's settings.
        build_model: makes that model; called only if a reference has to be relaxed.
    """
    model: EnergyModel | None = None
    stored = _read(folder)
    found: dict[str, Reference] = {}
    for system in systems:
        if system.reference is None:
            continue
        crystal = system.reference
        energy = _known_energy(system, stored, fingerprint, relax.pressure)
        if energy is None:
            model = model or build_model()
            (relaxation,) = model.relax([crystal], relax)
            # a reference may come in another cell, with another number of formula units
            if relaxation.energy is not None:
                energy = relaxation.energy * system.contents.num_atoms / crystal.num_atoms
        found[system.name] = Reference(crystal, energy)
        stored[system.name] = {
            "crystal": crystal.to_dict(),
            "energy": energy,
            "pressure": relax.pressure,
            "fingerprint": dict(fingerprint),
        }
    if found:
        write_atomically(folder / REFERENCES, (json.dumps(stored, indent=2, ensure_ascii=False) + "\n").encode())
    return found


def known_energies(
    folder: Path, systems: Sequence[System], fingerprint: Mapping[str, str], pressure: float
) -> dict[str, float | None]:
    """The energies of the systems' references by a model, eV per cell of their contents, by name; None: not known.

    Args:
        folder: in which `settle_references` left what it found, if it was called.
        systems: by name.
        fingerprint: of the model.
        pressure: GPa.

    Raises:
        InputError: ``references.json`` is damaged.
    """
    stored = _read(folder)
    return {system.name: _known_energy(system, stored, fingerprint, pressure) for system in systems}


def load_references(folder: Path, records: Sequence[RunRecord]) -> dict[str, Reference]:
    """The references of runs by system: those of ``references.json``, else the built-in ones where the model is known.

    Raises:
        InputError: ``references.json`` is damaged.
    """
    stored = _read(folder)
    found: dict[str, Reference] = {}
    for record in records:
        name = record.system
        if name in found:
            continue
        fingerprint = record.fingerprint
        if name in stored:
            entry = stored[name]
            energy = entry["energy"] if entry["fingerprint"] == fingerprint else None
            found[name] = Reference(Crystal.from_dict(entry["crystal"]), energy)
        else:
            system = find_system(record.contents.formula, cell=record.contents.cell)
            if system.reference is not None:
                energy = None if record.config["relax"]["pressure"] else system.reference_energy(fingerprint)
                found[name] = Reference(system.reference, energy)
    return found


def compare_records(
    records: Sequence[RunRecord], references: Mapping[str, Reference], *, count_distinct: bool = True
) -> Comparison:
    """The comparison of runs that were read from disk.

    Raises:
        InputError: their energies come from different models.
    """
    return Comparison(tuple(records), references, count_distinct)


def _known_energy(
    system: System, stored: Mapping[str, Mapping[str, Any]], fingerprint: Mapping[str, str], pressure: float
) -> float | None:
    entry = stored.get(system.name)
    energy = None
    if entry is not None and system.reference is not None:
        energy = _stored_energy(entry, system.reference, fingerprint, pressure)
    if energy is None and pressure == 0:
        energy = system.reference_energy(fingerprint)
    return energy


def _stored_energy(
    entry: Mapping[str, Any], crystal: Crystal, fingerprint: Mapping[str, str], pressure: float
) -> float | None:
    same = (
        entry["fingerprint"] == fingerprint
        and entry["pressure"] == pressure
        and Crystal.from_dict(entry["crystal"]) == crystal
    )
    energy = entry["energy"]
    return float(energy) if same and energy is not None else None


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / REFERENCES
    if not path.exists():
        return {}
    try:
        stored: dict[str, dict[str, Any]] = read_json(path, "the references")
        for entry in stored.values():
            Crystal.from_dict(entry["crystal"])
            _ = entry["energy"], entry["fingerprint"], entry["pressure"]
    except (ValueError, KeyError, TypeError, AttributeError, InputError, RecursionError) as error:
        raise InputError(f"{path} is damaged: delete it, it is made anew") from error
    return stored
