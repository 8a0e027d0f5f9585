"""Promises 1, 2 and 6: killed anywhere and resumed gives the same trials; what was told is on the disk; one writer.

``CRYSIM_KILLS=200 CRYSIM_KILL_COUNTS=kills.json pytest tests/harness/test_durability.py -k promise_1`` kills 200 times
for each strategy and place; stopped and begun again, it goes on where it was.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pytest

from crysim.errors import CrysimError
from crysim.harness import loop, processes
from crysim.harness.journal import JOURNAL, MANIFEST
from crysim.harness.loop import execute
from crysim.harness.placement import Placement
from crysim.harness.run_folder import locked
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel
from tests.harness.lives import KILLS, End, elsewhere, here, kill_anywhere, live

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
OPTIONS: dict[str, dict[str, Any]] = {"swarm": {"population": 4}, "portfolio": {"first": 1, "stop_after": 50}}
METHODS = ("random", "crysim", "swarm", "portfolio")
SOME = KILLS if "CRYSIM_KILLS" in os.environ else 4
"""Kill points of each strategy where others compute, whose processes take a while to begin."""


def spec_of(make_spec: Make, method: str, **changes: Any) -> RunSpec:
    strategy = {} if method == "crysim" else {"strategy": PartSpec(method, OPTIONS.get(method, {}))}
    return make_spec(method, **strategy, **changes)


@pytest.mark.timeout(max(900, 60 * KILLS))
@pytest.mark.parametrize("method", METHODS)
def test_promise_1_a_run_killed_anywhere_and_resumed_gives_the_same_trials(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, method: str
) -> None:
    spec = spec_of(make_spec, method)
    execute(spec, tmp_path / "whole", emt)
    expected = trials_of(tmp_path / "whole")
    assert len(expected) == spec.budget
    label = f"{method}, one process"
    kill_anywhere(spec, tmp_path, emt, here(emt), trials_of, expected, kills=KILLS, calls=15, label=label)


@pytest.fixture(scope="module")
def dask() -> Iterator[PartSpec]:
    """A cluster of two workers in processes of their own, since a process with its threads must not be forked."""
    pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    with subprocess.Popen([sys.executable, "-c", CLUSTER], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        yield PartSpec(f"dask:{process.stdout.readline().strip()}")
        process.communicate()


CLUSTER = """
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


@pytest.mark.timeout(max(900, 120 * SOME))
@pytest.mark.parametrize("place", ["two workers", "dask"])
@pytest.mark.parametrize("method", METHODS)
def test_promise_1_a_run_killed_anywhere_while_others_compute_gives_the_same_trials(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
    method: str,
    place: str,
) -> None:
    """The process that drives the run is killed, with two batches under way where the strategy may be asked ahead."""
    spec = spec_of(make_spec, method, batch=2, ahead=2)
    execute(spec, tmp_path / "whole", emt)
    expected = trials_of(tmp_path / "whole")
    assert len(expected) == spec.budget
    executor = request.getfixturevalue("dask") if place == "dask" else PartSpec("processes")
    there = elsewhere(spec, Placement(2, executor))
    processes.start_context(1)  # begins the tests' server of forks, or each life would begin one for itself
    label = f"{method}, {place}"
    kill_anywhere(spec, tmp_path, emt, there, trials_of, expected, kills=SOME, calls=24, label=label)


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
        live(long, folder, emt, here(emt), rng, End(dies_at))
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
            time.sleep(900)  # until it is killed
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
