"""The strategy that proposes known structure types."""

from __future__ import annotations

from pathlib import Path

import pytest

from crysim.composition import Composition
from crysim.errors import InputError
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import Problem
from crysim.testing.strategies import drive
from crysim_baselines.prototypes import Prototypes


def problem(formula: str, **more: object) -> Problem:
    return Problem(Composition.from_formula(formula), seed=1, **more)  # type: ignore[arg-type]


def test_the_likeliest_type_comes_first_and_says_its_name() -> None:
    first = Prototypes(problem("Na4Cl4")).ask(1)[0]
    assert first.info == {"prototype": "Halite"}
    assert first.crystal.space_group == 225


def test_allowed_groups_hold_and_random_crystals_follow_the_last_type() -> None:
    strategy = Prototypes(problem("Na4Cl4", space_groups=(225,)), rounds=2)
    trials = drive(strategy, 5)
    assert {trial.candidate.crystal.space_group for trial in trials} == {225}
    assert [trial.candidate.info.get("prototype") for trial in trials] == ["Halite", "Halite", None, None, None]
    volumes = [trial.candidate.crystal.volume for trial in trials[:2]]
    assert volumes[0] != volumes[1]


@pytest.mark.usefixtures("fillings_made_once")
def test_bonds_shorter_than_the_default_distance_are_no_hindrance_but_a_distance_given_is() -> None:
    assert Prototypes(problem("N4", space_groups=(136,))).ask(1)[0].info == {"prototype": "Gamma nitrogen"}
    far = Prototypes(problem("N4", space_groups=(136,), min_distance=1.4)).ask(1)[0]
    assert "prototype" not in far.info


def test_a_corrupt_folder_is_found_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "POSCAR_1").write_text("nothing")
    part = PartSpec("prototypes", {"folder": str(tmp_path)})
    spec = RunSpec(
        system=Composition.from_formula("Na4Cl4"), method="prototypes", strategy=part, energy=PartSpec("ase:lj")
    )
    with pytest.raises(InputError, match="POSCAR_1"):
        spec.check()
