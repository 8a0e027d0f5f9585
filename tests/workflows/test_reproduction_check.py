"""`crysim reproduce --check`: tables against the journals that they were made of."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from crysim.analysis.paper.bits import bits_table
from crysim.analysis.paper.tables import find_target
from crysim.errors import InputError
from crysim.harness.systems import find_system
from crysim.workflows.reproduce import cut_notes, reproduce, target_parts
from crysim.workflows.reproduction_check import check_reproduced, exit_code
from crysim.workflows.reproduction_cuts import KEPT, RACED, Cuts, kept_cuts

CUTS = Cuts(
    budget=2,
    seeds="0",
    systems=("Ca4S4",),
    methods=("swarm",),
    symmetry="keep",
    settings={"energy": "ase:lj", "max_steps": 3},
)


def test_a_table_is_compared_with_what_its_journals_give(tmp_path: Path) -> None:
    _, ended = reproduce(["table-s2"], str(tmp_path), CUTS)
    assert ended.exit_code == 0
    (same,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (same.state, exit_code([same])) == ("same", 0), same.detail

    path = tmp_path / "table-s2.json"
    written = json.loads(path.read_text())
    written["rows"][0]["num_lowest"] += 7
    path.write_text(json.dumps(written))
    (other,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (other.state, exit_code([other])) == ("differs", 1)
    assert "table-s2.json, row 1, num_lowest" in other.detail

    (journal,) = tmp_path.rglob("journal.jsonl")
    journal.write_bytes(b"")
    (empty,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (empty.state, exit_code([empty])) == ("no journals", 3)

    path.unlink()
    (gone,) = check_reproduced(["table-s2"], str(tmp_path), CUTS)
    assert (gone.state, exit_code([gone])) == ("no table", 3)


def test_what_was_made_is_checked_with_the_cuts_that_were_written_down(tmp_path: Path) -> None:
    reproduce(["table-s2", "fig-2"], str(tmp_path), CUTS)
    checked = check_reproduced([], str(tmp_path), Cuts())
    assert [(one.target, one.state) for one in checked] == [("table-s2", "same"), ("fig-2", "same")]
    assert kept_cuts(tmp_path)["table-s2"].cuts == replace(CUTS, settings={"energy": "ase:lj"})
    (tmp_path / KEPT).unlink()
    unsaid = check_reproduced([], str(tmp_path), CUTS)
    assert [one.target for one in unsaid] == ["table-s2", "fig-2"]  # those of which there are tables
    (tmp_path / KEPT).write_text("[1]")
    with pytest.raises(InputError, match=r"cuts.json is damaged"):
        check_reproduced([], str(tmp_path), Cuts())
    with pytest.raises(InputError, match=r"cuts.json is damaged"):
        reproduce(["table-s2"], str(tmp_path), replace(CUTS, seeds="1"))
    assert not list(tmp_path.rglob("seed-1"))  # refused before anything is run


def test_a_folder_without_tables_is_told_of_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no table of crysim reproduce in"):
        check_reproduced([], str(tmp_path), Cuts())


def test_a_cut_run_goes_on_with_a_larger_budget(tmp_path: Path) -> None:
    reproduce(["table-s2"], str(tmp_path), replace(CUTS, budget=1))
    (journal,) = tmp_path.rglob("journal.jsonl")
    first = journal.read_bytes()
    reproduce(["table-s2"], str(tmp_path), CUTS)
    (journal,) = tmp_path.rglob("journal.jsonl")
    assert journal.read_bytes().startswith(first)
    assert journal.read_bytes() != first


def test_a_reference_of_ones_own_need_not_lie_in_the_folder(tmp_path: Path) -> None:
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    file = tmp_path / "own.cif"
    crystal.to_structure().to(str(file))
    out = tmp_path / "out"
    reproduce(["table-s2"], str(out), replace(CUTS, references={"Ca4S4": str(file)}))
    (references,) = out.rglob("references.json")
    references.unlink()
    (without,) = check_reproduced([], str(out), Cuts())
    assert (without.state, without.detail) == ("no reference", "give --reference Ca4S4=FILE")
    (given,) = check_reproduced([], str(out), Cuts(references={"Ca4S4": str(file)}))
    assert given.state == "same", given.detail


def test_racing_is_asked_of_every_method_and_printed(tmp_path: Path) -> None:
    cuts = replace(CUTS, methods=(), race=True)
    (part,) = target_parts(find_target("table-s2"), tmp_path, cuts)
    assert {run.strategy.options["race"] for run in part.settings.runs()} == {True}
    assert part.settings.out.endswith("small-ase-lj-annealer-keep-race")
    assert RACED in cut_notes(find_target("table-s2"), cuts)
    assert target_parts(find_target("table-s2"), tmp_path, CUTS)[0].settings.out.endswith("annealer-keep")


def test_table_s12_is_checked_by_making_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(bits_table, num_initial=20)
    monkeypatch.setattr("crysim.workflows.reproduce.bits_table", few)
    reproduce(["table-s12"], str(tmp_path), Cuts(systems=("Y6Co51",)))
    (same,) = check_reproduced([], str(tmp_path), Cuts())
    assert same.state == "same", same.detail


def test_committed_tables_without_journals_say_so() -> None:
    results = Path(__file__).parents[2] / "results" / "small"
    checked = check_reproduced(["table-s1", "table-s2", "table-s12"], str(results), Cuts())
    assert [one.state for one in checked] == ["no journals", "no journals", "no table"]
    assert "none of its 9 runs" in checked[0].detail


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name with --out"):
        check_reproduced(["table-s2"], str(tmp_path / "nothing"), Cuts())
