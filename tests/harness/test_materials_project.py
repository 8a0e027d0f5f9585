"""Structures of the Materials Project as structure types: fetched once, and the same ever after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import crysim
from crysim.composition import Composition
from crysim.crystal.prototypes import prototypes
from crysim.errors import InputError
from crysim.harness import materials_project as project


def types(folder: Path) -> dict[str, int]:
    """Space groups of sodium chloride in the types of a folder."""
    found = prototypes(Composition.from_formula("NaCl"), folder=folder, library=False)
    return {one.name: one.crystal.space_group for one in found}


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ("*S", {"mp-1672": 225, "mp-10695": 216}),
        ("Cs-*", {"mp-22865": 221}),
        ("mp-1672,mp-22865", {"mp-1672": 225, "mp-22865": 221}),
    ],
)
def test_a_query_becomes_a_folder_of_types(
    tmp_path: Path, materials_project: list[str], query: str, groups: dict[str, int]
) -> None:
    folder = project.template_folder(f"mp:{query}", tmp_path)
    assert types(folder) == groups
    asked = len(materials_project)
    assert project.template_folder(f"mp:{query}", tmp_path) == folder
    assert len(materials_project) == asked  # not asked again
    (folder / "query.json").unlink()  # as after a kill while it was written
    assert types(project.template_folder(f"mp:{query}", tmp_path)) == groups
    assert len(materials_project) == 2 * asked


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert project.template_folder(tmp_path / "mine", tmp_path) == tmp_path / "mine"


def test_a_search_takes_the_types_of_a_query(tmp_path: Path, materials_project: list[str]) -> None:
    settings: dict[str, Any] = {"energy": "ase:emt", "fmax": 0.05, "max_steps": 30, "workers": 1, "z": 1, "budget": 6}
    found = crysim.search("AlCu", prototype_folder="mp:Al-*", out=tmp_path / "out", **settings)
    assert any(trial.candidate.info.get("prototype") == "mp-985806" for run in found.records for trial in run.trials)
    asked = len(materials_project)
    again = crysim.search("AlCu", prototype_folder="mp:Al-*", out=tmp_path / "out", **settings)
    assert again.table.rows == found.table.rows
    assert len(materials_project) == asked


def test_what_is_wrong_is_one_line(
    tmp_path: Path, materials_project: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"holds nothing that fits 'Xe\*9'"):
        project.template_folder("mp:Xe*9", tmp_path)
    monkeypatch.setattr(project, "MOST", 1)
    with pytest.raises(InputError, match=r"fits 2 entries .* at most 1 are taken"):
        project.template_folder("mp:*S", tmp_path)
    monkeypatch.delenv("MP_API_KEY")
    with pytest.raises(InputError, match="needs a key of the Materials Project in the environment variable MP_API_KEY"):
        project.template_folder("mp:*Cl", tmp_path)
    assert list(tmp_path.iterdir()) == []
