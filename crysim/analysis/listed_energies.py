"""``energies.csv``: the energies that a person writes beside structure files, as spreadsheets save such a table.

Columns ``file`` and ``energy`` (eV per cell of the file; empty: unknown), and ``structure``, the number from 1 within a
file of several. Columns are parted by commas, semicolons (numbers may have a decimal comma then) or tabs; blanks around
cells, capitals in the headings and a byte order mark do no harm.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.errors import InputError
from crysim.regular_files import read_text

if TYPE_CHECKING:
    from crysim.analysis.foreign import ForeignStructure

_COLUMNS = "write the columns file and energy (eV per cell)"


@dataclass(frozen=True)
class ListedEnergies:
    """Energies, None if unknown, by file and by the structure's number in it (0: not given)."""

    path: Path
    energies: Mapping[tuple[str, int], float | None]

    def give(self, name: str, structures: Mapping[int, ForeignStructure]) -> list[ForeignStructure]:
        """A file's structures, by their number from 1, with the energies that are listed for them.

        Raises:
            InputError: one energy for a file of several structures, or for a structure that is not in the file.
        """
        ours = {number: energy for (file, number), energy in self.energies.items() if file == name}
        if not structures:
            return []
        if 0 in ours and len(structures) > 1:
            raise InputError(
                f"'{self.path}' gives one energy for '{name}', which holds several structures: add a column structure "
                "with their numbers from 1"
            )
        return [
            replace(one, energy=ours.get(number, ours.get(0, one.energy))) if ours else one
            for number, one in structures.items()
        ]


def read_energies(path: Path, files: Sequence[str]) -> ListedEnergies:
    """Read the table; no energies if there is none.

    Args:
        path: of the table.
        files: the names of the structure files beside it.

    Raises:
        InputError: a column is missing, a line makes no sense, names no file that is there, or names one again.
    """
    if not path.is_file():
        return ListedEnergies(path, {})
    lines = read_text(path, "the energies").splitlines()
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    heading = rows[0][1] if rows else ""
    mark = next((one for one in (";", "\t") if one in heading), ",")
    columns = [cell.lower() for cell in _cells(heading, mark)]
    if "file" not in columns or "energy" not in columns:
        raise InputError(f"'{path}', line 1: it has no columns file and energy: {_COLUMNS}")
    known = set(files)
    energies: dict[tuple[str, int], float | None] = {}
    for number, line in rows[1:]:
        where = f"'{path}', line {number}"
        cells = _cells(line, mark)
        if len(cells) > len(columns):
            raise InputError(f"{where}: it has {len(cells)} cells for {len(columns)} columns: {_COLUMNS}")
        row = dict(zip(columns, cells, strict=False))
        name = row.get("file", "").removeprefix("./")
        if name not in known:
            raise InputError(f"{where}: it names '{name}', which is no structure file in the folder")
        key = name, _structure(row.get("structure", ""), where)
        if key in energies:
            raise InputError(f"{where}: it names '{name}' a second time")
        energies[key] = _energy(row.get("energy", ""), mark, where)
    return ListedEnergies(path, energies)


def _cells(line: str, mark: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True))]
    except csv.Error:  # a cell of more than 131,072 characters
        return []


def _structure(text: str, where: str) -> int:
    if not text:
        return 0
    if not text.isdecimal() or int(text[:9]) < 1:
        raise InputError(f"{where}: the structure '{text[:40]}' is no number from 1")
    return int(text[:9])


def _energy(text: str, mark: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace(",", ".") if mark == ";" else text)
    except ValueError as error:
        raise InputError(f"{where}: the energy '{text[:40]}' is no number") from error
    return value if isfinite(value) else None
