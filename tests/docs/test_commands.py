"""Every command that README and the documentation show: the cheap ones run, of the others all names exist.

A block is run if ``<!-- run -->`` stands before it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crysim.cli import COMMANDS, _load

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"(<!-- run -->\s*\n)?^([ ]*)```sh\n(.*?)^\2```$", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> Iterator[tuple[bool, str]]:
    """The commands of a page, continued lines put together, comments left out, and whether each is to be run."""
    for marked, _, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in text.replace("\\\n", " ").splitlines():
            for one in line.split("#")[0].split("&&"):
                if one.strip():
                    yield bool(marked), one.strip()


def everywhere(*, run: bool) -> list[Any]:
    """All commands to be run, or all others, each once, named by their pages."""
    found = {}
    for page in PAGES:
        for marked, command in commands(page):
            if marked == run:
                found.setdefault(command, page.relative_to(ROOT))
    return [pytest.param(command, id=f"{page}: {command}") for command, page in found.items()]


@pytest.mark.parametrize("command", everywhere(run=True))
def test_commands_marked_run_run(command: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(command)
    assert program == "crysim"
    done = subprocess.run([sys.executable, "-m", "crysim", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def check_crysim(words: list[str]) -> None:
    """The command and its options exist."""
    if words[0].startswith("--"):
        assert words[0] in ("--help", "--version", "--install-completion")
        return
    assert words[0] in COMMANDS, f"there is no command '{words[0]}'"
    params = [one for one in _load(words[0]).params if one.param_type_name == "option"]
    known = {name: one for one in params for name in [*one.opts, *one.secondary_opts]}
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            name = word.partition("=")[0]
            assert name in known or name == "--help", f"crysim {words[0]} has no option '{name}'"
            if name in known and not known[name].is_flag and "=" not in word:
                assert rest, f"'{name}' lacks its value"
                rest.pop(0)


def check_make(words: list[str]) -> None:
    """The targets exist."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in words:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"there is no target '{target}'"


def check_python(words: list[str]) -> None:
    """The script, or the module, exists."""
    if words[0] == "-m":
        assert words[1] in ("venv", "pytest", "crysim"), words[1]
    else:
        assert (ROOT / words[0]).is_file(), f"there is no file '{words[0]}'"


def check_pip(words: list[str]) -> None:
    """The extras exist."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for word in words:
        found = re.fullmatch(r"(?:\.|crysim)\[(.*)\]", word)
        for extra in found[1].split(",") if found else ():
            assert extra in extras, f"there is no extra '{extra}'"


def check_sbatch(words: list[str]) -> None:
    """The job's script exists, and the options of the command that it runs."""
    check_script(words[0])
    check_crysim(["bench", *words[1:]])


def check_script(file: str) -> None:
    """A script of ours exists, and can be run."""
    assert os.access(ROOT / file, os.X_OK), f"there is no script '{file}'"


CHECKS = {
    "crysim": check_crysim,
    "make": check_make,
    "python": check_python,
    "pip": check_pip,
    "sbatch": check_sbatch,
}
ELSEWHERE = ("export", "source", "mkdocs", "pre-commit")
"""Programs whose arguments are not looked at."""


@pytest.mark.parametrize("command", everywhere(run=False))
def test_what_the_other_commands_name_exists(command: str) -> None:
    program, *words = shlex.split(command)
    name = Path(program).name.replace("python3", "python")
    if program.startswith(("examples/", "benchmarks/")):
        check_script(program)
    elif name not in ELSEWHERE:
        CHECKS[name](words)


def test_a_wrong_option_is_found() -> None:
    with pytest.raises(AssertionError, match="no option '--buget'"):
        check_crysim(["search", "Ca4S4", "--buget", "5"])


def test_pages_show_commands() -> None:
    assert len(everywhere(run=True)) >= 4
    assert len(everywhere(run=False)) >= 15
