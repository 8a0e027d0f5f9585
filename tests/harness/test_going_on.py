"""A run goes on: with a larger budget, other releases of its software, and never with what would change its trials."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crysim.errors import CrysimError, InputError
from crysim.harness import run_folder
from crysim.harness.journal import JOURNAL, MANIFEST, STATE, Journal, read_run
from crysim.harness.lines import read_lines, seal
from crysim.harness.loop import execute
from crysim.harness.run_folder import locked
from crysim.harness.sittings import SITTINGS, read_sittings, software_warning
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel
from crysim_solvers.annealing.annealer import Annealer

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def finished(execute_both: Callable[..., dict[str, Path]]) -> dict[str, Path]:
    return execute_both("finished", budget=5)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


@pytest.mark.parametrize("method", ["random", "crysim"])
def test_a_larger_budget_goes_on_with_a_finished_run(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, method: str
) -> None:
    folder = copied(finished[method], tmp_path / "run")
    before = trials_of(folder)
    end = execute(make_spec(method, budget=9), folder, emt)
    assert (end.done, end.total) == (9, 9)
    assert trials_of(folder)[:5] == before
    record = read_run(folder)
    assert (record.budget, record.complete) == (9, True)
    assert [(s.trials, s.budget) for s in read_sittings(folder, record.manifest)] == [(0, 5), (5, 9)]


LEARNING: dict[str, dict[str, Any]] = {
    "crysim": {},
    "swarm": {"population": 4},
    "evolution": {"population": 4, "fittest": 3, "elites": 1, "tournament": 2},
    "bayesian": {"startup_jobs": 3, "candidates": 4},
    "portfolio": {"first": 1, "stop_after": 50},
    "prior": {},
    "annealing": {"screen": 4},
}
"""Strategies, with options by which they have learned from what they were told before the smaller budget ends."""


@pytest.mark.parametrize("method", LEARNING)
def test_a_finished_run_that_goes_on_equals_one_that_had_the_larger_budget_from_the_start(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf, method: str
) -> None:
    """To the last bit, where no batch was cut short by the smaller budget; also when it is raised twice."""
    strategy = {} if method == "crysim" else {"strategy": PartSpec(method, LEARNING[method])}
    specs = [make_spec(method, batch=2, budget=budget, **strategy) for budget in (4, 8, 12)]
    execute(specs[-1], tmp_path / "straight", emt)
    expected = trials_of(tmp_path / "straight")
    assert len(expected) == 12
    for spec in specs:
        execute(spec, tmp_path / "raised", emt)
        assert trials_of(tmp_path / "raised") == expected[: spec.budget]


def test_a_run_gone_on_with_and_killed_gives_the_trials_of_one_that_was_not_killed(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    """The state is lost too, so the batch that the first budget cut short is replayed as it was asked for."""
    whole, cut = copied(finished["crysim"], tmp_path / "whole"), copied(finished["crysim"], tmp_path / "cut")
    execute(make_spec("crysim", budget=9), whole, emt)
    execute(make_spec("crysim", budget=7), cut, emt)
    data = (cut / JOURNAL).read_bytes()
    (cut / JOURNAL).write_bytes(data[:-30])
    (cut / STATE).unlink()
    execute(make_spec("crysim", budget=7), cut, emt)
    straight = copied(finished["crysim"], tmp_path / "straight")
    execute(make_spec("crysim", budget=7), straight, emt)
    assert trials_of(cut) == trials_of(straight)


def test_a_smaller_budget_reads_what_it_had_bought_and_changes_nothing(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    folder = copied(finished["random"], tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    end = execute(make_spec("random", budget=3), folder, emt)
    assert (end.phase, end.done, end.total) == ("done", 3, 3)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    record = read_run(folder)
    assert [trial.number for trial in record.within(3).trials] == [0, 1, 2]
    assert record.within(3).budget == 3
    assert record.within(8) is record


def test_other_releases_of_the_software_are_written_down_and_said(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    folder = copied(finished["random"], tmp_path / "run")
    edit_manifest(folder, lambda manifest: manifest["versions"].update(numpy="1.0", python="3.11.0"))
    (folder / SITTINGS).unlink()  # as runs of the first releases are
    spec = make_spec("random", budget=5)
    execute(spec, folder, emt)  # finished: nothing is computed, nothing is said
    assert software_warning([(spec, folder)]) is None
    longer = replace(spec, budget=6)
    warning = software_warning([(longer, folder)])
    assert warning is not None
    assert "numpy" in warning
    assert "(1.0 before)" in warning
    assert "\n" not in warning
    execute(longer, folder, emt)
    first, second = read_sittings(folder, read_run(folder).manifest)
    assert (first.versions["numpy"], first.budget, second.trials) == ("1.0", 5, 5)
    assert second.versions["numpy"] != "1.0"
    assert software_warning([(replace(spec, budget=7), folder)]) is None


def test_a_lost_manifest_beside_a_journal_is_refused(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    folder = copied(finished["random"], tmp_path / "run")
    (folder / MANIFEST).unlink()
    with pytest.raises(InputError, match=r"holds a journal\.jsonl and no manifest\.json"):
        execute(make_spec("random", budget=5, seed=1), folder, emt)
    assert not (folder / MANIFEST).exists()


def test_a_journal_of_another_seed_is_named(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    folder = copied(finished["random"], tmp_path / "run")
    execute(make_spec("random", budget=5, seed=1), tmp_path / "other", emt)
    shutil.copy(tmp_path / "other" / JOURNAL, folder / JOURNAL)
    with pytest.raises(InputError, match=r"journal\.jsonl, line 1: the line is not of this run"):
        read_run(folder)
    with pytest.raises(InputError, match=r"journal\.jsonl, line 1"):
        execute(make_spec("random", budget=6), folder, emt)


def former_journal(folder: Path) -> list[str]:
    """The journal as the first releases wrote it."""
    records, _ = read_lines(folder / JOURNAL)
    for record in records:
        record.pop("asked", None)
    lines = [seal(record) + "\n" for record in records]
    (folder / JOURNAL).write_text("".join(lines))
    edit_manifest(folder, lambda manifest: manifest.pop("run"))
    (folder / SITTINGS).unlink(missing_ok=True)
    return lines


def test_a_journal_without_a_chain_is_read_and_gone_on_with(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    new, old = copied(finished["crysim"], tmp_path / "new"), copied(finished["crysim"], tmp_path / "old")
    former_journal(old)
    (old / STATE).unlink()
    (new / STATE).unlink()
    for folder in (new, old):
        execute(make_spec("crysim", budget=8), folder, emt)
    assert trials_of(old) == trials_of(new)
    lines = (old / JOURNAL).read_text().splitlines(keepends=True)
    (old / JOURNAL).write_text("".join([*lines[:5], *lines[6:]]))
    with pytest.raises(InputError, match=r"journal\.jsonl, line 6"):
        read_run(old)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
    ],
    ids=["deleted", "doubled", "swapped"],
)
def test_also_without_a_chain_a_line_out_of_its_place_is_named(
    finished: dict[str, Path], tmp_path: Path, changed: Callable[[list[str]], list[str]], line: int
) -> None:
    folder = copied(finished["random"], tmp_path / "run")
    (folder / JOURNAL).write_text("".join(changed(former_journal(folder))))
    with pytest.raises(InputError, match=rf"journal\.jsonl, line {line}: .*its number is"):
        read_run(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("start"),
        lambda record: record.update(status="happy"),
        lambda record: record.update(start=None),
        lambda record: record.update(start={"elements": ["Al"], "counts": ["x"]}),
        lambda record: record.update(batch="two"),
        lambda record: record.pop("stateful"),
        lambda record: record.update(energy=[1.0]),
    ],
)
def test_a_sealed_line_of_wrong_content_is_one_line_that_names_it(
    finished: dict[str, Path], tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    folder = copied(finished["random"], tmp_path / "run")
    former_journal(folder)
    records, _ = read_lines(folder / JOURNAL)
    change(records[0])
    (folder / JOURNAL).write_text("".join(seal(record) + "\n" for record in records))
    with pytest.raises(InputError, match=r"journal\.jsonl, line 1: ") as caught:
        Journal(folder / JOURNAL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_state_is_one_line_with_a_remedy(
    finished: dict[str, Path], tmp_path: Path, make_spec: Make, emt: EnergyModel, damage: bytes | None
) -> None:
    folder = copied(finished["crysim"], tmp_path / "run")
    data = (folder / STATE).read_bytes()
    (folder / STATE).write_bytes(data[: len(data) // 2] if damage is None else damage)
    with pytest.raises(InputError, match=r"state\.npz is damaged: delete it"):
        execute(make_spec("crysim", budget=6), folder, emt)


@pytest.mark.parametrize("lost", ["state lost", "state of the batch before"])
def test_a_replay_calls_neither_solver_nor_energy(
    tmp_path: Path,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:
    """Promise 12. With warm starts the next proposal depends on all fits so far: done again, unlike solves."""
    spec = make_spec("crysim", budget=6)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    execute(replace(spec, budget=4), whole, emt)
    early = (whole / STATE).read_bytes()
    execute(spec, whole, emt)
    shutil.copytree(whole, cut)
    (cut / STATE).unlink() if lost == "state lost" else (cut / STATE).write_bytes(early)
    solved, relaxed = [], []
    solve, relax = Annealer.solve, type(emt).relax
    monkeypatch.setattr(Annealer, "solve", lambda *a, **k: solved.append(1) or solve(*a, **k))
    monkeypatch.setattr(
        type(emt), "relax", lambda self, crystals, *a: relaxed.extend(crystals) or relax(self, crystals, *a)
    )
    execute(replace(spec, budget=8), cut, emt)
    assert (len(solved), len(relaxed)) == (1, 2)
    monkeypatch.undo()
    execute(replace(spec, budget=8), whole, emt)
    assert trials_of(cut) == trials_of(whole)


def test_a_file_system_without_locks_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    for wait in (0.0, None):  # the shared folder of initial energies waits for another process as long as it takes
        with pytest.raises(CrysimError, match="has no locks"), locked(tmp_path / "lock", wait=wait):
            pass
    assert run_folder.LOCK == "lock"
