"""Promise 21: `--json` parses, and the standard output holds nothing else; a full disk is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crysim.commands.output import json_text

NOISY = """
import os, sys
import crysim_solvers.annealing.annealer as a

def speak():
    print("this is a plug-in speaking", flush=True)
    os.write(1, b"and a library in C\\n")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "crysim_energies.chgnet":  # its entry point is loaded
            speak()

sys.meta_path.insert(0, Finder())
before = a.Annealer.solve
def solve(self, *given, **options):
    speak()
    return before(self, *given, **options)
a.Annealer.solve = solve
"""


@pytest.fixture
def noisy(tmp_path: Path) -> dict[str, str]:
    """An environment in which crysim's plug-ins print: while they load, when they work, and from below Python."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "noise.py").write_text(NOISY)
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "NOISE": "1"}


def crysim(*arguments: str, env: dict[str, str] | None = None, **given: object) -> subprocess.CompletedProcess[bytes]:
    code = "import sys; import noise; from crysim.__main__ import main; main()" if env and "NOISE" in env else None
    start = [sys.executable, "-c", code] if code else [sys.executable, "-m", "crysim"]
    return subprocess.run([*start, *arguments], env=env, capture_output="stdout" not in given, check=False, **given)  # type: ignore[call-overload, no-any-return]


def model_file(folder: Path) -> Path:
    path = folder / "model.txt"
    path.write_text("0 0 1.0\n0 1 -2.0\n1 1 1.0\n")
    return path


@pytest.mark.parametrize("command", ["solve", "plugins", "bench", "wyckoff"])
def test_prints_of_plugins_never_stand_beside_the_json(tmp_path: Path, noisy: dict[str, str], command: str) -> None:
    arguments = {
        "solve": ["solve", str(model_file(tmp_path)), "--solver", "annealer"],
        "plugins": ["plugins"],
        "wyckoff": ["wyckoff", "CaS"],
        "bench": [
            *("bench", "--system", "Al2Cu2", "--method", "random", "--energy", "ase:emt", "--budget", "2"),
            *("--space-groups", "123,139,221,225", "--out", str(tmp_path / "out")),
        ],
    }[command]
    done = crysim(*arguments, "--json", env=noisy)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    if command != "wyckoff":  # which needs no plug-in
        assert b"a plug-in speaking" in done.stderr
        assert b"a library in C" in done.stderr


def test_numbers_that_json_does_not_know_become_null() -> None:
    document = {"a": float("nan"), "b": [float("inf"), 1.0]}
    assert json.loads(json_text(document)) == {"a": None, "b": [None, 1.0]}


@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["wyckoff", "CaS"], ["--help"]])
def test_a_full_disk_behind_the_standard_output_is_one_line(arguments: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = crysim(*arguments, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1, done.stderr
    assert "No space left on device" in done.stderr.decode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_few_letters_ends_no_command(tmp_path: Path, encoding: str) -> None:
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    env.pop("PYTHONPATH", None)
    for arguments in (
        ["plugins", "--json"],
        ["wyckoff", "CaS", "--json"],
        ["solve", str(model_file(tmp_path)), "--json"],
    ):
        done = crysim(*arguments, env=env)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.decode(encoding))
    assert crysim("--help", env=env).returncode == 0
    assert crysim("solve", "nichts-für-ungut-Å", env=env).returncode == 2


FULL = """
import errno, os, sys
limit = int(sys.argv.pop(1))
count = 0
before = os.fsync
def fsync(number):
    global count
    count += 1
    if count > limit:
        raise OSError(errno.ENOSPC, "No space left on device")
    return before(number)
os.fsync = fsync
from crysim.__main__ import main
main()
"""


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_full_disk_under_the_results_is_one_line_and_no_traceback(tmp_path: Path, limit: int) -> None:
    (tmp_path / "full.py").write_text(FULL)
    structure = tmp_path / "POSCAR"
    structure.write_text("Al\n1.0\n4 0 0\n0 4 0\n0 0 4\nAl\n1\nDirect\n0 0 0\n")
    arguments = ["import", str(tmp_path), "--from", "poscars", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, str(tmp_path / "full.py"), str(limit), *arguments], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    if limit < 3:
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stderr
        assert done.stderr.count("\n") == 1
