"""Strategy prior: what it learns, and the leave to stop that it hands over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crysim.composition import Composition, Contents
from crysim.errors import InputError
from crysim.interfaces import Problem, StopRule, TrialStatus
from crysim.testing.strategies import drawn, pretended_trials
from crysim_baselines.prior import PriorSearch

CAS = Contents.from_formula("CaS", z=2, cell="primitive")


def test_how_many_are_asked_for_at_a_time_changes_the_first_crystals_not() -> None:
    one, three = PriorSearch(Problem(CAS, 1)), PriorSearch(Problem(CAS, 1))
    assert [c.crystal for c in drawn(three.ask(3))][:1] == [c.crystal for c in drawn(one.ask(1))]


def test_leave_to_stop_is_what_was_told_before_and_the_same_after_a_resumption() -> None:
    strategy = PriorSearch(Problem(CAS, 1), margin=0.2)
    first, others = strategy.ask(1), strategy.ask(4)
    assert first[0].stop == StopRule(None, (), margin=0.2)
    trials = pretended_trials(others, 0)
    strategy.tell(trials)
    best = min(t.energy / t.crystal.num_atoms for t in trials if t.energy is not None and t.crystal is not None)
    asked = strategy.ask(3)
    for candidate in asked:
        assert candidate.stop is not None
        assert candidate.stop.best == pytest.approx(best)
        assert {one.space_group for one in candidate.stop.known} == {
            t.crystal.space_group for t in trials if t.crystal is not None
        }
    resumed = PriorSearch(Problem(CAS, 1), margin=0.2)
    resumed.asked(first)
    resumed.asked(others)
    resumed.tell(trials)
    assert [(c.crystal, c.stop) for c in drawn(resumed.ask(3))] == [(c.crystal, c.stop) for c in drawn(asked)]
    assert PriorSearch(Problem(CAS, 1), race=False).ask(1)[0].stop is None


def test_what_was_stopped_is_neither_best_nor_known() -> None:
    strategy = PriorSearch(Problem(CAS, 1))
    (trial,) = pretended_trials(strategy.ask(1), 0)
    for status in (TrialStatus.STOPPED, TrialStatus.KNOWN):
        strategy.tell([replace(trial, status=status)])
    assert strategy.ask(1)[0].stop == StopRule()


def test_volumes_are_those_of_the_best() -> None:
    strategy = PriorSearch(Problem(CAS, 1))
    strategy.tell(pretended_trials(strategy.ask(3), 0))
    volumes = [CAS.per_cell(c.start.volume, c.start) for c in drawn(strategy.ask(6))]
    assert sorted(volumes)[2] == pytest.approx(18.0 * CAS.num_atoms)


def test_wrong_options_are_refused() -> None:
    problem = Problem(Composition.from_formula("CsCl"), 0)
    with pytest.raises(InputError, match="'placements'"):
        PriorSearch(problem, placements=0)
    with pytest.raises(InputError, match="'margin'"):
        PriorSearch(problem, margin=-0.1)
