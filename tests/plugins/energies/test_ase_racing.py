"""Leave to stop a relaxation with a calculator of ASE, by either optimiser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
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


def shaken(crystal: Crystal) -> Crystal:
    """Without symmetry, and far from rest."""
    moves = 0.08 * np.sin(np.arange(3.0 * crystal.num_atoms)).reshape(-1, 3)
    return Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, crystal.frac_coords + moves)


FIRE, BFGS = (ASEModel(calculator_name="emt", optimizer=name) for name in ("fire", "bfgs"))
KEEP = RelaxSettings(symmetry="keep")


@pytest.mark.parametrize("model", [FIRE, BFGS], ids=["fire", "bfgs"])
def test_without_leave_nothing_changes(model: ASEModel) -> None:
    crystals = [copper(3.9), copper(3.5)]
    plain = model.relax(crystals, KEEP)
    raced = model.race(crystals, KEEP, [None, StopRule()])
    assert [replace(r, seconds=0.0) for r in raced] == [replace(r, seconds=0.0) for r in plain]


RULE = StopRule(best=-100.0, patience=1)


@pytest.mark.parametrize(
    ("model", "symmetry", "evaluations"),
    [
        (FIRE, "keep", RACE_PATIENCE * RULE.patience_for(1)),
        (FIRE, "polish", RACE_PATIENCE * RULE.patience_for(1)),
        (FIRE, "release", RACE_PATIENCE * RULE.patience_for(18)),
        (BFGS, "keep", RULE.patience_for(1)),
        (BFGS, "polish", RULE.patience_for(1)),
    ],
)
def test_what_cannot_win_is_stopped_once_patience_is_over(model: ASEModel, symmetry: str, evaluations: int) -> None:
    start = copper(3.9) if symmetry != "release" else shaken(copper(3.4))
    (stopped,) = model.race([start], RelaxSettings(symmetry=symmetry), [RULE])
    assert stopped.status is RelaxStatus.STOPPED
    assert stopped.evaluations == evaluations
    assert "above the best" in stopped.reason


@pytest.mark.parametrize("model", [FIRE, BFGS], ids=["fire", "bfgs"])
def test_a_known_minimum_is_not_reached_again(model: ASEModel) -> None:
    (first,) = model.relax([copper(3.7)], KEEP)
    assert first.crystal is not None
    assert first.energy is not None
    known = known_minimum(first.crystal, first.energy)
    (again,) = model.race([copper(3.5)], KEEP, [StopRule(best=first.energy / 4, known=(known,))])
    assert again.status is RelaxStatus.KNOWN
    assert again.energy == pytest.approx(first.energy, abs=0.02)
    other = replace(known, distances=known.distances + 0.3)
    (relaxed,) = model.race([copper(3.5)], KEEP, [StopRule(best=first.energy / 4, known=(other,))])
    assert relaxed.status is RelaxStatus.RELAXED
