"""Whether the initial crystals of a run have the energies that its folder, and the folder that runs share, claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crysim.arrays import EV_PER_GPA_A3
from crysim.crystal import Crystal
from crysim.errors import CrysimError, InputError
from crysim.harness.blocks import is_stored
from crysim.harness.initial import CHUNK, initial_key, shared_files
from crysim.harness.journal import INITIAL, RunRecord
from crysim.harness.lines import read_lines
from crysim.interfaces import EnergyModel

Found = tuple[str, str]
"""File, or file and crystal; claimed and found, in one line."""


def read_initial(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's initial crystals, the first says which and how many; none if it has none.

    Raises:
        InputError: the file is damaged.
    """
    path = run / INITIAL
    lines = read_lines(path)[0] if is_stored(path) else []
    for number, line in enumerate(lines):
        try:
            good = isinstance(line["energy"], float | int | None) if number else isinstance(line["count"], int)
            _ = Crystal.from_dict(line["crystal"]) if number else line["key"]
        except (KeyError, TypeError, ValueError, CrysimError):
            good = False
        if not good:
            raise InputError(f"{path}, line {number + 1} is sealed, and holds no initial crystal with its energy")
    return lines


def faults(record: RunRecord, lines: Sequence[dict[str, Any]]) -> Iterator[Found]:
    """What is wrong with a run's initial crystals by themselves."""
    path = record.path / INITIAL
    head, stored = lines[0], [line["crystal"] for line in lines[1:]]
    for number, crystal in enumerate(map(Crystal.from_dict, stored)):
        if not record.contents.held_by(crystal):
            yield f"{path}, crystal {number}", f"it is {crystal.composition}, and {record.contents} was searched"
    if len(stored) == head["count"] and head["key"] != initial_key(stored, record.fingerprint, record.pressure):
        yield str(path), "its crystals, energy model or pressure are not those that it was made for"


def wrong_energies(
    record: RunRecord, lines: Sequence[dict[str, Any]], model: EnergyModel, most: int | None, tolerance: float
) -> Iterator[tuple[int, list[Found]]]:
    """Compute the energies again, the lowest first; after each few of them, how many they were and what differs.

    Args:
        most: how many; None: all, and those of which no energy is known.
        tolerance: eV per atom.
    """
    path = record.path / INITIAL
    claimed = np.array([np.nan if line["energy"] is None else line["energy"] for line in lines[1:]], dtype=float)
    atoms = np.array([Crystal.from_dict(line["crystal"]).num_atoms for line in lines[1:]])
    order = np.argsort(claimed / atoms, kind="stable")[:most]
    for first in range(0, len(order), CHUNK):
        chosen = order[first : first + CHUNK]
        crystals = [Crystal.from_dict(lines[1 + int(i)]["crystal"]) for i in chosen]
        energies = model.energies(crystals) + record.pressure * EV_PER_GPA_A3 * np.array([c.volume for c in crystals])
        wrong = ~(np.abs(energies - claimed[chosen]) <= tolerance * atoms[chosen])
        wrong &= np.isfinite(energies) | np.isfinite(claimed[chosen])
        differing = [
            (f"{path}, crystal {i}", f"its energy is stored as {_text(claimed[i])}, and is {_text(energy)}")
            for i, energy in zip(chosen[wrong], energies[wrong], strict=True)
        ]
        yield len(crystals), differing


def _text(energy: float) -> str:
    return f"{energy:.4f} eV" if np.isfinite(energy) else "none"


def shared_differences(pool: Path, runs: Mapping[str, Sequence[dict[str, Any]]]) -> Iterator[Found]:
    """Where the folder that runs share, from which later ones would read, says another thing than ``runs``, by hash."""
    for path in shared_files(pool):
        try:
            shared, _ = read_lines(path)
        except CrysimError as error:
            yield str(path), str(error)
            continue
        if not shared:
            continue
        own = runs.get(shared[0]["key"])
        if shared[0]["key"] != path.stem:
            yield str(path), f"it holds the energies of {shared[0]['key']}"
        elif own is not None and list(own[: len(shared)]) != list(shared):
            yield str(path), "its energies are not those of the runs that share it"
