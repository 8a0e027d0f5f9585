"""What crysim writes replaces only what crysim wrote, follows no link, and stays in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.composition import Composition
from crysim.errors import InputError
from crysim.harness.lines import write_atomically
from crysim.harness.spec import PartSpec, RunSpec
from crysim.written_files import LIST, WrittenFiles, path_part, replace_file

QUICK = ["--energy", "ase:emt", "--budget", "2", "--max-steps", "3", "--out"]
SEARCH = ["search", "Cu2", "--z", "1", "--method", "enumerate", *QUICK]
BENCH = ["bench", "--system", "Cu2", "--method", "random", *QUICK]


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.output


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../x", "/etc", "a/b", "a\\b", "a\0b", "a\nb", "x" * 201, "é" * 101, "\u2028", "../../../x"],
)
def test_a_name_that_leaves_its_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a folder"):
        path_part(name, "the method")
    with pytest.raises(InputError, match="the method"):
        RunSpec(
            system=Composition.from_formula("NaCl"), method=name, strategy=PartSpec("random"), energy=PartSpec("ase:lj")
        )


@pytest.mark.parametrize("name", ["crysim", "ase:lj", "my method", "GN-OA (2)", "é", "<b>", "..."])
def test_other_names_are_kept(name: str) -> None:
    assert path_part(name, "the method") == name.replace(":", "-")


@pytest.mark.parametrize("method", ["../../../elsewhere", "/elsewhere", "..", "a/../../b"])
def test_an_import_stays_in_its_folder(tmp_path: Path, method: str) -> None:
    folder, out = tmp_path / "theirs", tmp_path / "a" / "b" / "out"
    folder.mkdir()
    (folder / "POSCAR").write_text("x\n1\n4 0 0\n0 4 0\n0 0 4\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    before = sorted(tmp_path.rglob("*"))
    code, output = run("import", folder, "--from", "poscars", "--out", out, "--method", method)
    assert code == 2
    assert "cannot name a folder" in output
    assert sorted(tmp_path.rglob("*")) == before


def test_only_what_was_written_and_left_alone_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "crystals"
    folder.mkdir()
    (folder / "mine.cif").write_text("mine")
    (folder / "001-NaCl.cif").write_text("mine too")
    first = WrittenFiles(folder)
    first.clear()
    written = [first.write(f"{n:03d}-NaCl", ".cif", f"crystal {n}") for n in (1, 2, 3)]
    assert [path.name for path in written] == ["001-NaCl-2.cif", "002-NaCl.cif", "003-NaCl.cif"]
    (folder / "002-NaCl.cif").write_text("changed by hand")
    (folder / "003-NaCl.cif").unlink()
    (tmp_path / "elsewhere").write_text("crystal 3")
    (folder / "003-NaCl.cif").symlink_to(tmp_path / "elsewhere")
    second = WrittenFiles(folder)
    second.clear()
    again = [second.write(f"{n:03d}-NaCl", ".cif", f"new {n}") for n in (1, 2, 3)]
    assert [path.name for path in again] == ["001-NaCl-2.cif", "002-NaCl-2.cif", "003-NaCl-2.cif"]
    assert (folder / "mine.cif").read_text() == "mine"
    assert (folder / "001-NaCl.cif").read_text() == "mine too"
    assert (folder / "002-NaCl.cif").read_text() == "changed by hand"
    assert (tmp_path / "elsewhere").read_text() == "crystal 3"
    assert not [path for path in folder.iterdir() if path.name.endswith(".new")]


def test_a_list_of_written_files_is_no_way_out(tmp_path: Path) -> None:
    folder, mine = tmp_path / "crystals", tmp_path / "mine.cif"
    folder.mkdir()
    mine.write_text("mine")
    for document in ({"files": {"../mine.cif": "0"}}, {"files": ["mine.cif"]}, [], {"files": {"a": 1}}):
        (folder / LIST).write_text(json.dumps(document))
        with pytest.raises(InputError):
            WrittenFiles(folder)
    assert mine.read_text() == "mine"


def test_a_file_is_replaced_whole_and_with_the_usual_rights(tmp_path: Path) -> None:
    path, usual = tmp_path / "a.txt", tmp_path / "usual"
    usual.touch()
    for text in ("one", "two"):
        replace_file(path, text)
        assert path.read_text() == text
    assert path.stat().st_mode == usual.stat().st_mode
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.txt", "usual"]
    target = tmp_path / "target"
    target.write_text("kept")
    for link in (tmp_path / "link", tmp_path / "other.new"):
        link.symlink_to(target)
    with pytest.raises(InputError, match="is a link to"):
        replace_file(tmp_path / "link", "x")
    write_atomically(tmp_path / "other", b"x")  # its temporary file is not written through a link either
    assert target.read_text() == "kept"


def test_a_search_leaves_a_persons_files(tmp_path: Path) -> None:
    crystals = tmp_path / "q" / "crystals"
    crystals.mkdir(parents=True)
    (crystals / "mine.cif").write_text("mine")
    code, output = run(*SEARCH, tmp_path / "q")
    assert code == 0, output
    assert (crystals / "mine.cif").read_text() == "mine"
    names = {path.name for path in crystals.glob("*.cif")}
    assert len(names) >= 2
    assert run(*SEARCH, tmp_path / "q")[0] == 0
    assert {path.name for path in crystals.glob("*.cif")} == names


def test_a_damaged_list_of_files_is_said_before_any_work(tmp_path: Path) -> None:
    crystals = tmp_path / "q" / "crystals"
    crystals.mkdir(parents=True)
    (crystals / LIST).write_text("{")
    code, output = run(*SEARCH, tmp_path / "q")
    assert code == 2, output
    assert LIST in output
    assert [path.name for path in (tmp_path / "q").iterdir()] == ["crystals"]


def test_links_in_a_results_folder_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.cif").write_text("mine")
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "crystals").symlink_to(elsewhere)
    code, output = run(*SEARCH, tmp_path / "q")
    assert code == 2
    assert "is a link to" in output
    assert [path.name for path in elsewhere.iterdir()] == ["mine.cif"]
    assert not (tmp_path / "q" / "runs").exists()  # said before any work

    assert run(*BENCH, tmp_path / "b")[0] == 0
    for name, command in (("summary.md", BENCH), ("energy.png", BENCH), ("report.html", ["report"])):
        path = tmp_path / "b" / name
        path.unlink(missing_ok=True)
        path.symlink_to(elsewhere / "mine.cif")
        code, output = run(*command, tmp_path / "b")
        assert code == 2, (name, output)
        assert "is a link to" in output
        path.unlink()
    assert (elsewhere / "mine.cif").read_text() == "mine"
