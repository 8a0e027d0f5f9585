"""A package's own code runs once somebody asks for what it makes, and whoever asks finds all of it."""

import subprocess
import sys

import pytest

from crysim_energies.deferred import defer_package


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "heavy_package"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "deep" / "__init__.py").write_text("from heavy_package.deep.other import other\nran = True\n")
    (folder / "deep" / "other.py").write_text("other = 1\n")
    (folder / "deep" / "light.py").write_text("light = object()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "heavy_package.deep"
    for name in [name for name in sys.modules if name.startswith("heavy_package")]:
        del sys.modules[name]


def test_a_module_loads_without_its_package(package):
    deferred = defer_package(package)
    from heavy_package.deep.light import light

    assert "heavy_package.deep.other" not in sys.modules
    assert deferred.light.light is light
    with pytest.raises(AttributeError):
        deferred.__warningregistry__  # noqa: B018
    assert "heavy_package.deep.other" not in sys.modules
    from heavy_package.deep import other, ran

    assert ran
    assert other == 1
    assert sys.modules[package] is deferred
    with pytest.raises(AttributeError, match="nothing"):
        deferred.nothing  # noqa: B018


def test_attributes_are_looked_for_in_the_parts_first(package):
    deferred = defer_package(package, parts=["absent", "light"])
    assert deferred.light is not None
    assert "heavy_package.deep.other" not in sys.modules
    assert deferred.ran


def test_a_package_that_was_imported_is_left_as_it_is(package):
    import heavy_package.deep

    assert defer_package(package) is heavy_package.deep
    assert heavy_package.deep.ran


def test_there_must_be_such_a_package(package):
    with pytest.raises(ModuleNotFoundError, match="missing"):
        defer_package("heavy_package.missing")


SCRIPT = """
import sys
from crysim_energies.chgnet import CHGNetModel
model = CHGNetModel()
assert model.quotient is not None
print([name for name in ("ase.md", "pymatgen.io.vasp", "matplotlib", "scipy.stats") if name in sys.modules])
from chgnet.model import CHGNet, StructOptimizer
import chgnet.utils
print(type(model.network) is CHGNet, callable(chgnet.utils.solve_charge_by_mag), callable(chgnet.utils.write_json))
"""


def test_chgnet_loads_without_molecular_dynamics_and_others_find_all_of_it():
    pytest.importorskip("chgnet", reason="the extra 'chgnet' is not installed")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "True True True"]
