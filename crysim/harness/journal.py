"""A run's journal: one line per trial, durable before the strategy hears of it; and how runs are read back.

The folder of a run holds

    manifest.json    what was run: the whole configuration, versions, the energy model's fingerprint
    initial.jsonl    the strategy's initial crystals with their energies, if it asked for any
    journal.jsonl    one line per trial, each with the checksum of the one before
    sittings.jsonl   from which trial on, with which software and budget it went on
    ended.json       that the strategy wanted no more, if it said so
    state.npz        what the strategy's next proposal depends on besides the journal, if anything

and `read_run` reads all of it; the first two files of lines may be packed (`crysim.harness.compact`), as
initial.jsonl.gz and journal.jsonl.gz. Nothing here needs the plug-ins that made the run; of
those that are installed, options are read by the names that they have now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from crysim.composition import Contents
from crysim.errors import InputError
from crysim.harness.blocks import is_stored
from crysim.harness.budgets import Budget, Spent, spent_on_initial
from crysim.harness.lines import LineFile, Lines, read_chain, read_lines
from crysim.harness.packed import unpack
from crysim.harness.records import frame_from_dict, trial_from_dict, trial_to_dict
from crysim.harness.renamed import current_config
from crysim.harness.scanning import fill_caches
from crysim.harness.stored_trials import read_trial, stored_trials, wrong_line
from crysim.interfaces import Frame, Trial
from crysim.regular_files import read_json, read_text

MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
IMPORTED = "imported from"
"""How the strategy's name of a run of another program's results begins."""
INITIAL = "initial.jsonl"
STATE = "state.npz"
ENDED = "ended.json"
"""After how many trials the strategy wanted no more, and why."""


@dataclass(frozen=True)
class RunRecord:
    """A run as it lies on disk, complete or not.

    Attributes:
        path: its folder.
        manifest: see `crysim.harness.manifest`; ``manifest["config"]`` is the configuration.
        trials: in the order of the journal; of one on disk, each is read when it is asked for.
    """

    path: Path
    manifest: Mapping[str, Any]
    trials: Sequence[Trial]

    @property
    def config(self) -> Mapping[str, Any]:
        """The run's configuration: system, method, seed, budget, strategy, energy, relax, ..."""
        config: Mapping[str, Any] = self.manifest["config"]
        return config

    @property
    def system(self) -> str:
        """The contents' name: the cell's formula, such as ``Ca4S4``, or ``CaS-primitive``."""
        return self.contents.name

    @cached_property
    def contents(self) -> Contents:
        """What the cell holds, and which cell."""
        formulas = [str(self.config["system"]), *self.config.get("further", ())]
        cell = self.config.get("cell", "conventional")
        return Contents.together([Contents.from_formula(formula, cell=cell) for formula in formulas])

    @property
    def num_atoms(self) -> int:
        """Atoms per cell; 1 if nothing was relaxed yet."""
        if self.contents.sizes_vary:
            return self.contents.num_atoms
        if not self.trials:
            return 1
        first = self.trials[0].candidate
        return self.contents.num_atoms if first.crystal is None or first.blend else first.crystal.num_atoms

    @property
    def method(self) -> str:
        """The method's label: its strategy's name, or that of a variant."""
        return str(self.config["method"])

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.config["seed"])

    @property
    def budget(self) -> int:
        """Relaxations granted, at most."""
        return int(self.config["budget"])

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """What the energies come from; energies of different fingerprints cannot be compared."""
        fingerprint: Mapping[str, str] = self.manifest["fingerprint"]
        return fingerprint

    @property
    def pressure(self) -> float:
        """GPa; the energies are enthalpies under it."""
        return float(self.config["relax"]["pressure"])

    @property
    def imported(self) -> bool:
        """Whether it holds another program's results (`crysim import`)."""
        return str(self.config["strategy"]["name"]).startswith(IMPORTED)

    @cached_property
    def initial_spent(self) -> Spent:
        """What the initial crystals cost."""
        return spent_on_initial(self.path / INITIAL)

    @property
    def spent(self) -> Spent:
        """What it cost so far, its initial crystals among it."""
        return self.initial_spent.plus(self.trials)

    @cached_property
    def ended(self) -> str:
        """Why the strategy wanted no more relaxations after these; empty where it did not say so."""
        return ended_by_strategy(self.path, len(self.trials))

    @property
    def complete(self) -> bool:
        """Whether a budget is used up, or the strategy wanted no more."""
        if self.ended:
            return True
        config = self.config
        budget = Budget(self.budget, config.get("budget_evaluations"), config.get("budget_seconds"))
        return not budget.left(self.spent)

    def within(self, budget: int) -> RunRecord:
        """The run as it was when it had used up this budget: its first trials; itself, if its own is not larger."""
        if budget >= self.budget:
            return self
        manifest = {**self.manifest, "config": {**self.config, "budget": budget}}
        return RunRecord(self.path, manifest, self.trials[:budget])

    @cached_property
    def initial(self) -> tuple[Frame, ...]:
        """The initial crystals with their energies (those without an energy left out); read on first use."""
        path = self.path / INITIAL
        if not is_stored(path):
            return ()
        records, _ = read_lines(path)
        return tuple(frame_from_dict(r) for r in records[1:] if r["energy"] is not None)


def ended_by_strategy(folder: Path, trials: int) -> str:
    """Why a run's strategy wanted no more relaxations after so many trials; empty where it did not say so."""
    path = folder / ENDED
    try:
        said = read_json(path, "the end") if path.exists() else {}
        return str(said["reason"]) if said.get("trials") == trials else ""
    except (InputError, KeyError, AttributeError):
        return ""


def read_run(path: str | Path, *, frames: bool = False) -> RunRecord:
    """Read the run in a folder.

    Args:
        path: the run's folder.
        frames: read the relaxations' trajectories too (slow; only training needs them).

    Raises:
        InputError: no run is there, or a file of it is damaged.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"{folder} holds no run: it has no {MANIFEST}")
    path, beginning = folder / JOURNAL, beginning_of(manifest)
    if not frames:
        return RunRecord(folder, manifest, stored_trials(path, beginning))
    records = _read_journal(path, beginning).records if is_stored(path) else []
    trials = [read_trial(path, place, record, frames=True) for place, record in enumerate(records)]
    return RunRecord(folder, manifest, tuple(trials))


def beginning_of(manifest: Mapping[str, Any] | None) -> str:
    """What the first line of a run's journal names as the one before: the run's identity, if its manifest has one."""
    return str((manifest or {}).get("run", ""))


def _read_journal(path: Path, beginning: str) -> Lines:
    """The lines of a journal, each the trial of its number.

    Raises:
        InputError: a line is damaged, or does not belong where it stands.
    """
    lines = read_chain(path, beginning)
    for place, record in enumerate(lines.records):
        if record.get("number") != place:
            raise wrong_line(path, place, f"its number is {record.get('number')!r}")
    return lines


def find_runs(path: str | Path) -> list[Path]:
    """The folders of all runs in and under a folder, sorted."""
    return sorted(manifest.parent for manifest in Path(path).rglob(MANIFEST))


def read_bench(path: str | Path) -> list[RunRecord]:
    """Every run in and under a folder, sorted by folder.

    Raises:
        InputError: there is none, or one is damaged.
    """
    folders = find_runs(path)
    if not folders:
        raise InputError(f"{path} holds no run: give the folder that crysim bench or crysim search wrote")

    fill_caches([(folder / JOURNAL, beginning_of(read_manifest(folder))) for folder in folders])
    return [read_run(folder) for folder in folders]


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the run in a folder, in the names of today; None if there is none.

    Raises:
        InputError: it is damaged, or no ordinary file.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    text = read_text(path, "the manifest")
    try:
        manifest: dict[str, Any] = json.loads(text)
        _check_manifest(manifest)
        return {**manifest, "config": current_config(manifest["config"])}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is damaged: restore it, or delete its folder to run it anew") from error


def _check_manifest(manifest: Mapping[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError unless it says what every reader of a run asks for."""
    config, fingerprint = manifest["config"], manifest["fingerprint"]
    tables = [config, fingerprint, config["relax"], config.get("parts") or {}, manifest.get("versions", {})]
    if not all(isinstance(table, dict) for table in tables):
        raise TypeError
    for part in (config["strategy"], config.get("energy") or {}, *(config.get("parts") or {}).values()):
        if not isinstance(part.get("name", ""), str) or not isinstance(part.get("options", {}), dict):
            raise TypeError
    whole = int(config["seed"]), int(config["budget"]), float(config["relax"]["pressure"])
    limits = [config[key] for key in ("budget_evaluations", "budget_seconds") if config.get(key) is not None]
    texts = [config["system"], config["method"], config["strategy"]["name"], config.get("cell", "conventional")]
    texts += [*fingerprint.values(), *config.get("further", ()), manifest.get("run", "")]
    if not all(isinstance(text, str) for text in texts) or min([*whole[:2], *limits]) < 0:
        raise TypeError


@dataclass(frozen=True)
class Batch:
    """Trials that were asked for together.

    Attributes:
        trials: in their order.
        stateful: the strategy had a `state` after it was asked for them.
        asked: how many it was asked for; None in journals of the first releases, which do not say.
    """

    trials: tuple[Trial, ...]
    stateful: bool
    asked: int | None = None


class Journal:
    """The journal of a run that is being written.

    Opening it cuts off what a killed process left unfinished: a torn last line, and with it the other lines of the
    batch that it belongs to, since a strategy is told a batch at a time.

    Attributes:
        batches: what was there.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal of a run, in the folder of its manifest.

        Raises:
            InputError: a line is damaged, or does not belong where it stands.
        """
        self.batches: list[Batch] = []
        beginning = beginning_of(read_manifest(path.parent))
        unpack(path)
        lines = _read_journal(path, beginning) if path.exists() else Lines()
        kept = 0
        while kept < len(lines.records):
            size, stateful, asked = _batch(path, kept, lines.records[kept])
            if kept + size > len(lines.records):
                break
            places = range(kept, kept + size)
            trials = tuple(read_trial(path, place, lines.records[place], frames=True) for place in places)
            self.batches.append(Batch(trials, stateful, asked))
            kept += size
        self._count = kept
        self._file = LineFile(path, lines.ends[kept - 1] if kept else 0, lines.link(kept, beginning))

    def __len__(self) -> int:
        return self._count

    def append(self, trials: Sequence[Trial], *, stateful: bool, asked: int | None = None) -> list[Trial]:
        """Write the trials of one batch durably, and return them as a reader of the file would see them.

        Args:
            trials: of the batch.
            stateful: the strategy had a `state` after it was asked for them.
            asked: how many it was asked for, if it was asked.
        """
        about = {"batch": len(trials), "stateful": stateful} | ({} if asked is None else {"asked": asked})
        records = self._file.append({**about, **trial_to_dict(trial)} for trial in trials)
        self._count += len(trials)
        return [trial_from_dict(record, written=trial) for record, trial in zip(records, trials, strict=True)]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _batch(path: Path, place: int, record: Mapping[str, Any]) -> tuple[int, bool, int | None]:
    """How many trials the batch has that a record begins, whether it is stateful, and how many were asked for."""
    size, stateful, asked = record.get("batch"), record.get("stateful"), record.get("asked")
    if not (isinstance(size, int) and size >= 1 and isinstance(stateful, bool) and isinstance(asked, int | None)):
        raise wrong_line(path, place, "it does not say of which batch it is")
    return size, stateful, asked
