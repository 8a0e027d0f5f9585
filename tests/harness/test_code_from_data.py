"""No code from data: what stands in a file starts no program and imports nothing but what is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from crysim.errors import InputError
from crysim.harness.config_file import check_from_file, read_settings
from crysim.plugins import plugin_manager


def read(tmp_path: Path, text: str, **given: Any) -> Any:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return read_settings(path, {"system": ["AlCu"], "method": ["random"], **given})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[bench]\nenergy = "ase:subprocess.Popen"', "runs no foreign code"),
        ('[bench]\nenergy = "ase:ase.calculators.emt.EMT"', "runs no foreign code"),
        ('[bench]\nenergy = "ase:vasp"\n[energy.ase]\noptions = { command = "touch x" }', "option 'command'"),
        ('[bench]\nenergy = "ase:vasp"\n[energy."ase:vasp"]\noptions = { xc = "a b" }', "option 'xc'"),
        ('[bench]\nenergy = "ase:mace_mp"\n[energy.ase]\noptions = { model = "/tmp/x.pt" }', "option 'model'"),
        ('[bench]\nenergy = "ase:mace_mp"\n[energy.ase]\noptions = { model = { a = 1 } }', "option 'model'"),
        ('[bench]\nsolver = "dimod:subprocess.Popen"', "runs no foreign code"),
        ('[bench]\nmethod=["a"]\n[method.a]\nstrategy = "crysim"\nsolver = "dimod:os.system"', "runs no foreign code"),
    ],
)
def test_a_file_names_no_code(tmp_path: Path, text: str, words: str) -> None:
    given = {"method": ["a"]} if "method.a" in text else {}
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, **given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_a_file_name_no_program_for_what_a_person_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="option 'command'"):
        read(tmp_path, '[energy.ase]\noptions = { command = "touch x" }', energy="ase:vasp")


def test_what_a_person_gives_is_not_looked_at(tmp_path: Path) -> None:
    path = "ase:ase.calculators.emt.EMT"
    assert read(tmp_path, '[bench]\nenergy = "ase:no.such.Thing"', energy=path).energy == path
    read(tmp_path, "", energy="ase:vasp", energy_options={"options": {"command": "vasp_std"}})


def test_known_calculators_and_plain_options_stay_free_in_files(tmp_path: Path) -> None:
    read(tmp_path, '[bench]\nenergy = "ase:lj"\n[energy.ase]\noptions = { sigma = 2.3, smooth = true }')
    read(tmp_path, '[bench]\nenergy = "ase:eam"\n[energy.ase]\noptions = { potential = "/data/Al.alloy" }')
    read(tmp_path, '[bench]\nenergy = "ase:mace_mp"\n[energy.ase]\noptions = { model = "small" }')
    read(tmp_path, '[bench]\nsolver = "dimod:simulated-annealing"')


def test_a_manifest_is_a_file_too() -> None:
    with pytest.raises(InputError, match="runs no foreign code"):
        check_from_file("energy", "ase:subprocess.Popen", {"calculator_name": "subprocess.Popen"})


def test_modules_of_the_current_folder_are_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap.py").write_text("from pathlib import Path\nPath('sprung').touch()\nclass Calculator: pass\n")
    monkeypatch.chdir(tmp_path)
    for place in ("", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [place, *sys.path])
        for kind, name in (("energy", "ase:trap.Calculator"), ("solver", "dimod:trap.Calculator")):
            if kind == "solver":
                pytest.importorskip("dimod")
            with pytest.raises(InputError, match=r"cannot import 'trap'.*current folder"):
                plugin_manager().build(kind, name)
    assert not (tmp_path / "sprung").exists()
