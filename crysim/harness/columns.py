"""What tables and charts need of a run's trials, as arrays: a million trials are read, kept and summed up so.

A trial is a thousand times as large as its row here; crystals are read from the journal when one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats, Ints
from crysim.interfaces import Trial, TrialStatus

STATUSES = tuple(TrialStatus)
COUNTING = (TrialStatus.RELAXED, TrialStatus.NOT_CONVERGED)
FIT = ("train_pcc", "validation_pcc", "validation_rmse")
"""What is kept of a surrogate's fit."""
ROW = np.dtype(
    [
        ("end", "<i8"),
        ("status", "u1"),
        ("energy", "<f8"),
        ("start_atoms", "<i4"),
        ("atoms", "<i4"),
        ("space_group", "<i2"),
        ("volume", "<f8"),
        ("evaluations", "<i8"),
        ("seconds", "<f8"),
        ("cpu_seconds", "<f8"),
        ("fitted", "?"),
        *((name, "<f8") for name in FIT),
    ]
)
"""One trial; energies that are none are NaN, a relaxed crystal that is none has 0 atoms."""


@dataclass(frozen=True)
class TrialColumns:
    """The trials of a run, in their order.

    Attributes:
        rows: ``[n]`` of `ROW`; ``end`` is the size of the journal up to and including the trial's line, or 0.
        phases: names of the strategy's phases.
        phase_seconds: ``[n, phases]``; NaN where a trial has no such phase.
        reasons: ``[n]`` why each failed, did not converge or does not count.
    """

    rows: NDArray[Any]
    phases: tuple[str, ...]
    phase_seconds: Floats
    reasons: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> TrialColumns:
        return TrialColumns(self.rows[part], self.phases, self.phase_seconds[part], self.reasons[part])

    @property
    def energies(self) -> Floats:
        """``[n]`` eV per cell of the relaxed crystal; NaN where there is none."""
        energies: Floats = self.rows["energy"]
        return energies

    @property
    def counted(self) -> NDArray[np.bool_]:
        """``[n]`` whether each enters the statistics, and has an energy."""
        counting = [STATUSES.index(status) for status in COUNTING]
        found: NDArray[np.bool_] = np.isin(self.rows["status"], counting) & np.isfinite(self.energies)
        return found

    def of_status(self, *statuses: TrialStatus) -> Ints:
        """The numbers of the trials of some statuses."""
        return np.flatnonzero(np.isin(self.rows["status"], [STATUSES.index(status) for status in statuses]))

    def energies_per(self, num_atoms: int | None) -> Floats:
        """``[n]`` energies (eV) per so many atoms; None: per cell of each trial's own crystal."""
        energies = self.energies
        if num_atoms is None:
            return energies
        atoms = self.rows["atoms"]
        other = (atoms != num_atoms) & (atoms > 0)
        found = energies.copy()
        found[other] = energies[other] * num_atoms / atoms[other]
        return found

    @property
    def all_seconds(self) -> Floats:
        """``[n]`` seconds of each trial, the strategy's and the relaxation's."""
        strategy = np.where(np.isnan(self.phase_seconds), 0.0, self.phase_seconds).sum(axis=1)
        seconds: Floats = self.rows["seconds"] + strategy
        return seconds


def columns_of(trials: Sequence[Trial]) -> TrialColumns:
    """The columns of trials; those of a journal that was read have them already."""
    known = getattr(trials, "columns", None)
    return known if isinstance(known, TrialColumns) else _collect(map(_plain, trials))


def _plain(trial: Trial) -> dict[str, Any]:
    crystal, start = trial.crystal, trial.candidate.crystal
    return {
        "status": trial.status.value,
        "energy": trial.energy,
        "reason": trial.reason,
        "evaluations": trial.evaluations,
        "seconds": trial.seconds,
        "phases": trial.candidate.seconds,
        "cpu": {"strategy": trial.candidate.cpu_seconds, "relax": trial.relaxation.cpu_seconds},
        "info": trial.candidate.info,
        "start": None if start is None else {"counts": start.composition.counts},
        "crystal": None
        if crystal is None
        else {"counts": crystal.composition.counts, "space_group": crystal.space_group, "cell": crystal.cell},
    }


def _collect(records: Iterable[Mapping[str, Any]]) -> TrialColumns:
    collector = Collector()
    known = list(records)
    collector.add(known, [0] * len(known))
    return collector.columns()


class Collector:
    """Gathers columns from records of trials, many at once."""

    def __init__(self) -> None:
        self._rows: list[NDArray[Any]] = []
        self._count = 0
        self._seconds: list[dict[str, Floats]] = []
        self._reasons: list[str] = []

    def __len__(self) -> int:
        return self._count

    def add(self, records: Sequence[Mapping[str, Any]], ends: Sequence[int]) -> None:
        """Add trials' records (infos, starts and trajectories may be cut down) and where their lines end.

        Raises:
            KeyError, TypeError, ValueError, OverflowError, AttributeError: one is no trial's; none was added.
        """
        starts, crystals = [record["start"] for record in records], [record["crystal"] for record in records]
        rows = np.zeros(len(records), dtype=ROW)
        rows["end"] = ends
        rows["status"] = [_STATUS[record["status"]] for record in records]
        rows["energy"] = _floats([record["energy"] for record in records])
        rows["start_atoms"] = _wholes([0 if start is None else sum(start["counts"]) for start in starts])
        rows["atoms"] = _wholes([0 if crystal is None else sum(crystal["counts"]) for crystal in crystals])
        rows["space_group"] = _wholes([0 if crystal is None else crystal["space_group"] for crystal in crystals])
        rows["volume"] = _volumes(_cells([_NO_CELL if crystal is None else crystal["cell"] for crystal in crystals]))
        rows["evaluations"] = _wholes([record["evaluations"] for record in records])
        rows["seconds"] = list(map(float, [record["seconds"] for record in records]))
        rows["cpu_seconds"] = [_cpu_seconds(record) for record in records]
        for name in FIT:
            rows[name] = np.nan
        for row, record in enumerate(records):
            fit = record["info"].get("fit")
            if fit is not None and isinstance(fit, Mapping):
                rows["fitted"][row] = True
                for name in FIT:
                    rows[name][row] = _float(fit.get(name))
        reasons = [str(record["reason"]) for record in records]
        phases = [record["phases"] for record in records]
        names = dict.fromkeys(chain.from_iterable(phases))
        self._seconds.append({name: np.array([float(known.get(name, _NONE)) for known in phases]) for name in names})
        self._rows.append(rows)
        self._count += len(rows)
        self._reasons += reasons

    def columns(self) -> TrialColumns:
        """What was gathered."""
        rows = np.concatenate([np.zeros(0, dtype=ROW), *self._rows])
        names = dict.fromkeys(chain.from_iterable(self._seconds))
        seconds = np.full((len(rows), len(names)), np.nan)
        first = 0
        for part, found in zip(self._rows, self._seconds, strict=True):
            for place, name in enumerate(names):
                if name in found:
                    seconds[first : first + len(part), place] = found[name]
            first += len(part)
        return TrialColumns(rows, tuple(names), seconds, tuple(self._reasons))


_STATUS = {status.value: place for place, status in enumerate(STATUSES)}
_NONE = float("nan")
_NO_CELL: tuple[float, ...] = (0.0,) * 6
_MOST = 1 << 31
"""No count of a trial's is as large."""


def _cpu_seconds(record: Mapping[str, Any]) -> float:
    """Of strategy and relaxation; where they were not measured, wall seconds."""
    cpu = record.get("cpu", {})
    strategy, relax = cpu.get("strategy"), cpu.get("relax")
    own = sum(record["phases"].values()) if strategy is None else strategy
    return float(own) + float(record["seconds"] if relax is None else relax)


def _wholes(values: Sequence[Any]) -> list[int]:
    numbers = list(map(int, values))
    for number in (min(numbers, default=0), max(numbers, default=0)):
        if not 0 <= number < _MOST:
            raise ValueError(f"{number:.3g} is too large or negative")
    return numbers


def _floats(values: Sequence[Any]) -> list[float]:
    return [_NONE if value is None else float(value) for value in values]


def _float(value: Any) -> float:
    return _NONE if value is None else float(value)


def _cells(cells: Sequence[Sequence[Any]]) -> Floats:
    """``[n, 6]``."""
    for cell in cells:
        if len(cell) != len(_NO_CELL):
            raise ValueError(f"its cell has {len(cell)} numbers")
    flat = np.fromiter(map(float, chain.from_iterable(cells)), dtype=np.float64, count=len(_NO_CELL) * len(cells))
    return flat.reshape(-1, len(_NO_CELL))


def _volumes(cells: Floats) -> Floats:
    """Å³ of ``[n, 6]`` cells; 0 for those that are none."""
    a, b, c = cells[:, 0], cells[:, 1], cells[:, 2]
    cosines = np.cos(np.radians(cells[:, 3:]))
    x, y, z = cosines.T
    return np.where(a > 0, a * b * c * np.sqrt(np.maximum(0.0, 1 - x * x - y * y - z * z + 2 * x * y * z)), 0.0)
