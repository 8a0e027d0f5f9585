"""Leave to stop: what cannot win or is known ends early, and nothing else changes by a bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matgl")

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import RelaxSettings, RelaxStatus, StopRule, known_minimum
from crysim_energies.m3gnet import M3GNetModel

CAS = Composition.from_formula("Ca4S4")
KEEP = RelaxSettings(symmetry="keep")


@pytest.fixture(scope="module")
def model(checkpoint) -> M3GNetModel:
    return M3GNetModel(relaxer="quotient")


def rock_salt(length: float) -> Crystal:
    return Crystal(CAS, 225, (length, length, length, 90, 90, 90), (Site("Ca", 11), Site("S", 10)))


def test_without_leave_nothing_changes(model):
    crystals = RandomGenerator(CAS).sample(4, np.random.default_rng(3))
    plain = model.relax(crystals, KEEP)
    raced = model.race(crystals, KEEP, [None, StopRule(), None, StopRule(best=1e6)])
    assert [replace(r, seconds=0.0) for r in raced] == [replace(r, seconds=0.0) for r in plain]


@pytest.mark.parametrize("symmetry", ["keep", "polish", "release"])
def test_what_cannot_win_is_stopped_once_patience_is_over(model, symmetry):
    crystal = rock_salt(7.5)
    if symmetry == "release":
        moves = 0.3 * np.sin(np.arange(24.0) ** 2).reshape(-1, 3)
        crystal = Crystal.from_p1(CAS, crystal.lattice, crystal.species, crystal.frac_coords + moves)
    rule = StopRule(best=-100.0, patience=1)
    (stopped,) = model.race([crystal], RelaxSettings(symmetry=symmetry), [rule])
    assert stopped.status is RelaxStatus.STOPPED
    free = 1 if symmetry != "release" else 6 + 3 * 8
    assert stopped.evaluations == rule.patience_for(free)
    assert "above the best" in stopped.reason
    assert stopped.crystal is not None
    assert stopped.crystal.composition == CAS


def test_the_best_itself_and_what_may_get_under_it_go_to_their_end(model):
    (free,) = model.relax([rock_salt(6.6)], KEEP)
    (same,) = model.race([rock_salt(6.6)], KEEP, [StopRule(best=free.energy / 8)])
    assert same.status is RelaxStatus.RELAXED
    assert same.energy == free.energy


def test_a_known_minimum_is_not_reached_again_but_another_is(model):
    (first,) = model.relax([rock_salt(5.9)], KEEP)
    known = known_minimum(first.crystal, first.energy)
    (again,) = model.race([rock_salt(5.3)], KEEP, [StopRule(known=(known,))])
    assert again.status is RelaxStatus.KNOWN
    assert again.evaluations <= model.relax([rock_salt(5.3)], KEEP)[0].evaluations
    assert again.energy == pytest.approx(first.energy, abs=0.02)
    for other in (
        replace(known, energy=known.energy - 0.01),
        replace(known, volume=1.1 * known.volume),
        replace(known, distances=known.distances + 0.3),
    ):
        (relaxed,) = model.race([rock_salt(5.3)], KEEP, [StopRule(known=(other,))])
        assert relaxed.status is RelaxStatus.RELAXED


def test_what_comes_to_rest_above_what_is_wanted_is_stopped_shortly_before(model):
    (free,) = model.relax([rock_salt(6.6)], KEEP)
    rest = free.energy / 8
    (stopped,) = model.race([rock_salt(6.6)], KEEP, [StopRule(best=rest - 0.05, wanted=rest - 0.03)])
    assert stopped.status is RelaxStatus.STOPPED
    assert stopped.evaluations < free.evaluations
    assert stopped.energy / 8 == pytest.approx(rest, abs=0.005)
    assert "nearly at rest" in stopped.reason
    (whole,) = model.race([rock_salt(6.6)], KEEP, [StopRule(best=rest - 0.05, wanted=rest)])
    assert (whole.status, whole.evaluations) == (RelaxStatus.RELAXED, free.evaluations)
