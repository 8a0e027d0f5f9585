"""Kernels: one decorator for all of them, which works where nothing can be written."""

from __future__ import annotations

import ast
import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crysim.compiled import compiled

ROOT = Path(__file__).parents[1]
SOURCES = [
    ROOT / "crysim",
    *sorted((ROOT / "plugins").glob("*/crysim_*")),
    ROOT / "baselines" / "crysim_baselines",
]


def modules_that_import(name: str) -> list[str]:
    """Dotted names of the modules with an import of a module, wherever in the file it stands."""
    found = []
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if any(found_name == name or found_name.startswith(f"{name}.") for found_name in names):
                    found.append(".".join(path.relative_to(folder.parent).with_suffix("").parts))
                    break
    return found


def test_every_kernel_is_made_by_the_one_decorator() -> None:
    assert modules_that_import("numba") == ["crysim.compiled"]
    assert len(modules_that_import("crysim.compiled")) > 10


def test_the_switches_reach_the_compiler() -> None:
    def add(x: float, y: float) -> float:
        return x + y

    options = {
        name: kernel.targetoptions  # type: ignore[attr-defined]
        for name, kernel in (
            ("plain", compiled(add)),
            ("reordered", compiled(fast_math="reordered")(add)),
            ("finite", compiled(fast_math="finite", inlining="machine", zero_division="ieee")(add)),
        )
    }
    assert not options["plain"]["fastmath"]
    assert all(option["nogil"] for option in options.values())
    assert options["reordered"]["fastmath"] == {"reassoc", "contract", "arcp", "nsz"}
    assert options["finite"]["fastmath"] is True
    assert options["finite"]["forceinline"] is True
    assert options["finite"]["error_model"] == "numpy"
    assert compiled(inlining="source")(add).targetoptions["inline"] == "always"  # type: ignore[attr-defined]


LOCKED_DOWN = """
import sys
from importlib import import_module
from pathlib import Path

import crysim
from crysim.cli import main

place, home, modules, command = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(","), sys.argv[4:]
assert Path(crysim.__file__).is_relative_to(place), crysim.__file__
for folder in (place / "crysim", home):
    try:
        (folder / "file").write_text("")
    except OSError:
        continue
    print("WRITABLE", folder)
    sys.exit(0)
for name in modules:
    module = import_module(name)
    assert Path(module.__file__).is_relative_to(place), module.__file__
sys.argv = ["crysim", *command]
main()
"""


def drop_privileges() -> None:
    """Let permissions bind for root too: no capabilities after the next exec."""
    libc = ctypes.CDLL(None)
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    libc.prctl(28, 0b11, 0, 0, 0)  # PR_SET_SECUREBITS: SECBIT_NOROOT, locked


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_read_only_installation_without_a_writable_home_runs(tmp_path: Path) -> None:
    place, home, out = tmp_path / "installed", tmp_path / "home", tmp_path / "out"
    home.mkdir()
    for folder in SOURCES:
        shutil.copytree(folder, place / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    unwritable = [home, place, *(path for path in place.rglob("*") if path.is_dir())]
    for path in unwritable:
        path.chmod(0o555)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "NUMBA_"))}
    # Everything is compiled anew: how well is not looked at here.
    environment |= {"HOME": str(home), "PYTHONPATH": str(place), "NUMBA_OPT": "0"}
    command = ["bench", "--system", "Al2Cu2", "--method", "random", "--energy", "ase:emt", "--space-groups", "123"]
    command += ["--budget", "2", "--max-steps", "3", "--workers", "1", "--out", str(out)]
    modules = ",".join(modules_that_import("crysim.compiled"))
    try:
        result = subprocess.run(
            [sys.executable, "-c", LOCKED_DOWN, str(place), str(home), modules, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            preexec_fn=drop_privileges,
        )
    finally:
        for path in unwritable:
            path.chmod(0o755)
    if "WRITABLE" in result.stdout:
        pytest.skip(f"permissions do not bind here: {result.stdout.strip()}")
    assert result.returncode in (0, 3), result.stderr
    assert (out / "Al2Cu2" / "random" / "seed-0" / "journal.jsonl").stat().st_size > 0
    assert not list(place.rglob("*.nbi"))
