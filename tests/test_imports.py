"""What importing costs: the root and the plug-ins load nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

HEAVY = ("pymatgen", "torch", "numba")


def loaded(code: str, roots: tuple[str, ...]) -> list[str]:
    """Which of some packages a new process has imported after running code."""
    text = f"import sys\n{code}\nprint(*(name for name in {roots!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_crysim_takes_not_even_numpy() -> None:
    assert not loaded("import crysim", ("numpy", "scipy", "typer", "rich", "pluggy", *HEAVY))


def test_no_plugin_loads_anything_heavy() -> None:
    """In one process: what is named is the first plug-in that brings a package, and the package."""
    modules = sorted({point.value for point in entry_points(group="crysim")})
    code = f"""
import sys
from importlib import import_module
for module in {modules!r}:
    before = set(sys.modules)
    import_module(module)
    print(*(f"{{module}}:{{name}}" for name in {HEAVY!r} if name in sys.modules and name not in before))
"""
    assert len(modules) > 20
    assert not loaded(code, ())


def test_all_plugins_together_load_nothing_heavy() -> None:
    assert not loaded("from crysim.plugins import plugin_manager\nplugin_manager().infos()", HEAVY)


def test_a_calculator_that_is_no_network_relaxes_without_torch() -> None:
    code = """
import ase.build, crysim
(end,) = crysim.relax([ase.build.bulk("Cu", a=3.7)], "ase:emt")
assert end is not None
"""
    assert not loaded(code, ("torch",))
