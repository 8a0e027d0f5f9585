"""Promise 22: trials of a journal are read as columns, once, and each crystal when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.analysis import counted
from crysim.analysis.comparison import Comparison
from crysim.analysis.counted import num_distinct
from crysim.analysis.metrics import run_metrics
from crysim.errors import InputError
from crysim.harness import scanning, stored_trials
from crysim.harness.columns import columns_of
from crysim.harness.journal import JOURNAL, find_runs, read_bench, read_run
from crysim.harness.lines import LineFile, read_lines
from crysim.harness.loop import execute
from crysim.harness.spec import RunSpec
from crysim.interfaces import EnergyModel, RelaxSettings

Make = Callable[..., RunSpec]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_spec: Make, emt: EnergyModel) -> Path:
    out = tmp_path_factory.mktemp("stored")
    for method in ("random", "crysim"):
        execute(make_spec(method, budget=9, relax=RelaxSettings(max_steps=8, num_frames=3)), out / method, emt)
    return out


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a few trials were worth a cache."""
    monkeypatch.setattr(stored_trials, "WORTH_A_CACHE", 1)
    monkeypatch.setattr(counted, "WORTH_A_CACHE", 1)


@pytest.mark.parametrize("method", ["random", "crysim"])
def test_columns_of_a_journal_are_those_of_its_trials(folder: Path, method: str) -> None:
    stored = read_run(folder / method).trials
    whole = read_run(folder / method, frames=True).trials
    assert isinstance(whole, tuple)
    first, second = columns_of(stored), columns_of(whole)
    for name in first.rows.dtype.names or ():
        if name != "end":
            np.testing.assert_array_equal(first.rows[name], second.rows[name])
    assert first.phases == second.phases
    assert first.reasons == second.reasons
    np.testing.assert_array_equal(first.phase_seconds, second.phase_seconds)
    assert run_metrics(stored) == run_metrics(whole)
    for one, other in zip(stored, whole, strict=True):
        assert (one.number, one.energy, one.crystal, one.candidate) == (
            other.number,
            other.energy,
            other.crystal,
            other.candidate,
        )
        if other.crystal is not None:
            assert columns_of(whole).rows["volume"][one.number] == pytest.approx(other.crystal.volume, rel=1e-12)


def test_trials_are_a_sequence(folder: Path) -> None:
    trials = read_run(folder / "random").trials
    assert len(trials) == 9
    assert [t.number for t in trials] == list(range(9))
    assert trials[-1].number == 8
    part = trials[3:7]
    assert [t.number for t in part] == [3, 4, 5, 6]
    assert [t.number for t in part[1:]] == [4, 5, 6]
    assert part[0].crystal == trials[3].crystal
    assert [t.number for t in trials[::4]] == [0, 4, 8]
    assert len(trials[20:]) == 0
    with pytest.raises(IndexError):
        trials[9]


@pytest.mark.usefixtures("cached")
def test_a_cache_is_used_and_made_anew_when_the_journal_is_another(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in (JOURNAL, "manifest.json"):
        (run / name).write_bytes((folder / "random" / name).read_bytes())
    cold = read_run(run)
    cache = run / stored_trials.CACHE
    assert cache.exists()
    with monkeypatch.context() as patch:
        patch.setattr(stored_trials, "scan", lambda *_: 1 / 0)
        warm = read_run(run)
    assert columns_of(warm.trials).rows.tobytes() == columns_of(cold.trials).rows.tobytes()
    assert columns_of(warm.trials).reasons == columns_of(cold.trials).reasons
    for damage in (b"", b"nonsense", cache.read_bytes()[:-3], cache.read_bytes() + b"x"):
        cache.write_bytes(damage)
        assert len(read_run(run).trials) == 9
    lines = (run / JOURNAL).read_bytes().splitlines(keepends=True)
    (run / JOURNAL).write_bytes(b"".join(lines[:5]))
    assert len(read_run(run).trials) == 5
    (run / JOURNAL).write_bytes(b"".join([*lines[:2], *lines[3:]]))
    with pytest.raises(InputError, match=r"line 3"):
        read_run(run)


@pytest.mark.parametrize("at_once", [1, 2, 4, 100])
@pytest.mark.parametrize("wrong", [0, 3, 8])
def test_the_first_line_that_is_wrong_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, wrong: int
) -> None:
    """However many are turned into columns together, and whatever is wrong with lines after it."""
    monkeypatch.setattr(stored_trials, "_AT_ONCE", at_once)
    records, _ = read_lines(folder / "random" / JOURNAL)
    path, start = tmp_path / JOURNAL, "0" * 16
    with LineFile(path, 0, start) as file:
        file.append(records)
    whole = stored_trials.scan(path, start)
    assert whole.rows["energy"].tobytes() == columns_of(read_run(folder / "random").trials).rows["energy"].tobytes()
    path.unlink()
    for record in records[wrong::2]:
        record["evaluations"] = -1
    with LineFile(path, 0, start) as file:
        file.append(records)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[min(wrong + 1, 8)] += b"{damaged}\n" * 2
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match=rf"line {wrong + 1}: .*-1 is too large or negative"):
        stored_trials.scan(path, start)


@pytest.mark.usefixtures("cached")
def test_a_folder_that_cannot_be_written_is_read_all_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(stored_trials, "replace_file", refuse)
    assert len(read_run(folder / "random").trials) == 9


@pytest.mark.usefixtures("cached")
def test_distinct_minima_are_counted_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = read_run(folder / "random").trials
    count = num_distinct(trials)
    assert count == run_metrics(trials, num_distinct=counted.num_distinct_minima(trials)).num_distinct
    monkeypatch.setattr(counted, "num_distinct_minima", lambda trials: 1 / 0)
    assert num_distinct(read_run(folder / "random").trials) == count
    with pytest.raises(ZeroDivisionError):
        num_distinct(trials[:4])


def test_more_crystals_than_can_be_told_apart_in_time_are_not_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tuple(read_bench(folder))
    assert Comparison(records, {}, count_distinct=True).summary().rows[0]["distinct"] is not None
    monkeypatch.setattr(counted, "MOST_COUNTED", 3)
    table = Comparison(records, {}, count_distinct=True).summary()
    assert table.rows[0]["distinct"] is None
    assert any("distinct minima are not counted" in note for note in table.notes)


@pytest.mark.usefixtures("cached")
def test_large_journals_are_read_on_all_cores(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        for name in (JOURNAL, "manifest.json"):
            (tmp_path / f"run-{number}").mkdir(exist_ok=True)
            (tmp_path / f"run-{number}" / name).write_bytes((folder / "random" / name).read_bytes())
    monkeypatch.setattr(scanning, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert [len(record.trials) for record in read_bench(tmp_path)] == [9, 9, 9]
    assert len(find_runs(tmp_path)) == 3
    damaged = tmp_path / "run-1" / JOURNAL
    damaged.write_bytes(damaged.read_bytes().replace(b'"number":4', b'"number":7'))
    with pytest.raises(InputError, match=r"run-1.*line 5"):
        read_bench(tmp_path)


def test_appending_takes_as_long_at_the_end_as_at_the_start(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is written as it is, whatever came before: nothing of the journal is read, nothing else is written."""
    from crysim.harness.journal import Journal

    run = tmp_path / "run"
    run.mkdir()
    (run / "manifest.json").write_bytes((folder / "random" / "manifest.json").read_bytes())
    trials = list(read_run(folder / "random", frames=True).trials)
    with Journal(run / JOURNAL) as journal:
        for _ in range(3):
            before = (run / JOURNAL).stat().st_size
            reads: list[str] = []
            monkeypatch.setattr(Path, "read_bytes", lambda self, reads=reads: reads.append(str(self)))
            journal.append(trials[:2], stateful=False)
            monkeypatch.undo()
            grown = (run / JOURNAL).stat().st_size - before
            assert not reads
            assert grown < 20_000
    assert len((run / JOURNAL).read_bytes().splitlines()) == 6
