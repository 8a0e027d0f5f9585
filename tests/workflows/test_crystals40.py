"""The forty searches: what is run, cut, printed and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crysim.analysis.forty import forty_crystals
from crysim.analysis.paper.tables import protocol_path
from crysim.errors import InputError, UnknownNameError
from crysim.harness.config_file import read_settings
from crysim.workflows.crystals40 import MAX_ATOMS, UNITS, find_forty
from crysim.workflows.reproduce import reproduce
from crysim.workflows.reproduction_cuts import Cuts
from crysim.workflows.search_plan import searched_contents

QUICK = {"energy": "ase:emt", "fmax": 0.1, "max_steps": 30, "symmetry": "keep", "budget": 6}


def test_the_protocol_is_200_relaxations_of_one_seed_with_the_papers_potential() -> None:
    settings = read_settings(protocol_path("crystals40"), {"system": list(forty_crystals())})
    assert (settings.budget, settings.seeds, settings.energy, settings.cell) == (200, (0,), "m3gnet", "primitive")
    assert settings.require_bound


def test_37_of_the_truths_cells_are_among_those_that_are_searched() -> None:
    found = []
    for formula, truth in forty_crystals().items():
        contents = searched_contents(formula, UNITS, "primitive", MAX_ATOMS)
        atoms = [one.num_atoms for one in contents]
        assert max(atoms) <= MAX_ATOMS
        assert truth.reachable(UNITS, MAX_ATOMS) == (truth.crystal.num_primitive_atoms in atoms)
        found.append(truth.reachable(UNITS, MAX_ATOMS))
    assert sum(found) == 37


def test_a_search_goes_on_to_the_same_table(tmp_path: Path) -> None:
    (made,), ended = reproduce(["crystals40"], str(tmp_path), Cuts(6, systems=("C",), symmetry="keep", settings=QUICK))
    assert ended.exit_code == 0
    assert {path.name for path in made.files} == {f"crystals40.{kind}" for kind in ("md", "csv", "tex", "json")}
    text = (tmp_path / "crystals40.md").read_text(encoding="utf-8")
    (row,) = json.loads((tmp_path / "crystals40.json").read_text(encoding="utf-8"))["rows"]
    assert (row["formula"], row["relaxations"], row["reachable"]) == ("C", 6, True)
    assert row["above_truth"] is not None  # the truth was relaxed with this model, which has no energy of it on record
    for note in (
        "relaxations 6 (the protocol: 200)",
        "energy model ase:emt (the protocol: m3gnet)",
        "formulas 1 (the protocol: 40)",
        "symmetry of the relaxations: keep",
        "at most 84 atoms per primitive cell",
    ):
        assert note in text
    journals = sorted(tmp_path.rglob("journal.jsonl"))
    before = [journal.read_bytes() for journal in journals]
    assert len(journals) == 4
    journals[-1].write_bytes(b"")  # as if it had been stopped before its last run
    find_forty(tmp_path, "again", {**QUICK}, formulas=["C"])
    assert json.loads((tmp_path / "crystals40.json").read_text(encoding="utf-8"))["rows"][0]["relaxations"] == 6
    assert [len(journal.read_bytes().splitlines()) for journal in journals] == [len(b.splitlines()) for b in before]


def test_what_cannot_be_searched_is_said(tmp_path: Path) -> None:
    def run(cuts: Cuts, *names: str) -> None:
        reproduce(names or ("crystals40",), str(tmp_path / "out"), cuts)

    with pytest.raises(UnknownNameError, match="system of crystals40 'GaAz'"):
        run(Cuts(systems=("GaAz",)))
    with pytest.raises(InputError, match="leave out --prototypes"):
        run(Cuts(prototypes=True), "table-s2")
    with pytest.raises(InputError, match="one strategy at a time"):
        run(Cuts(methods=("random", "enumerate")))
    with pytest.raises(InputError, match="leave out one of them"):
        run(Cuts(methods=("random",), prototypes=True))
    with pytest.raises(InputError, match="leave out --reference"):
        run(Cuts(references={"Si": "a.cif"}))
    with pytest.raises(InputError, match="budget is 0"):
        run(Cuts(0, systems=("Si",)))
    assert not (tmp_path / "out").exists()
