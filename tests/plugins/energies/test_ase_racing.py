"""Leave to stop a relaxation by FIRE."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.interfaces import RelaxSettings, RelaxStatus, StopRule, known_minimum
from crysim_energies.ase import ASEModel
from crysim_energies.ase_relaxation import RACE_PATIENCE


def copper(length: float) -> Crystal:
    from crysim.symmetry import space_group

    site = Site("Cu", space_group(225).position_by_letter("a"))
    return Crystal(Composition(("Cu",), (4,)), 225, (length, length, length, 90.0, 90.0, 90.0), (site,))


MODEL = ASEModel(calculator_name="emt")
KEEP = RelaxSettings(symmetry="keep")


def test_without_leave_nothing_changes() -> None:
    crystals = [copper(3.9), copper(3.5)]
    plain = MODEL.relax(crystals, KEEP)
    raced = MODEL.race(crystals, KEEP, [None, StopRule()])
    assert [replace(r, seconds=0.0) for r in raced] == [replace(r, seconds=0.0) for r in plain]


@pytest.mark.parametrize(("symmetry", "free"), [("keep", 1), ("polish", 1), ("release", 18)])
def test_what_cannot_win_is_stopped_once_patience_is_over(symmetry: str, free: int) -> None:
    (stopped,) = MODEL.race([copper(3.9)], RelaxSettings(symmetry=symmetry), [StopRule(best=-100.0)])
    assert stopped.status is RelaxStatus.STOPPED
    assert stopped.evaluations == RACE_PATIENCE * StopRule().patience_for(free)
    assert "above the best" in stopped.reason


def test_a_known_minimum_is_not_reached_again() -> None:
    (first,) = MODEL.relax([copper(3.7)], KEEP)
    assert first.crystal is not None
    assert first.energy is not None
    stop = StopRule(best=first.energy / 4, known=(known_minimum(first.crystal, first.energy),))
    (again,) = MODEL.race([copper(3.5)], KEEP, [stop])
    assert again.status is RelaxStatus.KNOWN
    assert again.energy == pytest.approx(first.energy, abs=0.02)
