"""Workers as forks of a process that has imported what they need, as commands have them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


def said(tmp_path: Path, program: str, **environment: str) -> list[str]:
    """What a program of its own, in an empty folder, prints; it may use ``asked(function, message)``."""
    head = """
    import os, sys
    from tests.harness import test_forks as here
    from crysim.harness import forks
    from crysim.harness.processes import Process

    def asked(function, message="", threads=1):
        process = Process(function, threads)
        process.send(message)
        found = process.receive(60)
        process.stop(idle=True)
        return found
    """
    script = textwrap.dedent(head) + textwrap.dedent(program)
    given = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def path_with(folder: Path) -> str:
    return str(folder) + os.pathsep + str(Path(__file__).parents[2])


def parent(_: str, channel: object) -> int:
    return os.getppid()


def variable(name: str, channel: object) -> str | None:
    return os.environ.get(name)


def modules(name: str, channel: object) -> bool:
    return name in sys.modules


def folder(_: str, channel: object) -> str:
    return str(Path.cwd())


def test_they_have_one_parent_that_is_not_ours_and_their_callers_environment_and_folder(tmp_path: Path) -> None:
    first, second, own, *rest = said(
        tmp_path,
        """
        forks.begin_server()
        os.environ["OF_THE_CALLER"] = "heard"
        print(asked(here.parent), asked(here.parent), os.getpid())
        print(asked(here.variable, "OF_THE_CALLER"), asked(here.variable, "OMP_NUM_THREADS"))
        print(asked(here.variable, forks.ENERGY), asked(here.variable, "PYTHONSAFEPATH"), asked(here.folder))
        """,
    )
    assert first == second != own
    assert rest == ["heard", "1", "None", "None", str(tmp_path)]


def test_what_the_energy_model_stands_on_is_imported_and_a_module_of_the_persons_folder_is_not(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong module')", encoding="utf-8")
    program = """
    sys.path[:] = [entry for entry in sys.path if entry]
    forks.begin_server("chgnet")
    print(*(asked(here.modules, name) for name in ("torch", "chgnet.model.model", "crysim_energies.quotient.ahead")))
    """
    assert said(tmp_path, program) == ["True", "True", "True"]


def test_a_server_that_cannot_import_costs_no_process(tmp_path: Path) -> None:
    program = "forks.begin_server('no-such-energy')\nprint(asked(here.parent) == os.getpid())"
    assert said(tmp_path, program) == ["False"]


def test_where_it_dies_of_an_import_processes_are_new_interpreters(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos._exit(3)\n", encoding="utf-8")
    program = "forks.IMPORTS = 'deadly'\nforks.begin_server()\nprint(asked(here.parent) == os.getpid())"
    assert said(tmp_path, program, PYTHONPATH=path_with(tmp_path)) == ["True"]


def test_where_there_can_be_no_socket_processes_are_new_interpreters(tmp_path: Path) -> None:
    far = tmp_path / ("a" * 120)
    far.mkdir()
    program = "forks.begin_server()\nprint(asked(here.parent) == os.getpid())"
    assert said(tmp_path, program, TMPDIR=str(far)) == ["True"]


def test_processes_of_several_threads_are_new_interpreters(tmp_path: Path) -> None:
    program = "print(asked(here.parent, threads=2) == os.getpid(), asked(here.variable, 'OMP_NUM_THREADS', threads=2))"
    assert said(tmp_path, program) == ["True", "2"]


def test_a_server_with_threads_forks_nothing(tmp_path: Path) -> None:
    """A plug-in that begins some when it is imported."""
    (tmp_path / "threaded.py").write_text(
        "import threading, time, crysim.harness.imported_ahead as there\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "there.refuse_threads()\n",
        encoding="utf-8",
    )
    program = "forks.IMPORTS = 'threaded'\nprint(asked(here.parent) == os.getpid())"
    assert said(tmp_path, program, PYTHONPATH=path_with(tmp_path)) == ["True"]
