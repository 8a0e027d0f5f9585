"""An interrupt ends every command with exit code 130, wherever it falls."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ase.build
import ase.io
import pytest

from crysim.cli import COMMANDS

START = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
STUB = """
import atexit, os, sys, threading, time, typer
from crysim import cli
from crysim.__main__ import main

def interrupt():
    signal.raise_signal(signal.SIGINT)

def kill_me():
    os.kill(os.getpid(), signal.SIGINT)

class Finalised:
    def __del__(self):
        interrupt()

def work():
    WORK

def load(name):
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(lambda: work())
    return typer.main.get_command(single)

cli._load = load
main()
"""
PLACES = {
    "plain code": "interrupt()",
    "a string that exec runs": "exec('interrupt()')",
    "a string that eval runs": "eval('interrupt()')",
    "a string within a string": "exec('exec(\\'interrupt()\\')')",
    "a finaliser, which swallows it": "Finalised(); threading.Event().wait(60)",
    "code that makes another error of it": """
    try:
        interrupt()
    except KeyboardInterrupt:
        raise ImportError('a module failed to import') from None""",
    "the cleaning up after the first": """
    try:
        interrupt()
    finally:
        exec('interrupt()')""",
    "a wait for another thread": "threading.Timer(0.2, kill_me).start(); threading.Event().wait(60)",
    "the end of the process": "atexit.register(interrupt)",
    "the end of the process, in a string": "atexit.register(exec, 'interrupt()', globals())",
}


CHILD = """
import multiprocessing, signal
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
from crysim.__main__ import main

def is_default():
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler

if __name__ == "__main__":
    here = is_default()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(here, pool.apply(is_default))
"""


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_stub(tmp_path: Path) -> Run:
    """Run work as a command. As a module: only then CPython looks at its mark of an unhandled interrupt at the end."""

    def run(work: str, command: str = "plugins", start: str = START) -> subprocess.CompletedProcess[str]:
        (tmp_path / "stub.py").write_text(start + STUB.replace("WORK", work))
        arguments = [sys.executable, "-m", "stub", command]
        return subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_ends_with_130_wherever_it_falls(run_stub: Run, place: str) -> None:
    result = run_stub(PLACES[place])
    assert result.returncode == 130, result.stderr
    assert "Traceback" not in result.stderr
    if "end of the process" not in place:
        assert "interrupted" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_with_130(run_stub: Run, command: str) -> None:
    result = run_stub(PLACES["a string that exec runs"], command)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_exit_codes_and_errors_of_their_own_pass(run_stub: Run) -> None:
    assert run_stub("pass").returncode == 0
    assert run_stub("raise typer.Exit(3)").returncode == 3
    failed = run_stub("raise ZeroDivisionError('on purpose')")
    assert failed.returncode == 1
    assert "ZeroDivisionError: on purpose" in failed.stderr


def test_before_the_command_begins_too(tmp_path: Path) -> None:
    """Between the import of what is to be run and its first line lie moments as well."""
    (tmp_path / "started.py").write_text(
        START + "from crysim.__main__ import main\nsignal.raise_signal(signal.SIGINT)\nmain()\n"
    )
    command = [sys.executable, "-m", "started", "plugins"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("stream", [1, 2])
def test_while_the_streams_are_being_set(tmp_path: Path, stream: int) -> None:
    """There, a stream has lost its encoder and has no new one yet."""
    patch = (
        "from encodings.utf_8 import IncrementalEncoder\n"
        "numbers = iter([1, 2])\n"
        "def made(self, errors='strict'):\n"
        f"    if next(numbers) == {stream}:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    before(self, errors)\n"
        "before, IncrementalEncoder.__init__ = IncrementalEncoder.__init__, made\n"
    )
    code = START + "from crysim.__main__ import main\n" + patch + "main()\n"
    (tmp_path / "started.py").write_text(code)
    command = [sys.executable, "-X", "utf8", "-m", "started", "plugins"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")


def test_a_process_that_the_command_begins_keeps_its_own_ways(tmp_path: Path) -> None:
    """It imports the command's script once more, under another name."""
    (tmp_path / "script.py").write_text(CHILD)
    command = [sys.executable, "script.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("False True\n", "")


def test_where_interrupts_are_ignored_they_stay_ignored(run_stub: Run) -> None:
    result = run_stub("interrupt(); print('done')", start=START.replace("default_int_handler", "SIG_IGN"))
    assert (result.returncode, result.stdout) == (0, "done\n")


def test_at_any_moment_of_a_real_command(tmp_path: Path) -> None:
    """At moments spread over its length, most of them in its imports; the first is sure to come before its end."""
    file = tmp_path / "copper.vasp"
    ase.io.write(file, ase.build.bulk("Cu"))
    code = START + "from crysim.__main__ import main; print('started', flush=True); main()"
    (tmp_path / "started.py").write_text(code)
    command = [
        sys.executable,
        "-m",
        "started",
        "relax",
        str(file),
        "--energy",
        "ase:emt",
        "--out",
        str(tmp_path / "out"),
    ]
    codes = []
    for delay in [0.0, *(0.05 * 1.45**n for n in range(12))]:
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate()
        codes.append(process.returncode)
        assert process.returncode in (0, 130), (delay, errors)
        assert "Traceback" not in errors, (delay, errors)
        if process.returncode == 0:
            break  # it had done its work
    assert codes[0] == 130
