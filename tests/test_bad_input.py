"""Promise 16: bad input is one line and exit code 2, and nothing is written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.harness.run_folder import check_writable

LONG = "x" * 300
DEEP = "[" * 100_000
BENCH = ["bench", "--system", "Al2Cu2", "--method", "random", "--energy", "ase:emt", "--budget", "1"]

CASES: dict[str, list[str]] = {
    "brackets": ["wyckoff", "(" * 6000 + "Ca" + ")" * 5999],
    "brackets in a search": ["search", "(" * 6000],
    "a formula of nothing": ["search", ""],
    "a huge count": ["wyckoff", "Ca99999999999999999999"],
    "digits": ["wyckoff", "Ca" + "9" * 10_000],
    "a long path": ["solve", LONG],
    "a long path of a report": ["report", LONG],
    "a long path of a configuration": ["bench", "--config", LONG],
    "a long path of results": [*BENCH, "--out", LONG],
    "a long label": ["import", ".", "--from", "poscars", "--method", LONG],
    "a path with NUL": ["solve", "a\0b"],
    "a structure file with NUL": ["search", "a\0b.cif"],
    "results under a file": [*BENCH, "--out", "file/below"],
    "results under a device": [*BENCH, "--out", "/dev/null/below"],
    "deep JSON": ["solve", "model.txt", "--groups", "deep.json"],
    "deep TOML": ["bench", "--config", "deep.toml"],
    "deep TOML tables": ["bench", "--config", "tables.toml"],
    "a configuration of bytes": ["bench", "--config", "bytes"],
    "a configuration that is a folder": ["bench", "--config", "."],
    "a configuration that is a device": ["bench", "--config", "/dev/zero"],
    "a time limit of nan": ["solve", "model.txt", "--time-limit", "nan"],
    "a time limit of inf": ["solve", "model.txt", "--time-limit", "inf"],
    "a negative time limit": ["solve", "model.txt", "--time-limit", "-1"],
    "solvers' time limit of nan": ["compare-solvers", "model.txt", "--time-limit", "nan"],
    "fmax of nan": [*BENCH, "--fmax", "nan"],
    "pressure of inf": [*BENCH, "--pressure", "inf"],
    "a timeout of nan": [*BENCH, "--timeout", "nan"],
    "a timeout of inf": [*BENCH, "--timeout", "inf"],
    "a timeout that no clock counts to": [*BENCH, "--timeout", "1e23"],
    "a task's timeout of inf": [*BENCH, "--task-timeout", "inf"],
    "a task's timeout that no clock counts to": [*BENCH, "--task-timeout", "1e23"],
    "a time limit that no clock counts to": ["solve", "model.txt", "--time-limit", "1e23"],
    "solvers' time limit that no clock counts to": ["compare-solvers", "model.txt", "--time-limit", "1e23"],
    "a distance of nan": [*BENCH, "--min-distance", "nan"],
    "a pair distance of nan": [*BENCH, "--pair-distance", "Al-Cu=nan"],
    "a distance that no crystal keeps": [*BENCH, "--min-distance", "1e23"],
    "a pair distance that no crystal keeps": [*BENCH, "--pair-distance", "Al-Cu=1e23"],
    "a search's distance that no crystal keeps": ["search", "AlCu", "--energy", "ase:emt", "--min-distance", "1e23"],
    "a distance that no cell keeps": [*BENCH, "--min-distance", "15"],
    "workers beyond memory": [*BENCH, "--workers", "1000000000000"],
    "a count in powers of ten": ["search", "Na1e23Cl"],
    "a huge count of a search": ["search", "Na100000000000000000000000Cl"],
    "a huge count of a bench": ["bench", "--system", "Na100000000000000000000000Cl"],
    "huge units of a search": ["search", "NaCl", "--z", "100000000000000000000000"],
    "a budget of a word": [*BENCH, "--budget", "many"],
    "a huge seed": [*BENCH, "--seeds", "-1"],
    "seeds without an end": [*BENCH, "--seeds", "0-999999999999"],
    "space groups without an end": [*BENCH, "--space-groups", "1-99999999999"],
    "formula units without an end": ["search", "NaCl", "--z", "1-99999999999"],
    "an option without a value": [*BENCH, "--option", "x"],
    "an option of a deep value": [*BENCH, "--option", "x=" + "[" * 5000],
    "a model of variables beyond memory": ["solve", "many.coo"],
    "a model that is no archive": ["solve", "broken.npz"],
    "an archive of another version": ["solve", "version.npz"],
    "an unknown command": ["serach", "NaCl"],
    "an unknown option": ["search", "NaCl", "--bugdet", "3"],
    "an unknown solver": ["solve", "model.txt", "--solver", "aneal"],
    "a report on nothing": ["report", "."],
    "a verification of nothing": ["verify", "empty"],
    "a status of nothing": ["status", "empty"],
    "an export of nothing": ["export", "."],
    "an import of nothing": ["import", ".", "--from", "calypso"],
    "an import of a negative seed": ["import", "theirs", "--from", "poscars", "--out", "new", "--seed", "-1"],
    "an import to a path with NUL": ["import", "theirs", "--from", "poscars", "--out", "a\0b"],
    "results in a path with NUL": [*BENCH, "--out", "a\0b"],
    "a tuning in a path with NUL": ["tune", "Al2Cu2", "--energy", "ase:emt", "--out", "a\0b"],
    "relaxed crystals in a path with NUL": ["relax", "theirs/POSCAR", "--energy", "ase:emt", "--out", "a\0b"],
    "a report in a path with NUL": ["report", "a\0b"],
    "a status of a path with NUL": ["status", "a\0b"],
    "a verification of a path with NUL": ["verify", "a\0b"],
    "an export of a path with NUL": ["export", "a\0b"],
    "a packing of a path with NUL": ["compact", "a\0b"],
    "an import of a path with NUL": ["import", "a\0b", "--from", "poscars"],
    "solutions in a path with NUL": ["solve", "model.txt", "--out", "a\0b.npz"],
    "an import of an empty path": ["import", "", "--from", "poscars"],
    "an import to an empty path": ["import", "theirs", "--from", "poscars", "--out", ""],
    "a status of an empty path": ["status", ""],
    "a verification of an empty path": ["verify", ""],
    "a report on an empty path": ["report", ""],
    "an export of an empty path": ["export", ""],
    "a packing of an empty path": ["compact", ""],
    "an empty path of a model": ["solve", ""],
    "an empty path among models": ["compare-solvers", "model.txt", "", "--solver", "annealer"],
    "an empty path among structures": ["relax", "theirs/POSCAR", "", "--energy", "ase:emt"],
    "relaxed crystals in an empty path": ["relax", "theirs/POSCAR", "--energy", "ase:emt", "--out", ""],
    "solutions in an empty path": ["solve", "model.txt", "--out", ""],
    "results in an empty path": [*BENCH, "--out", ""],
    "a search in an empty path": ["search", "AlCu", "--energy", "ase:emt", "--out", ""],
    "a search with types of an empty path": ["search", "AlCu", "--energy", "ase:emt", "--prototype-folder", ""],
    "a search for an empty reference": ["search", "AlCu", "--energy", "ase:emt", "--reference", ""],
    "a search from an empty structure": ["search", "AlCu", "--energy", "ase:emt", "--seed-structure", ""],
    "an empty path of a configuration": ["search", "AlCu", "--energy", "ase:emt", "--config", ""],
    "an empty path of a surrogate": [*BENCH, "--surrogate-config", ""],
    "a tuning in an empty path": ["tune", "Al2Cu2", "--energy", "ase:emt", "--out", ""],
    "a tuning on an empty path": ["tune", "Al2Cu2", "--energy", "ase:emt", "--dataset", ""],
    "a reproduction in an empty path": ["reproduce", "table-1", "--out", ""],
    "an import of the unknown": ["import", ".", "--from", "somebody"],
    "a manifest that is a list": ["report", "list"],
    "a manifest without its parts": ["report", "incomplete"],
    "a manifest of deep brackets": ["report", "deep"],
    "a tuning without crystals": ["tune", "Ca4S4", "--random", "0"],
    "a tuning of nothing": ["tune", ""],
    "a tuning on a data set that is not there": ["tune", "Al2Cu2", "--dataset", "none.npz"],
    "a tuning on a data set that is none": ["tune", "Al2Cu2", "--dataset", "version.npz"],
    "a tuning of an unknown surrogate": ["tune", "Al2Cu2", "--surrogate", "fn"],
    "a tuning of a surrogate's unknown option": ["tune", "Al2Cu2", "--surrogate-option", "rankk=3"],
    "a tuning with an unknown encoder": ["tune", "Al2Cu2", "--encoder", "crysin"],
    "a tuning with an energy's unknown option": ["tune", "Al2Cu2", "--energy", "chgnet", "--energy-option", "x=1"],
    "a relaxation of a folder": ["relax", "."],
    "letters that are none": ["wyckoff", "\udcff"],
    "a path of two lines": ["solve", "a\nb"],
    "results of two lines": ["report", "a\nb"],
    "a path of 5,000 letters": ["solve", "x" * 5000],
    "structures of 5,000 letters": ["relax", "x" * 5000, "--energy", "ase:emt"],
    "a terminal's title in a name": ["search", "NaCl", "--energy", "x\x1b]0;title\x07"],
    "a terminal's control in a path": ["status", "\x9b2J"],
    "a formula written from right to left": ["wyckoff", "Na\u202eCl"],
    "an unknown command that clears the screen": ["\x1b[2J"],
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.txt").write_text("0 0 1.0\n0 1 -2.0\n1 1 1.0\n")
    (tmp_path / "many.coo").write_text("# num_variables=99999999999\n0 1 1.0\n")
    (tmp_path / "deep.json").write_text(DEEP)
    (tmp_path / "deep.toml").write_text("a = " + DEEP)
    (tmp_path / "tables.toml").write_text("[" + ".".join("a" * 50_000) + "]\n")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "POSCAR").write_text("x\n1\n4 0 0\n0 4 0\n0 0 4\nAl Cu\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 no archive")
    import numpy as np

    np.savez(tmp_path / "version.npz", version=np.array("x"), linear=np.zeros(2))
    for name, text in {"list": "[]", "incomplete": '{"config": {"system": "CaS"}}', "deep": DEEP}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
    return tmp_path


def snapshot(place: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in place.rglob("*")}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_written(place: Path, case: str) -> None:
    before = snapshot(place)
    result = CliRunner().invoke(app, CASES[case])
    assert isinstance(result.exception, SystemExit | None), repr(result.exception)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr[:2000]
    assert result.stderr.startswith("error: ")
    assert len(result.stderr) < 1500
    assert result.stderr[:-1].isprintable()
    assert not result.stdout
    assert snapshot(place) == before


def test_to_see_whether_a_folder_can_be_written_makes_none(place: Path) -> None:
    before = snapshot(place)
    check_writable(place / "new" / "below")
    assert snapshot(place) == before


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
@pytest.mark.parametrize(
    "arguments",
    [
        ["solve", "pipe"],
        ["bench", "--config", "pipe"],
        ["relax", "pipe", "--energy", "ase:emt"],
        ["import", "pipe", "--from", "poscars"],
    ],
)
def test_a_named_pipe_is_refused_and_nobody_waits_for_it(place: Path, arguments: list[str]) -> None:
    os.mkfifo(place / "pipe")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("damage", [lambda text: text[:-20], lambda text: "", lambda text: "null", lambda text: DEEP])
@pytest.mark.parametrize("name", ["references.json", "plan.json", "Al2Cu2/random/seed-0/manifest.json"])
def test_a_damaged_file_of_the_results_is_one_line(place: Path, name: str, damage: Callable[[str], str]) -> None:
    run = place / "out" / "Al2Cu2" / "random" / "seed-0"
    run.mkdir(parents=True)
    config = {
        "system": "Al2Cu2",
        "method": "random",
        "seed": 0,
        "budget": 1,
        "relax": {"pressure": 0.0},
        "parts": {},
        "strategy": {"name": "random", "options": {}},
        "energy": {"name": "ase:emt", "options": {}},
    }
    manifest = {"config": config, "fingerprint": {}, "versions": {}}
    (run / "manifest.json").write_text(json.dumps(manifest))
    (place / "out" / name).write_text(
        damage(json.dumps({"workers": 1, "runs": []} if name == "plan.json" else manifest))
    )
    command = "status" if name == "plan.json" else "report"
    result = CliRunner().invoke(app, [command, "out"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr[:2000]
