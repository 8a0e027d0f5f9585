"""What is offered to one strategy is offered to the others: leave to stop, the prior, and batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crysim.composition import Contents
from crysim.crystal.prior import Prior
from crysim.errors import InputError
from crysim.harness.config_file import read_settings
from crysim.interfaces import Problem, Strategy, TrialStatus
from crysim.strategies.racing import Race
from crysim.testing.strategies import pretended_trials
from crysim_baselines.bayesian import Bayesian
from crysim_baselines.enumeration import Enumerate
from crysim_baselines.evolution import Evolution
from crysim_baselines.hyperopt_search import ParameterSpace
from crysim_baselines.packed_random import PackedGenerator
from crysim_baselines.pyxtal_random import PyxtalRandom
from crysim_baselines.random import RandomSearch
from crysim_baselines.swarm import Swarm

PROBLEM = Problem(Contents.from_formula("CaS", z=2, cell="primitive"), 1)
RACERS: list[Callable[..., Strategy]] = [RandomSearch, PyxtalRandom, Enumerate, Evolution, Swarm, Bayesian]


@pytest.mark.parametrize("make", RACERS)
def test_each_gives_leave_to_stop_by_the_best_told_where_it_is_asked_to(make: Callable[..., Strategy]) -> None:
    racing, plain = make(PROBLEM, race=True), make(PROBLEM)
    trials = pretended_trials(racing.ask(4), 0)
    racing.tell(trials)
    plain.ask(4)
    plain.tell(trials)
    best = min(t.energy / t.crystal.num_atoms for t in trials if t.energy is not None and t.crystal is not None)
    asked = racing.ask(2)
    assert [c.crystal for c in asked] == [c.crystal for c in plain.ask(2)]
    for candidate in asked:
        assert candidate.stop is not None
        assert candidate.stop.best == pytest.approx(best)
        assert candidate.stop.known
    assert all(candidate.stop is None for candidate in plain.ask(2))


@pytest.mark.parametrize("make", RACERS)
def test_racing_is_off_and_unsaid_unless_it_is_asked_for(make: type[Strategy]) -> None:
    assert make.newer_options["race"] is False


def test_a_race_learns_nothing_of_what_does_not_count() -> None:
    race = Race(PROBLEM.contents)
    (trial,) = pretended_trials(RandomSearch(PROBLEM).ask(1), 0)
    race.learn([replace(trial, status=status) for status in (TrialStatus.STOPPED, TrialStatus.TOO_CLOSE)])
    assert race.best is None
    race.learn([trial])
    assert race.best is not None
    assert Race(PROBLEM.contents, wanted=False).rule is None


def test_hyperopts_values_of_a_crystal_are_that_crystal() -> None:
    space, generator = ParameterSpace(PROBLEM), PackedGenerator(PROBLEM)
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(30):
        crystal = generator.draw(rng)
        values = space.values(crystal, rng)
        if values is None:
            continue
        found += 1
        again = space.crystal(values)
        assert (again.space_group, again.combination) == (crystal.space_group, crystal.combination)
        np.testing.assert_allclose(again.cell, crystal.cell, rtol=1e-9)
        np.testing.assert_allclose(again.frac_coords, crystal.frac_coords, atol=1e-9)
        assert all(space.length_bounds[0] <= values[name] <= space.length_bounds[1] for name in "abc")
    assert found > 10


def test_bayesian_begins_with_the_prior_and_then_proposes_in_batches() -> None:
    strategy = Bayesian(PROBLEM, initial="prior", startup_jobs=40, batch=3)
    first = strategy.ask(40)
    assert len(first) == 40
    plain = Bayesian(PROBLEM, startup_jobs=40).ask(40)
    prior = Prior(PROBLEM.contents)

    def likelihood(candidates: list[object]) -> float:
        crystals = [c.crystal for c in candidates]  # type: ignore[attr-defined]
        return float(np.mean([np.log(max(1e-12, prior.probability(c.space_group, c.combination))) for c in crystals]))

    assert likelihood(list(first)) > likelihood(list(plain)) + 1.0
    strategy.tell(pretended_trials(first, 0))
    assert len(strategy.ask(8)) == 3


def test_bench_gives_initial_to_every_method_that_has_it_and_refuses_it_where_none_does() -> None:
    methods = ("random", "evolution", "swarm", "bayesian", "crysim")
    runs = read_settings(None, {"method": methods, "initial": "prior"}).runs()
    assert {run.method: run.strategy.options.get("initial") for run in runs} == {
        "random": None, "evolution": "prior", "swarm": "prior", "bayesian": "prior", "crysim": "prior"
    }  # fmt: skip
    with pytest.raises(InputError, match="no method has that option"):
        read_settings(None, {"method": ("random",), "initial": "prior"}).runs()
