"""The sittings of a run: from which trial on, within which budget and with which software it went on.

Results are promised to the last bit with one kind of software. Another release of Python, numpy, torch or a plug-in
does not end a run: it is written down here, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crysim.errors import InputError
from crysim.harness.budgets import Budget
from crysim.harness.journal import JOURNAL, read_manifest
from crysim.harness.lines import LineFile, num_lines, read_chain
from crysim.harness.manifest import BUDGETS, software
from crysim.harness.spec import RunSettings, RunSpec

SITTINGS = "sittings.jsonl"


@dataclass(frozen=True)
class Sitting:
    """One process's share of a run.

    Attributes:
        trials: that the journal held when it began.
        budget: relaxations of the whole run.
        versions: see `crysim.harness.manifest.software`.
        evaluations, cpu_seconds: of the whole run, at most; None: any number, or it was not written down.
    """

    trials: int
    budget: int
    versions: Mapping[str, str]
    evaluations: int | None = None
    cpu_seconds: float | None = None

    @classmethod
    def of(cls, spec: RunSettings, trials: int, versions: Mapping[str, str]) -> Sitting:
        """One that begins after so many trials, within the budgets of a run."""
        return cls(trials, spec.budget, versions, spec.budget_evaluations, spec.budget_seconds)

    @property
    def limits(self) -> Budget:
        """All of what the run may spend, as it was when this sitting began."""
        return Budget(self.budget, self.evaluations, self.cpu_seconds)

    def to_dict(self) -> dict[str, Any]:
        """As it is written; budgets that were not given are left out."""
        record = {"trials": self.trials, "budget": self.budget, "versions": dict(self.versions)}
        more = {"budget_evaluations": self.evaluations, "budget_seconds": self.cpu_seconds}
        return {**record, **{key: value for key, value in more.items() if value is not None}}


def read_sittings(folder: Path, manifest: Mapping[str, Any]) -> list[Sitting]:
    """The sittings of the run in a folder; where none were written down, the one that its manifest tells of.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / SITTINGS
    records = read_chain(path).records if path.exists() else []
    if not records:
        config = manifest["config"]
        return [
            _read({"trials": 0, "versions": manifest.get("versions", {}), **{key: config.get(key) for key in BUDGETS}})
        ]
    try:
        return [_read(record) for record in records]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: delete it") from error


def _read(record: Mapping[str, Any]) -> Sitting:
    evaluations, seconds = record.get("budget_evaluations"), record.get("budget_seconds")
    return Sitting(
        int(record["trials"]),
        int(record["budget"]),
        dict(record["versions"]),
        None if evaluations is None else int(evaluations),
        None if seconds is None else float(seconds),
    )


def add_sitting(folder: Path, manifest: Mapping[str, Any], now: Sitting) -> list[Sitting]:
    """Write down that a sitting begins, durably, and return all of them.

    Args:
        folder: of the run.
        manifest: as it was when the sitting began, before a larger budget is written to it.
        now: the sitting.
    """
    path = folder / SITTINGS
    known = read_sittings(folder, manifest)
    if now.trials == 0 and len(known) == 1:
        known = []  # nothing was done before
    if known and known[-1] == now:
        return known
    lines = read_chain(path) if path.exists() else None
    kept = len(lines.records) if lines else 0
    new = [now] if kept else [*known, now]
    size = lines.ends[-1] if lines and kept else 0
    with LineFile(path, size, lines.link(kept, "") if lines else "") as file:
        file.append(sitting.to_dict() for sitting in new)
    return [*known, now]


def limits_at(sittings: Sequence[Sitting], trial: int) -> Budget:
    """The budget within which a trial, by its number, was asked for."""
    return next((s for s in reversed(sittings) if s.trials <= trial), sittings[0]).limits


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is another version now, as ``numpy 2.3.1 (2.3.0 before)``."""
    return [
        f"{name} {now.get(name, 'missing')} ({before.get(name, 'missing')} before)"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]


def software_warning(runs: Iterable[tuple[RunSpec, Path]]) -> str | None:
    """What to say of runs that are about to go on with other software than they had; None if there is nothing to say.

    Raises:
        InputError: a manifest or a list of sittings is damaged.
    """
    changed: list[list[str]] = []
    for spec, folder in runs:
        manifest = read_manifest(folder)
        if manifest is None or (done := num_lines(folder / JOURNAL)) == 0 or done >= spec.budget:
            continue
        if other := changes(read_sittings(folder, manifest)[-1].versions, software(spec)):
            changed.append(other)
    if not changed:
        return None
    count = "a run goes on" if len(changed) == 1 else f"{len(changed)} runs go on"
    return (
        f"{count} with {', '.join(changed[0])}: the same results to the last bit are promised with one kind of "
        f"software only"
    )
