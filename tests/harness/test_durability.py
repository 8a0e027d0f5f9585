"""Promises 1, 2 and 6: killed anywhere and resumed gives the same trials; what was told is on the disk; one writer.

A life of a run is a forked process that dies at a chosen call of fsync or rename. What had been written and not yet
synced is then cut off anywhere, as a power cut may leave it.

``CRYSIM_KILLS=200 pytest tests/harness/test_durability.py`` kills 200 times for each strategy.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.errors import CrysimError
from crysim.harness import loop
from crysim.harness.journal import JOURNAL, MANIFEST
from crysim.harness.loop import execute
from crysim.harness.run_folder import locked
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
KILLS = int(os.environ.get("CRYSIM_KILLS", "30"))
"""Kill points of each strategy."""
DEAD = 77


class Disk:
    """Counts calls of fsync and rename, and dies at one of them; knows what had been synced."""

    def __init__(self, folder: Path, rng: np.random.Generator, dies_at: int) -> None:
        self.calls = 0
        self._rng, self._dies_at = rng, dies_at
        self._synced = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        self._fsync, self._replace = os.fsync, os.replace

    def install(self) -> None:
        os.fsync, os.replace = self.fsync, self.replace

    def fsync(self, number: int) -> None:
        about = os.fstat(number)
        if self._die():
            if not os.path.isdir(f"/proc/self/fd/{number}"):  # noqa: PTH112
                kept = min(self._synced.get(about.st_ino, 0), about.st_size)
                os.ftruncate(number, int(self._rng.integers(kept, about.st_size + 1)))
            os._exit(DEAD)
        self._fsync(number)
        self._synced[about.st_ino] = about.st_size

    def replace(self, source: Any, target: Any, **given: Any) -> None:
        if self._die():
            os._exit(DEAD)
        self._replace(source, target, **given)

    def _die(self) -> bool:
        self.calls += 1
        return self.calls == self._dies_at


def live(spec: RunSpec, folder: Path, model: EnergyModel, rng: np.random.Generator, dies_at: int) -> bool:
    """One life of a run; whether it was killed before it had ended."""
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            Disk(folder, rng, dies_at).install()
            execute(spec, folder, model)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, DEAD), f"a life ended with {code}"
    return code == DEAD


@pytest.mark.timeout(max(900, 60 * KILLS))
@pytest.mark.parametrize("method", ["random", "crysim", "swarm"])
def test_promise_1_a_run_killed_anywhere_and_resumed_gives_the_same_trials(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, method: str
) -> None:
    strategy = {"strategy": PartSpec("swarm", {"population": 4})} if method == "swarm" else {}
    spec = make_spec(method, **strategy)
    whole = tmp_path / "whole"
    execute(spec, whole, emt)
    expected = trials_of(whole)
    rng = np.random.default_rng(1)
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        folder = tmp_path / f"run-{runs}"
        while kills < KILLS and live(spec, folder, emt, rng, int(rng.integers(1, 16))):
            kills += 1
        execute(spec, folder, emt)
        assert trials_of(folder) == expected, f"after {kills} kills"


def test_promise_1_a_run_killed_while_its_budget_is_raised_gives_the_same_trials(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    short, long = make_spec("crysim", budget=3), make_spec("crysim", budget=7)
    whole = tmp_path / "whole"
    execute(short, whole, emt)
    execute(long, whole, emt)
    rng = np.random.default_rng(2)
    for dies_at in range(1, 12):
        folder = tmp_path / f"run-{dies_at}"
        execute(short, folder, emt)
        live(long, folder, emt, rng, dies_at)
        execute(long, folder, emt)
        assert trials_of(folder) == trials_of(whole), f"killed at call {dies_at}"


def test_promise_2_what_a_strategy_is_told_is_on_the_disk(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each trial is told only after its line, and the entry of its file in the folder, have been synced."""
    folder = tmp_path / "run"
    synced: dict[int, int] = {}
    order: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(number: int) -> None:
        fsync(number)
        about = os.fstat(number)
        synced[about.st_ino] = about.st_size
        order.append(("fsync", Path(f"/proc/self/fd/{number}").readlink().name))

    def note_replace(source: Any, target: Any, **given: Any) -> None:
        about = Path(source).stat()
        assert synced.get(about.st_ino) == about.st_size, f"{source} is renamed before it is synced"
        replace(source, target, **given)
        order.append(("replace", Path(target).name))

    told = []
    build = RunSpec.build_strategy

    def watched(self: RunSpec) -> Any:
        strategy = build(self)
        tell = strategy.tell

        def note_tell(trials: Any) -> None:
            about = (folder / JOURNAL).stat()
            assert synced.get(about.st_ino) == about.st_size > 0, "a trial is told before its line is synced"
            assert folder.stat().st_ino in synced, "the journal's entry in its folder was never synced"
            told.extend(trials)
            tell(trials)

        strategy.tell = note_tell
        return strategy

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(loop.RunSpec, "build_strategy", watched)
    execute(make_spec("crysim"), folder, emt)
    assert len(told) == 7
    manifest = order.index(("replace", MANIFEST))
    assert order[manifest - 1] == ("fsync", f"{MANIFEST}.new")
    assert order[manifest + 1] == ("fsync", folder.name)
    assert order.index(("fsync", JOURNAL)) > manifest


def test_promise_6_a_run_has_one_writer_also_after_a_crash(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    lock = tmp_path / "lock"
    child = os.fork()
    if child == 0:
        with locked(lock, wait=0):
            (tmp_path / "held").touch()
            time.sleep(60)
        os._exit(0)
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    with pytest.raises(CrysimError, match="another process is writing"), locked(lock, wait=0.2):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(lock, wait=0):
        pass


def test_promise_6_two_imports_at_once_write_each_trial_once(tmp_path: Path) -> None:
    from crysim.harness.journal import find_runs, read_run
    from crysim.workflows.imports import Import, import_results

    cells = tmp_path / "cells"
    cells.mkdir()
    for number in range(20):
        text = f"Al\n1.0\n{4 + 0.01 * number} 0 0\n0 4 0\n0 0 4\nAl\n1\nDirect\n0 0 0\n"
        (cells / f"POSCAR-{number:02d}").write_text(text)
    wanted = Import(cells, "poscars", tmp_path / "out", None, "theirs", 0, relax=True)
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                import_results(wanted, {"energy": "ase:emt", "max_steps": 2})
                code = 0
            except CrysimError:
                code = 0  # the other one was at it for long
            finally:
                os._exit(code)
        children.append(child)
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    record = read_run(find_runs(tmp_path / "out")[0])
    assert [trial.number for trial in record.trials] == list(range(20))
