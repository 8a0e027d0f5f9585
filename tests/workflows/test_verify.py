"""`crysim verify` finds what a folder claims and does not hold; `crysim status` says how far it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import crysim
from crysim.cli import app
from crysim.crystal import Crystal
from crysim.harness.journal import JOURNAL, MANIFEST, beginning_of, read_manifest
from crysim.harness.lines import LineFile, read_chain
from crysim.harness.run_folder import LOCK, locked
from crysim.workflows.doctor import doctor
from crysim.workflows.report import write_report
from crysim.workflows.verify import verify
from crysim.written_files import WrittenFiles

RUN = Path("Al2Cu2", "random", "seed-0")
OPTIONS = {"energy": "ase:emt", "fmax": 0.05, "space_groups": (123, 139, 221, 225)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    crysim.bench(["Al2Cu2"], ["random", "enumerate"], seeds=range(2), budget=4, out=out, **OPTIONS)
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def rewrite(run: Path, change: Callable[[dict[str, Any]], object], number: int = 0) -> None:
    """Change a trial and seal it again: what only a recomputation can find."""
    beginning = beginning_of(read_manifest(run))
    records = read_chain(run / JOURNAL, beginning).records
    change(records[number])
    with LineFile(run / JOURNAL, 0, beginning) as file:
        file.append(records)


def lowest(run: Path) -> int:
    records = read_chain(run / JOURNAL).records
    return min((r["energy"], r["number"]) for r in records if r["energy"] is not None and r["status"] == "relaxed")[1]


def test_an_honest_folder_verifies(folder: Path) -> None:
    done = verify(folder)
    assert done.good, done.differences
    assert (done.runs, done.trials, done.tables) == (4, 16, 2)
    assert done.energies >= 12
    assert not done.notes


def test_tables_of_fewer_runs_and_a_smaller_budget_verify_too(folder: Path) -> None:
    crysim.bench(["Al2Cu2"], ["random"], seeds=(1,), budget=2, out=folder, **OPTIONS)
    assert verify(folder, energies=0).good


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda r: r.update(energy=r["energy"] - 0.02), "its energy is stored as"),
        (lambda r: r["crystal"].update(cell=[1.05 * r["crystal"]["cell"][0], *r["crystal"]["cell"][1:]]), "energy"),
        (lambda r: r.update(status="too-close"), "it is too-close, and its closest pair is at"),
        (lambda r: r.update(status="failed"), "it has failed, and has a relaxed crystal"),
        (lambda r: r.update(status="unbound", energy=None, crystal=None), "it is unbound, and has no relaxed crystal"),
        (lambda r: r.update(start={**r["start"], "elements": ["Al", "Ni"]} | {"sites": [
            ["Ni" if s[0] == "Cu" else s[0], *s[1:]] for s in r["start"]["sites"]]}), "its start is Al2Ni2"),
    ],
    ids=["energy", "crystal", "distance", "failed", "no crystal", "composition"],
)  # fmt: skip
def test_what_was_changed_under_a_new_seal_is_found(folder: Path, change: Any, what: str) -> None:
    run = folder / RUN
    number = lowest(run)
    rewrite(run, change, number)
    found = [str(one) for one in verify(folder).differences]
    assert any(f"seed-0, trial {number}: " in one and what in one for one in found), found
    assert not any("seed-1, trial" in one for one in found)


@pytest.mark.parametrize(("cells", "wrong"), [((1, 1, 1), False), ((1, 1, 2), True)])
def test_a_primitive_cell_may_have_grown_to_that_of_the_start(
    tmp_path: Path, cells: tuple[int, int, int], wrong: bool
) -> None:
    options = OPTIONS | {"space_groups": (139,), "cell": "primitive"}
    crysim.bench(["AlCu"], ["random"], seeds=[0], budget=2, out=tmp_path / "out", **options)
    (run,) = [path.parent for path in (tmp_path / "out").rglob(JOURNAL)]
    structure = Crystal.from_dict(read_chain(run / JOURNAL).records[0]["start"]).to_structure()
    structure.make_supercell(cells)
    structure.perturb(0.05, seed=1)
    found = Crystal.from_structure(structure)
    assert (found.space_group, found.num_atoms) == (1, 4 * cells[2])
    rewrite(run, lambda record: record.update(crystal=found.to_dict()))
    assert any("was searched" in one.what for one in verify(tmp_path / "out").differences) == wrong


def test_a_crystal_that_is_not_relaxed_is_found(folder: Path) -> None:
    run = folder / RUN
    records = read_chain(run / JOURNAL).records
    number = lowest(run)
    frame = next(f for f in records[number]["frames"] if "cell" in f)

    def stop_early(record: dict[str, Any]) -> None:
        sites = [[*site[:2], free] for site, free in zip(record["start"]["sites"], frame["free"], strict=True)]
        record.update(crystal={**record["start"], "cell": frame["cell"], "sites": sites}, energy=frame["energy"])

    rewrite(run, stop_early, number)
    found = [one.what for one in verify(folder, energies=None).differences]
    assert any("it is relaxed to 0.05 eV/Å, and a force of" in one for one in found), found


def test_a_damaged_journal_is_one_difference_and_the_others_are_looked_at(folder: Path) -> None:
    lines = (folder / RUN / JOURNAL).read_bytes().splitlines(keepends=True)
    (folder / RUN / JOURNAL).write_bytes(b"".join([lines[0], *lines[2:]]))
    done = verify(folder, energies=0)
    assert any("journal.jsonl, line 2" in str(one) for one in done.differences)
    assert done.runs == 3


def test_a_table_that_is_not_of_the_journals_is_found(folder: Path) -> None:
    table = json.loads((folder / "summary.json").read_text())
    table["rows"][0]["lowest"] -= 1
    (folder / "summary.json").write_text(json.dumps(table))
    (one,) = verify(folder, energies=0).differences
    assert "lowest is" in str(one)


@pytest.mark.parametrize("name", ["summary.md", "summary.csv", "summary.tex", "seeds-Al2Cu2.md"])
def test_a_table_that_was_changed_where_people_read_it_is_found(folder: Path, name: str) -> None:
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace("random", "randum"))
    (one,) = verify(folder, energies=0).differences
    assert str(one) == f"{folder / name}: it is not the table of {Path(name).stem}.json"


@pytest.mark.parametrize("name", ["energy.png", "energy.svg", "energy-evaluations.png", "time.png"])
def test_a_picture_that_was_changed_is_found(folder: Path, name: str) -> None:
    assert verify(folder, energies=0).files == 5
    with (folder / name).open("ab") as file:
        file.write(b" ")
    (one,) = verify(folder, energies=0).differences
    assert str(one) == f"{folder / name}: it was changed since it was written"
    crysim.bench(["Al2Cu2"], ["random", "enumerate"], seeds=range(2), budget=4, out=folder, **OPTIONS)
    assert verify(folder, energies=0).good


def test_a_table_of_origins_that_was_changed_is_found(tmp_path: Path) -> None:
    crysim.bench(["Al2Cu2"], ["swarm"], budget=2, out=tmp_path, **OPTIONS)
    honest = verify(tmp_path, energies=0)
    assert honest.good
    assert honest.files == 9
    for ending in ("md", "csv", "tex", "json"):
        path = tmp_path / f"origins.{ending}"
        path.write_bytes(path.read_bytes() + b" ")
    places = [one.place for one in verify(tmp_path, energies=0).differences]
    assert sorted(places) == sorted(str(tmp_path / f"origins.{ending}") for ending in ("md", "csv", "tex", "json"))


def test_a_picture_that_became_a_pipe_is_found_and_nobody_waits_for_it(folder: Path) -> None:
    (folder / "time.png").unlink()
    os.mkfifo(folder / "time.png")
    (one,) = verify(folder, energies=0).differences
    assert one.place == str(folder / "time.png")


def test_a_report_that_was_changed_is_found_and_made_anew(folder: Path) -> None:
    report = write_report(folder)
    made = report.read_text()
    assert verify(folder, energies=0).good
    report.write_text(made.replace("Al", "Ga", 1))  # of the same size
    (one,) = verify(folder, energies=0).differences
    assert str(one) == f"{report}: it was changed since it was written"
    assert write_report(folder).read_text() == made


def test_a_written_crystal_that_was_changed_is_found(folder: Path) -> None:
    written = WrittenFiles(folder / "crystals")
    first, second = (written.write(stem, ".cif", stem) for stem in ("one", "two"))
    first.unlink()
    (folder / "crystals" / "mine.cif").write_text("mine")
    done = verify(folder, energies=0)
    assert (done.good, done.files) == (True, 6)  # and five pictures
    assert "6 files compared: nothing differs" in str(done)
    second.write_text("another")
    (one,) = verify(folder, energies=0).differences
    assert str(one) == f"{second}: it was changed since it was written"


def test_a_damaged_run_is_counted_by_the_status(folder: Path) -> None:
    (folder / RUN / JOURNAL).write_bytes(b"damaged\n" + (folder / RUN / JOURNAL).read_bytes())
    assert "1 damaged" in str(crysim.status(folder))


def test_other_weights_are_a_note_and_not_a_difference(folder: Path) -> None:
    for path in folder.rglob(MANIFEST):
        manifest = json.loads(path.read_text())
        manifest["fingerprint"]["version"] = "of another release"
        path.write_text(json.dumps(manifest))
    done = verify(folder)
    assert done.good
    assert done.energies == 0
    assert "are not computed again: its" in done.notes[0]


def test_the_command_says_what_differs_in_words_and_as_json(folder: Path) -> None:
    good = CliRunner().invoke(app, ["verify", str(folder), "--energies", "2"])
    assert (good.exit_code, good.stdout.count("\n")) == (0, 1)
    rewrite(folder / RUN, lambda record: record.update(energy=record["energy"] - 1), lowest(folder / RUN))
    bad = CliRunner().invoke(app, ["verify", str(folder), "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["good"] is False
    for wrong in (["--energies", "-1"], ["--energies", "few"]):
        refused = CliRunner().invoke(app, ["verify", str(folder), *wrong])
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1


def test_the_status_tells_what_runs_waits_and_was_stopped(folder: Path) -> None:
    found = crysim.status(folder)
    assert [run.state for run in found.runs] == ["done"] * 4
    assert found.seconds_left == 0
    assert found.best is not None
    plan = json.loads((folder / "plan.json").read_text())
    plan["workers"] = 2
    for run in plan["runs"]:
        run["budget"] = 6
    plan["runs"].append({**plan["runs"][0], "folder": "Al2Cu2/random/seed-9", "seed": 9})
    (folder / "plan.json").write_text(json.dumps(plan))
    with locked(folder / RUN / LOCK, wait=0):
        found = crysim.status(folder)
        assert sorted(run.state for run in found.runs) == ["running", "stopped", "stopped", "stopped", "waiting"]
    assert found.seconds_left is not None
    assert found.seconds_left > 0
    shown = CliRunner().invoke(app, ["status", str(folder), "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["workers"] == 2
    assert CliRunner().invoke(app, ["status", str(folder)]).exit_code == 0


def test_the_doctor_names_versions_weights_and_speed() -> None:
    found = doctor(energies=["ase:emt"])
    assert found.versions["crysim"] == crysim.__version__
    (emt,) = found.energies
    assert emt.state == "ok"
    assert emt.milliseconds is not None
    assert json.loads(json.dumps(found.to_dict()))["energies"][0]["name"] == "ase:emt"
    assert doctor(speed=False, energies=["nothing"]).energies[0].state == "fails"
    shown = CliRunner().invoke(app, ["doctor", "--no-speed", "--energy", "ase:emt", "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["good"] is True
