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
from crysim.harness.journal import JOURNAL, read_manifest
from crysim.harness.lines import LineFile, num_lines, read_chain
from crysim.harness.manifest import software
from crysim.harness.spec import RunSpec

SITTINGS = "sittings.jsonl"


@dataclass(frozen=True)
class Sitting:
    """One process's share of a run.

    Attributes:
        trials: that the journal held when it began.
        budget: relaxations of the whole run.
        versions: see `crysim.harness.manifest.software`.
    """

    trials: int
    budget: int
    versions: Mapping[str, str]


def read_sittings(folder: Path, manifest: Mapping[str, Any]) -> list[Sitting]:
    """The sittings of the run in a folder; where none were written down, the one that its manifest tells of.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / SITTINGS
    records = read_chain(path).records if path.exists() else []
    try:
        found = [Sitting(int(r["trials"]), int(r["budget"]), dict(r["versions"])) for r in records]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: delete it") from error
    return found or [Sitting(0, int(manifest["config"]["budget"]), dict(manifest.get("versions", {})))]


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
        file.append({"trials": s.trials, "budget": s.budget, "versions": dict(s.versions)} for s in new)
    return [*known, now]


def budget_at(sittings: Sequence[Sitting], trial: int) -> int:
    """The budget within which a trial, by its number, was asked for."""
    return next((s.budget for s in reversed(sittings) if s.trials <= trial), sittings[0].budget)


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
