"""Initial crystals are packed with the journal: read, charged for and gone on with as before, and never lost."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.errors import CrysimError, InputError
from crysim.harness import blocks, initial, packed
from crysim.harness.blocks import ENDING
from crysim.harness.budgets import spent_on_initial
from crysim.harness.compact import compact_run
from crysim.harness.initial import SHARED, lock_of
from crysim.harness.journal import ENDED, INITIAL, JOURNAL, STATE, read_run
from crysim.harness.lines import read_lines, seal
from crysim.harness.loop import execute
from crysim.harness.run_folder import LOCK, locked, run_folder
from crysim.harness.spec import RunSpec
from crysim.interfaces import EnergyModel
from crysim.workflows.compact import compact
from crysim.workflows.verify import verify

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
PACKED = INITIAL + ENDING


pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, make_spec: Make, emt: EnergyModel) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    execute(make_spec("crysim", budget=2, batch=2), folder, emt)
    return folder


@pytest.fixture(scope="module")
def longer(finished: Path, make_spec: Make, emt: EnergyModel) -> Path:
    """The same run gone on without having been packed."""
    folder = finished.with_name("longer")
    shutil.copytree(finished, folder)
    execute(make_spec("crysim", budget=4, batch=2), folder, emt)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, make_spec: Make, emt: EnergyModel) -> Path:
    """A comparison of two runs that share their initial crystals; both names, and the shared one, are one file."""
    out = tmp_path_factory.mktemp("shared") / "out"
    for method in ("one", "other"):
        spec = make_spec("crysim", budget=2, batch=2)
        execute(spec, run_folder(out, "Al2Cu2", method, 0), emt, shared=out / SHARED)
    return out


@pytest.fixture
def out(shared: Path, tmp_path: Path) -> Path:
    """A copy in which what was one file is one file."""
    shutil.copytree(shared, tmp_path / "out")
    (pool,) = (tmp_path / "out" / SHARED).glob("*.jsonl")
    for own in (tmp_path / "out").rglob(INITIAL):
        own.unlink()
        os.link(pool, own)
    return tmp_path / "out"


def names(folder: Path, beginning: str = INITIAL) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(beginning))


def refuse_energies(*_: object) -> None:
    raise AssertionError("energies of initial crystals were asked for again")


def test_initial_crystals_are_packed_and_read_as_before(finished: Path, run: Path) -> None:
    sizes = compact_run(run)
    plain, small = (
        sum((at / n).stat().st_size for n in which)
        for at, which in ((finished, (INITIAL, JOURNAL)), (run, (PACKED, JOURNAL + ENDING)))
    )
    assert sizes == (plain, small)
    assert small < plain / 2
    assert names(run) == [PACKED]
    assert gzip.decompress((run / PACKED).read_bytes()) == (finished / INITIAL).read_bytes()
    before, after = read_run(finished), read_run(run)
    assert len(after.initial) == len(before.initial) == 60
    assert [(f.crystal, f.energy) for f in after.initial] == [(f.crystal, f.energy) for f in before.initial]
    assert after.initial_spent == before.initial_spent == spent_on_initial(run / INITIAL)
    assert after.initial_spent.evaluations == 60
    assert after.complete
    assert compact_run(run) is None
    assert names(run) == [PACKED]


def test_initial_crystals_beside_a_journal_that_an_earlier_release_packed(finished: Path, run: Path) -> None:
    compact_run(run)
    (run / PACKED).unlink()
    shutil.copy(finished / INITIAL, run)
    assert names(run, JOURNAL) == [JOURNAL + ENDING]
    assert compact_run(run) == ((finished / INITIAL).stat().st_size, (run / PACKED).stat().st_size)
    assert names(run) == [PACKED]
    assert read_run(run).initial_spent == read_run(finished).initial_spent


def test_a_run_goes_on_from_packed_initial_crystals_to_the_same_trials(
    run: Path, longer: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_run(run)
    with monkeypatch.context() as patch:
        patch.setattr(initial, "Energies", refuse_energies)
        execute(make_spec("crysim", budget=4, batch=2), run, emt)
    assert len(trials_of(run)) == 4
    assert trials_of(run) == trials_of(longer)
    assert names(run) == [PACKED]
    assert compact_run(run) is not None
    assert [names(run), names(run, JOURNAL)] == [[PACKED], [JOURNAL + ENDING]]


def test_packed_initial_crystals_that_are_not_all_there_are_completed(
    run: Path, finished: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """A run that was killed among them, and said to be finished by whoever made the folder."""
    lines = (run / INITIAL).read_bytes().splitlines(keepends=True)
    (run / INITIAL).write_bytes(b"".join(lines[:54]) + lines[54][:40])
    for name in (JOURNAL, STATE):
        (run / name).unlink(missing_ok=True)
    (run / ENDED).write_text('{"trials": 0, "reason": "tired"}')
    assert compact_run(run) is not None
    assert spent_on_initial(run / INITIAL).evaluations == 53
    (run / ENDED).unlink()
    execute(make_spec("crysim", budget=2, batch=2), run, emt)
    assert names(run) == [INITIAL]
    without_time = [[{**r, "cpu": 0} for r in read_lines(at / INITIAL)[0]] for at in (run, finished)]
    assert without_time[0] == without_time[1]
    assert trials_of(run) == trials_of(finished)


@pytest.mark.parametrize("moment", ["written", "compared", "gone"])
def test_a_process_that_dies_while_it_packs_loses_nothing(
    finished: Path, run: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Before the packed file is written, after it, and when the other one is gone already."""
    whole = packed.write_blocks, packed.is_packed_form, packed.sync_folder

    class KilledError(BaseException):
        pass

    def dies(*arguments: Any) -> None:
        if moment == "compared":
            assert whole[1](*arguments)
        raise KilledError

    what = {"written": "write_blocks", "compared": "is_packed_form", "gone": "sync_folder"}[moment]
    with monkeypatch.context() as patch:
        patch.setattr(packed, what, dies)
        with pytest.raises(KilledError):
            compact_run(run)
    assert names(run) == {"written": [INITIAL], "compared": [INITIAL, PACKED], "gone": [PACKED]}[moment]
    for _ in range(2):
        again = read_run(run)
        assert again.initial_spent == read_run(finished).initial_spent
        assert list(again.trials) == list(read_run(finished).trials)
        compact_run(run)
        assert [names(run), names(run, JOURNAL)] == [[PACKED], [JOURNAL + ENDING]]


def test_a_packed_file_that_is_not_what_was_written_is_not_kept(
    finished: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "pack", lambda lines: blocks.pack(iter([*lines][:-1])))
    with pytest.raises(OSError, match=r"initial\.jsonl is not what was written"):
        compact_run(run)
    assert names(run) == [INITIAL]
    assert (run / INITIAL).read_bytes() == (finished / INITIAL).read_bytes()


@pytest.mark.parametrize("more", [b"", b"more"], ids=["packed", "not packed"])
def test_what_an_earlier_release_left_when_it_died_is_deleted_only_if_it_is_packed(run: Path, more: bytes) -> None:
    away = run / (JOURNAL + ".packed")
    content = (run / JOURNAL).read_bytes() + more
    compact_run(run)
    away.write_bytes(content)
    assert compact_run(run) is None
    assert away.exists() is bool(more)


def test_a_run_that_is_held_keeps_its_initial_crystals(run: Path) -> None:
    with locked(run / LOCK, wait=0), pytest.raises(CrysimError, match="another process"):
        compact_run(run)
    assert names(run) == [INITIAL]


DAMAGE: list[Callable[[bytes], bytes]] = [
    lambda data: data[:-9],
    lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    lambda data: b"x" + data[1:],
    lambda data: data + b"more",
    lambda data: b"",
]


@pytest.mark.parametrize("damage", DAMAGE, ids=["torn", "altered", "no gzip", "more", "empty"])
def test_damaged_packed_initial_crystals_are_one_line(
    run: Path, make_spec: Make, emt: EnergyModel, damage: Callable[[bytes], bytes]
) -> None:
    compact_run(run)
    (run / PACKED).write_bytes(damage((run / PACKED).read_bytes()))
    match = r"initial\.jsonl\.gz is damaged: restore it, or delete its folder to run it anew$"
    with pytest.raises(InputError, match=match):
        _ = read_run(run).initial
    with pytest.raises(InputError, match=match):
        _ = read_run(run).complete
    with pytest.raises(InputError, match=match):
        execute(make_spec("crysim", budget=4, batch=2), run, emt)
    assert any("initial.jsonl.gz is damaged" in one.what for one in verify(run).differences)
    for command in ("status", "report", "verify", "export", "compact"):
        result = CliRunner().invoke(app, [command, str(run.parent)])
        assert isinstance(result.exception, SystemExit | None), (command, repr(result.exception))


def test_initial_crystals_that_are_damaged_are_not_packed(run: Path) -> None:
    """Also of a run that is known to be complete without them."""
    (run / ENDED).write_text('{"trials": 2, "reason": "enough"}')
    data = (run / INITIAL).read_bytes()
    (run / INITIAL).write_bytes(data[:200] + b"x" + data[201:])
    done = compact(run.parent)
    assert done.runs == 0
    assert len(done.left) == 1
    assert "initial.jsonl, line 2: the line is damaged" in done.left[0]
    assert names(run) == [INITIAL]


def test_what_runs_share_is_packed_once_and_counted_once(out: Path, make_spec: Make, emt: EnergyModel) -> None:
    (pool,) = (out / SHARED).glob("*.jsonl")
    runs = [run_folder(out, "Al2Cu2", method, 0) for method in ("one", "other")]
    size = pool.stat().st_size + sum((run / JOURNAL).stat().st_size for run in runs)
    result = CliRunner().invoke(app, ["compact", str(out), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    small = pool.with_name(pool.name + ENDING)
    assert not pool.exists()
    assert all(names(run) == [PACKED] and (run / PACKED).samefile(small) for run in runs)
    packed_size = small.stat().st_size + sum((run / (JOURNAL + ENDING)).stat().st_size for run in runs)
    assert (told["runs"], told["before"], told["after"]) == (2, size, packed_size)
    again = compact(out)
    assert (again.runs, again.before, again.after, again.left) == (0, 0, 0, ())


def test_a_run_that_begins_takes_its_initial_crystals_from_the_packed_ones_that_are_shared(
    out: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact(out)
    third = run_folder(out, "Al2Cu2", "third", 0)
    monkeypatch.setattr(initial, "Energies", refuse_energies)
    execute(make_spec("crysim", budget=2, batch=2), third, emt, shared=out / SHARED)
    assert names(third) == [PACKED]
    assert trials_of(third) == trials_of(run_folder(out, "Al2Cu2", "one", 0))
    assert read_run(third).initial_spent == read_run(run_folder(out, "Al2Cu2", "one", 0)).initial_spent


def test_packed_energies_are_computed_again_by_verify(out: Path) -> None:
    compact(out)
    result = CliRunner().invoke(app, ["verify", str(out), "--energies", "2"])
    assert result.exit_code == 0, result.output
    assert verify(out, energies=2).initial == 2
    small = next((out / SHARED).glob("*.jsonl.gz"))
    records, _ = read_lines(small.with_suffix(""))
    records[1]["energy"] += 1
    lines = [(seal(record) + "\n").encode() for record in records]
    small.unlink()  # the runs' own stay as they are
    small.write_bytes(b"".join(blocks.pack(iter(lines))))
    (found,) = map(str, verify(out, energies=0).differences)
    assert found.endswith(".jsonl: its energies are not those of the runs that share it")
    for own in out.rglob(PACKED):
        own.unlink()
        os.link(small, own)
    found = [str(one) for one in verify(out, energies=None).differences]
    assert any("crystal 0: its energy is stored as" in one for one in found), found


def test_shared_energies_that_are_not_all_there_or_held_are_left(out: Path) -> None:
    (pool,) = (out / SHARED).glob("*.jsonl")
    with locked(lock_of(pool), wait=0):
        assert any("another process" in line for line in compact(out).left)
    assert pool.exists()
    lines = pool.read_bytes().splitlines(keepends=True)
    pool.write_bytes(b"".join(lines[:20]))
    assert compact(out).left == ()
    assert pool.exists()
