"""Settings from Python: a path is as good as its text."""

from __future__ import annotations

from pathlib import Path

from crysim.harness.config_file import read_settings


def test_paths_are_texts() -> None:
    given = {"out": Path("here") / "there", "reference": [Path("known.cif")], "seed_structures": Path("near.cif")}
    settings = read_settings(None, given)
    assert settings.out == str(Path("here/there"))
    assert settings.reference == {"Ca4S4": "known.cif"}
    assert settings.seed_structures == ("near.cif",)
