"""`crysim.search`: a formula to distinct crystals named by what they are, in cells of several contents."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import crysim
from crysim.cli import app
from crysim.composition import Contents
from crysim.errors import InputError
from crysim.harness.config_file import read_settings
from crysim.harness.spec import PartSpec
from crysim.workflows.search_plan import DEFAULT, Plan, plan_search, searched_contents

QUICK = {"energy": "ase:emt", "fmax": 0.05, "max_steps": 100, "symmetry": "keep", "workers": 1}
KEYS = {
    *("rank", "formula", "z", "atoms", "space_group", "symbol", "prototype", "energy_per_atom", "above_best"),
    *("volume_per_atom", "times_found", "first_found", "status", "file"),
}


def plan(
    formula: str,
    budget: int = 100,
    *,
    z: str | None = None,
    prototypes: bool = True,
    method: str = DEFAULT,
    **given: object,
) -> Plan:
    units = None if z is None else tuple(int(n) for n in z.split(","))
    contents = searched_contents(formula, units, "primitive", None)
    names = tuple(one.formula for one in contents)
    settings = read_settings(
        None, {"system": names, "cell": "primitive", "budget": budget, "energy": "ase:emt", **given}
    )
    return plan_search(settings, Path("out"), method=method, prototypes=prototypes)


def test_contents_are_those_that_keep_the_primitive_cell_small() -> None:
    assert [one.num_atoms for one in searched_contents("NaCl", None, "primitive", None)] == [2, 4, 6, 8, 12, 16, 24]
    assert [one.formula for one in searched_contents("MgAl2O4", None, "primitive", None)] == [
        "MgAl2O4",
        "Mg2Al4O8",
        "Mg3Al6O12",
        "Mg4Al8O16",
    ]
    assert searched_contents("Na4Cl4", None, "conventional", None) == [Contents.from_formula("Na4Cl4")]
    assert [one.num_atoms for one in searched_contents("NaCl", (1, 2, 30), "primitive", 10)] == [2, 4]


def test_a_search_is_one_run_over_all_contents() -> None:
    made = plan("NaCl", 22, z="1,2,4", prototypes=False)
    (job,) = made.jobs
    assert (job.spec.system.name, job.spec.method, job.spec.budget) == ("NaCl-z1-2-4-primitive", "portfolio", 22)
    assert [one.formula for one in job.spec.system.each] == ["NaCl", "Na2Cl2", "Na4Cl4"]
    assert made.text() == (
        "NaCl: 1, 2, 4 formula units per primitive cell (2, 4, 8 atoms), 22 relaxations by portfolio"
    )
    assert not job.spec.strategy.options.get("prototypes")
    assert plan("NaCl", 22, z="1,2,4").jobs[0].spec.strategy.options["prototypes"]


def test_contents_are_named_in_few_characters() -> None:
    for units, name in (
        ((1, 2), "1-2"),
        ((1, 2, 3, 4), "1-4"),
        ((1, 2, 4), "1-2-4"),
        ((1, 2, 3, 4, 6, 8, 9, 12), "1-4+6+8-9+12"),
    ):
        several = Contents.together([Contents.from_formula("Y2O3", z, "primitive") for z in units])
        assert several.name == f"Y2O3-z{name}-primitive"


def test_types_of_larger_cells_take_part_where_nothing_is_said_of_cells() -> None:
    """Bixbyite has 40 atoms, where at most four formula units are drawn for."""
    for formula, drawn, larger in (
        ("Y2O3", [1, 2, 3, 4], 8),
        ("Fe2O3", [1, 2, 3, 4], 12),
        ("NaCl", [1, 2, 3, 4, 6, 8, 12], 16),
    ):
        contents = searched_contents(formula, None, "primitive", None)
        names = tuple(one.formula for one in contents)
        settings = read_settings(None, {"system": names, "cell": "primitive", "budget": 40, "energy": "ase:emt"})
        made = plan_search(settings, Path("out"), larger_types=True)
        (job,) = made.jobs
        units = [one.composition.num_formula_units for one in job.spec.system.each]
        assert units[: len(drawn)] == [one.composition.num_formula_units for one in made.contents] == drawn
        assert larger in units
        assert job.spec.strategy.options["types_alone"] == len(units) - len(drawn)
        assert f"known structure types of up to {made.larger[-1].num_atoms}, 40 relaxations" in made.text()
        assert max(one.num_atoms for one in job.spec.system.each) <= 100
    assert not plan("Y2O3", 40, z="1,2").larger


def test_types_of_unusual_cells_take_part_though_nothing_is_drawn_in_them() -> None:
    contents = searched_contents("NaCl", None, "primitive", None)
    names = tuple(one.formula for one in contents)
    settings = read_settings(None, {"system": names, "cell": "primitive", "budget": 40, "energy": "ase:emt"})
    made = plan_search(settings, Path("out"), larger_types=True)
    alone = [one.composition.num_formula_units for one in made.larger]
    assert alone == [5, 9, 16, 24]
    assert made.jobs[0].spec.strategy.options["types_alone"] == len(alone)


def test_another_strategy_has_a_run_of_each_content_and_even_shares_smallest_first() -> None:
    made = plan("NaCl", 22, z="1,2,3", prototypes=False, method="enumerate")
    assert [(job.spec.system.name, job.spec.method, job.spec.budget) for job in made.jobs] == [
        ("NaCl-primitive", "enumerate", 8),
        ("Na2Cl2-primitive", "enumerate", 7),
        ("Na3Cl3-primitive", "enumerate", 7),
    ]
    small = plan("NaCl", 2, prototypes=False, method="prior")
    assert [(job.spec.system.formula, job.spec.budget) for job in small.jobs] == [("NaCl", 1), ("Na2Cl2", 1)]


def test_known_structure_types_come_before_another_strategy_and_take_at_most_half() -> None:
    made = plan("CaF2", 40, z="1,2", method="enumerate")
    assert made.budget == 40
    methods = [job.spec.method for job in made.jobs]
    assert methods[:2] == ["prototypes", "enumerate"]
    assert sum(job.spec.budget for job in made.jobs if job.spec.method == "prototypes") <= 20
    folders = {job.folder for job in made.jobs}
    assert len(folders) == len(made.jobs)


def test_contents_that_fit_no_allowed_group_take_no_part() -> None:
    made = plan("NaCl", 10, z="1,2,3", prototypes=False, space_groups="225")
    assert [one.formula for one in made.jobs[0].spec.system.each] == ["NaCl", "Na2Cl2"]


def test_a_strategy_of_one_content_is_not_given_several() -> None:
    (job,) = plan("NaCl", 22, z="1,2", prototypes=False).jobs
    with pytest.raises(InputError, match="'prior' searches cells of one content"):
        replace(job.spec, strategy=PartSpec("prior"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"z": "0"}, "from 1 on"),
        ({"z": "5-2"}, "from 1 on"),
        ({"z": 300}, "holds 600 atoms: at most 400"),
        ({"max_atoms": 1}, "at most 1"),
        ({"budget": 0}, "budget is 0"),
        ({"cell": "unit"}, "unknown cell 'unit'"),
        ({"top": 0}, "top is 0"),
        ({"methd": "random"}, "did you mean"),
    ],
)
def test_bad_input_is_named(given: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        crysim.search("AlCu", out=tmp_path / "out", **{**QUICK, **given})  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_search_finds_names_and_writes_distinct_crystals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pymatgen.core import Structure

    found = crysim.search("Cu", z="1,2", budget=12, out=tmp_path / "out", **QUICK)
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "")
    first = found.table.rows[0]
    assert set(first) >= KEYS
    # the potential hardly tells close packings apart
    place = [row["space_group"] for row in found.table.rows].index(225)
    packed = found.table.rows[place]
    assert (first["above_best"], packed["symbol"], packed["atoms"], packed["prototype"]) == (0.0, "Fm-3m", 1, "Copper")
    assert packed["above_best"] < 0.01
    assert packed["times_found"] >= 2
    energies = [row["energy_per_atom"] for row in found.table.rows]
    assert energies == sorted(energies)
    evaluations = sum(trial.evaluations for record in found.records for trial in record.trials)
    spent = rf"spent: 12 relaxations, {evaluations} evaluations of the energy model, [0-9.]+ CPU s"
    assert any(re.fullmatch(spent, note) for note in found.table.notes), found.table.notes
    file = str(packed["file"])
    assert Path(file).name == f"{place + 1:03d}-Cu-225.cif"
    assert len(Structure.from_file(file)) == 4
    assert len(Structure.from_file(file.replace(".cif", "-primitive.vasp"))) == 1
    assert (len(found.structures[place]), len(found.atoms[place])) == (4, 1)
    assert found.dataframe()["space_group"].iloc[place] == 225
    assert "<table>" in found._repr_html_()
    command = ["search", "Cu", "--z", "1,2", "--budget", "12", "--out", str(tmp_path / "out"), "--workers", "1"]
    again = CliRunner().invoke(
        app, [*command, "--energy", "ase:emt", "--fmax", "0.05", "--max-steps", "100", "--symmetry", "keep", "--json"]
    )
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)[0]["energy_per_atom"] == first["energy_per_atom"]
    assert "Cu: 1, 2 formula units per primitive cell (1, 2 atoms)" in again.stderr


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    """Worker processes do not import the script that asked for them."""
    script = tmp_path / "script.py"
    script.write_text(
        "import crysim\n"
        "print('begun')\n"
        "found = crysim.search('Cu', z=1, budget=2, prototypes=False, energy='ase:emt', fmax=0.05, max_steps=50)\n"
        "print(len(found.answers) > 0)\n"
    )
    ran = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "begun\nTrue\n"), ran.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupt_returns_what_there_is(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import crysim\n"
        "found = crysim.bench(['Al2Cu2'], ['random'], budget=5000, energy='ase:emt', fmax=0.05, out='out')\n"
        "print(found.ended.interrupted, len(found.records[0].trials) > 0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, script.name], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    journal = tmp_path / "out" / "Al2Cu2" / "random" / "seed-0" / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()
    assert (process.returncode, out) == (0, "True True\n"), error


def test_the_same_search_with_a_larger_budget_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = crysim.search("Cu", z="1,2", budget=10, out=out, **QUICK)
    before = {record.path: [t.crystal for t in record.trials] for record in first.records}
    more = crysim.search("Cu", z="1,2", budget=20, out=out, **QUICK)
    assert not more.ended.failures
    assert sum(len(record.trials) for record in more.records) == 20
    for record in more.records:
        known = before.get(record.path, [])
        assert [t.crystal for t in record.trials[: len(known)]] == known
    again = crysim.search("Cu", z="1,2", budget=10, out=out, **QUICK)
    assert sum(len(record.trials) for record in again.records) == 20
    assert [a.identity.space_group for a in again.answers] == [a.identity.space_group for a in more.answers]


@pytest.mark.parametrize("formula", ["NaCl", "SrTiO3"])
def test_no_run_of_a_search_gets_less_of_a_larger_budget(formula: str) -> None:
    """Else a search that goes on would leave a run short of what its folder holds."""
    last: dict[tuple[str, str], int] = {}
    for budget in (3, 13, 50, 99):
        now = {(job.spec.system.name, job.spec.method): job.spec.budget for job in plan(formula, budget).jobs}
        assert all(now.get(key, 0) >= value for key, value in last.items()), budget
        last = now


def test_a_file_says_more_than_the_defaults_of_a_search_and_the_call_more_than_the_file(tmp_path: Path) -> None:
    config = tmp_path / "search.toml"
    config.write_text("[bench]\nbudget = 6\nbatch = 3\n")
    quick = {key: value for key, value in QUICK.items() if key != "workers"}
    found = crysim.search("Cu", z=1, config=config, out=tmp_path / "file", **quick)  # type: ignore[arg-type]
    (record,) = found.records
    assert (record.config["budget"], record.config["batch"]) == (6, 3)
    found = crysim.search("Cu", z=1, config=config, budget=4, out=tmp_path / "call", **quick)  # type: ignore[arg-type]
    assert (found.records[0].config["budget"], found.records[0].config["batch"]) == (4, 3)


def test_a_search_goes_on_with_the_batches_that_it_began_with(tmp_path: Path) -> None:
    first = crysim.search("Cu", z=1, budget=4, batch=3, out=tmp_path, **QUICK)  # type: ignore[arg-type]
    more = crysim.search("Cu", z=1, budget=6, out=tmp_path, **QUICK)  # type: ignore[arg-type]
    assert more.records[0].config["batch"] == 3
    assert more.records[0].trials[:4] == first.records[0].trials
    assert len(more.records[0].trials) == 6


def test_a_search_that_learned_no_potential_goes_on_without(tmp_path: Path) -> None:
    without = {"portfolio.settled": False}
    crysim.search("Cu", z=1, budget=4, options=without, out=tmp_path, **QUICK)  # type: ignore[arg-type]
    more = crysim.search("Cu", z=1, budget=6, out=tmp_path, **QUICK)  # type: ignore[arg-type]
    assert len(more.records[0].trials) == 6
    new = crysim.search("Cu", z=1, budget=4, out=tmp_path / "new", **QUICK)  # type: ignore[arg-type]
    assert new.records[0].config["strategy"]["options"]["settled"] is True
    assert new.records[0].config["relax"]["num_frames"] == 2


def test_a_search_goes_on_with_as_many_batches_under_way_as_it_began_with(tmp_path: Path) -> None:
    crysim.search("Cu", z=1, budget=4, batch=2, ahead=5, out=tmp_path, **QUICK)  # type: ignore[arg-type]
    more = crysim.search("Cu", z=1, budget=6, out=tmp_path, **QUICK)  # type: ignore[arg-type]
    assert more.records[0].config["ahead"] == 5
