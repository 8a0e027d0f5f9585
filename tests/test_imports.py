"""What importing costs: the root and the plug-ins load nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

HEAVY = ("pymatgen", "torch", "numba")


def loaded(code: str, roots: tuple[str, ...]) -> list[str]:
    """Which of some packages a new process has imported after running code."""
    text = f"import sys\n{code}\nprint(*(name for name in {roots!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_crysim_takes_not_even_numpy() -> None:
    assert not loaded("import crysim", ("numpy", "scipy", "typer", "rich", "pluggy", *HEAVY))


@pytest.mark.parametrize("module", sorted({point.value for point in entry_points(group="crysim")}))
def test_a_plugin_loads_nothing_heavy(module: str) -> None:
    assert not loaded(f"import {module}", HEAVY)


def test_all_plugins_together_load_nothing_heavy() -> None:
    assert not loaded("from crysim.plugins import plugin_manager\nplugin_manager().infos()", HEAVY)
