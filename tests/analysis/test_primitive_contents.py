"""Runs with contents of a primitive cell: crystals whose cells hold different numbers of atoms, compared."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.analysis.metrics import num_distinct_minima, run_metrics
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.harness.systems import find_system
from crysim.interfaces import Candidate, Relaxation, RelaxStatus, Trial, TrialStatus

CAS = Contents.from_formula("CaS", cell="primitive")


def reference() -> Crystal:
    crystal = find_system("CaS", cell="primitive").reference
    assert crystal is not None
    return crystal


def trial(number: int, energy: float, crystal: Crystal) -> Trial:
    relaxation = Relaxation(RelaxStatus.RELAXED, crystal, energy, 1, 1, None, seconds=0.1)
    return Trial(number, Candidate(crystal), relaxation, TrialStatus.RELAXED)


def stretched(crystal: Crystal) -> Crystal:
    cell = np.array(crystal.cell)
    cell[:3] *= 1.2
    return crystal.with_parameters(cell, [site.free for site in crystal.sites])


def test_the_lowest_is_the_lowest_per_atom_and_matches_in_any_cell() -> None:
    whole, small = reference(), reference().to_p1()
    assert (whole.num_atoms, small.num_atoms, small.space_group) == (8, 2, 1)
    trials = [trial(0, -38.0, stretched(whole)), trial(1, -10.39, small), trial(2, -41.56, whole)]
    metrics = run_metrics(
        trials,
        matcher=ReferenceMatcher(whole),
        reference_energy=-10.39,
        contents=CAS,
        num_distinct=num_distinct_minima(trials),
    )
    assert metrics.lowest == pytest.approx(-10.39)
    assert (metrics.num_lowest, metrics.num_matched, metrics.first_match) == (2, 2, 2)
    assert metrics.energy_reached is not None
    assert metrics.energy_reached.relaxations == 2
    assert metrics.found_strict is not None
    assert metrics.num_distinct == 2
    assert metrics.mean_accumulated == pytest.approx((-9.5 - 10.39 - 10.39) / 3)
