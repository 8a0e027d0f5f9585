"""Metrics on journals made by hand, where every answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.analysis.metrics import (
    accumulated_lowest,
    mean_and_std,
    num_distinct_minima,
    run_metrics,
    wilson_interval,
)
from crysim.crystal import Crystal
from crysim.crystal.distinct import distinct
from crysim.crystal.matching import ReferenceMatcher
from crysim.harness.systems import find_system
from crysim.interfaces import Candidate, Trial, TrialStatus
from crysim.testing.trials import make_trial


def reference() -> Crystal:
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    return crystal


def scaled(crystal: Crystal, factor: float) -> Crystal:
    cell = np.array(crystal.cell)
    cell[:3] *= factor
    return crystal.with_parameters(cell, [site.free for site in crystal.sites])


def zincblende() -> Crystal:
    from crysim.crystal import Site

    composition = reference().composition
    return Crystal(composition, 216, (6.4, 6.4, 6.4, 90.0, 90.0, 90.0), (Site("Ca", 8), Site("S", 6)))


def trial(
    number: int, energy: float | None, crystal: Crystal | None = None, status: TrialStatus = TrialStatus.RELAXED
) -> Trial:
    crystal = crystal or zincblende()
    candidate = Candidate(crystal, seconds={"solve": 0.5})
    return make_trial(number, candidate, energy, status=status, steps=3, evaluations=4, seconds=1.0)


def example() -> list[Trial]:
    rock_salt = reference()
    return [
        trial(0, -39.0),
        trial(1, None, status=TrialStatus.FAILED),
        trial(2, -99.0, status=TrialStatus.TOO_CLOSE),
        trial(3, -41.58, zincblende()),
        trial(4, -41.5901, scaled(rock_salt, 1.01)),
        trial(5, -41.5917, rock_salt),
        trial(6, -41.40, rock_salt, TrialStatus.NOT_CONVERGED),
    ]


def test_the_papers_metrics() -> None:
    metrics = run_metrics(example(), matcher=ReferenceMatcher(reference()), reference_energy=-41.5917, budget=10)
    assert metrics.lowest == -41.5917
    assert metrics.num_lowest == 2  # -41.5901 and -41.5917 are both -41.59
    assert metrics.num_matched == 2
    assert metrics.success
    assert metrics.first_match == 5
    assert metrics.closest_match == 5  # rescaled volumes: both displacements are zero, the first one counts
    assert metrics.first_displacement == pytest.approx(0.0, abs=1e-6)
    assert (metrics.num_filtered, metrics.num_failed, metrics.num_unconverged) == (1, 1, 1)
    assert metrics.lowest_at is not None
    assert metrics.lowest_at.relaxations == 5  # -41.5901 is the lowest at two decimals
    assert metrics.matched is not None
    assert (metrics.matched.relaxations, metrics.matched.evaluations) == (5, 20)  # at I_M,0
    assert metrics.found is not None
    assert metrics.found.relaxations == 4  # the paper's tolerances take zinc blende for rock salt, near its energy
    assert run_metrics(example(), matcher=ReferenceMatcher(reference())).found.relaxations == 1  # type: ignore[union-attr]
    assert metrics.found_strict is not None
    assert (metrics.found_strict.relaxations, metrics.found_strict.evaluations) == (5, 20)
    assert metrics.found_strict.seconds == pytest.approx(7.5)
    assert metrics.energy_reached == metrics.found_strict
    assert metrics.num_trials == 7
    assert metrics.evaluations == 28


def test_what_does_not_count_is_never_the_lowest() -> None:
    curve = accumulated_lowest(example(), 9)
    np.testing.assert_allclose(curve, [-39, -39, -39, -41.58, -41.5901, -41.5917, -41.5917, -41.5917, -41.5917])
    assert np.isnan(accumulated_lowest(example()[1:3])).all()
    nothing = run_metrics(example()[1:3])
    assert nothing.lowest is None
    assert nothing.mean_accumulated is None
    assert not nothing.success
    assert nothing.matched is None
    assert run_metrics([], budget=5).num_trials == 0


def test_area_under_the_accumulated_curve() -> None:
    trials = [trial(0, None, status=TrialStatus.FAILED), trial(1, -2.0), trial(2, -1.0), trial(3, -4.0)]
    assert run_metrics(trials, budget=4).mean_accumulated == pytest.approx((-2 - 2 - 2 - 4) / 4)
    assert run_metrics(trials, budget=8).mean_accumulated == pytest.approx((-2 - 2 - 2 - 4 * 5) / 8)


def test_a_budget_cuts_the_run() -> None:
    assert run_metrics(example(), budget=1).lowest == -39.0


def test_matching() -> None:
    matcher = ReferenceMatcher(reference())
    assert matcher.space_group == 225
    assert matcher.match(reference()).strict
    assert matcher.match(scaled(reference(), 1.3)).strict  # volumes are rescaled
    assert matcher.match(zincblende()).displacement == pytest.approx(0.433, abs=0.01)
    assert not matcher.match(zincblende()).strict
    collapsed = scaled(reference(), 0.05)
    assert not matcher.match(collapsed).found
    other = find_system("ScBe5").reference
    assert other is not None
    assert not matcher.match(other).found


def test_a_distorted_ground_truth_matches_loosely_but_not_strictly() -> None:
    crystal = reference()
    p1 = Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, crystal.frac_coords)
    cell = np.array(p1.cell) * [1.0, 1.06, 1.0, 1.0, 1.0, 1.0]
    match = ReferenceMatcher(crystal).match(p1.with_parameters(cell, [site.free for site in p1.sites]))
    assert match.found
    assert not match.strict


def test_distinct_minima() -> None:
    crystals = [reference(), zincblende(), reference(), scaled(reference(), 1.2)]
    assert distinct(crystals, [-41.59, -40.0, -41.58, -41.59]) == [0, 3, 1]
    assert num_distinct_minima(example()) == 3  # zinc blende at two energies, and rock salt


def test_wilson_interval_against_known_values() -> None:
    # Newcombe, Statistics in Medicine 17, 857 (1998), table I, method 3
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(29, 29) == pytest.approx((0.8830, 1.0), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_mean_and_deviation_are_those_of_the_papers_tables() -> None:
    # Table S7, RG on Y6Co51: -393.12 ± 2.21
    mean, std = mean_and_std([-390.02, -396.32, -394.02, -391.34, -393.89])
    assert round(mean, 2) == -393.12
    assert round(std, 2) == 2.21
