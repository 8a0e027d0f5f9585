"""Strategy portfolio: what it proposes, who gets the next relaxation, and when it ends by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crysim.composition import Contents
from crysim.errors import InputError
from crysim.harness.journal import read_run
from crysim.harness.loop import execute
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import Candidate, Problem, Relaxation, RelaxSettings, RelaxStatus, Trial, TrialStatus
from crysim.testing.strategies import drawn, pretended_trials
from crysim_baselines.portfolio import Portfolio
from crysim_baselines.portfolio.allocation import TYPICAL_SITES, Shares, cost
from crysim_baselines.portfolio.drafts import ALIKE, PACKED
from crysim_baselines.portfolio.generators import POOLED, SHARES, Generators
from crysim_baselines.portfolio.minima import Minima, Minimum
from tests.baselines.calcium_sulphide import CAS, of_volume, rock_salt, wurtzite


def told(strategy: Portfolio, batches: int, n: int = 8) -> list[Trial]:
    """The trials of some batches, each told before the next is asked for."""
    trials: list[Trial] = []
    for _ in range(batches):
        new = pretended_trials(strategy.ask(n), len(trials))
        strategy.tell(new)
        trials += new
    return trials


def test_it_begins_with_the_simplest_crystals_of_every_content_smallest_first() -> None:
    strategy = Portfolio(Problem(CAS, 1), first=3)
    asked = strategy.ask(9)
    assert len(asked) == 2, "until one is relaxed nothing can be given up"
    strategy.tell(pretended_trials(asked, 0))
    asked += strategy.ask(7)
    assert [c.info for c in asked] == [{"origin": "enumerate", "cell": place} for place in (0, 0, 0, 1, 1, 1, 2, 2, 2)]
    for candidate in asked:
        assert CAS.each[candidate.info["cell"]].held_by(candidate.start)


def test_batches_grow_with_what_was_asked_for_and_not_in_large_cells() -> None:
    strategy = Portfolio(Problem(CAS, 0))
    sizes = []
    for _ in range(40):
        new = pretended_trials(strategy.ask(64), 0)
        strategy.tell(new)
        sizes.append(len(new))
    assert sizes[:17] == [2] + [16] * 16, "as long as few were asked for"
    assert sizes == sorted(sizes)
    assert 20 < sizes[-1] <= sum(sizes) / 16
    large = Portfolio(Problem(Contents.from_formula("CaS", 40, "primitive"), 0))
    large.asked([Candidate(rock_salt(), info={"origin": "prior", "cell": 0})] * 2000)
    large.tell_seeds([ended(strategy, 0, -3.0, TrialStatus.RELAXED)])
    assert len(large.ask(64)) == 16


def test_generators_that_are_left_out_take_no_part() -> None:
    trials = told(Portfolio(Problem(CAS, 3), first=2, without="again, refill,enumerate"), 40)
    assert [trial.candidate.info["origin"] for trial in trials].count("enumerate") == 6, (
        "the first ones of each content"
    )
    arms = {trial.candidate.info["origin"] for trial in trials}
    assert not arms & {"again", "refill"}
    assert arms >= {"prior", "spaced", "mutant"}
    with pytest.raises(InputError, match="'agin': did you mean 'again'"):
        Portfolio(Problem(CAS, 3), without="agin")
    with pytest.raises(InputError, match="one must be left"):
        Portfolio(Problem(CAS, 3), without=",".join(SHARES))


def test_every_generator_and_every_content_has_its_turn() -> None:
    trials = told(Portfolio(Problem(CAS, 3), first=2), 40)
    arms = {trial.candidate.info["origin"] for trial in trials}
    assert arms >= {"enumerate", "prior", "spaced", "again", "mutant", "polish"}
    assert {trial.candidate.info.get("cell") for trial in trials} == {0, 1, 2, None}


def test_batches_asked_ahead_come_out_the_same_after_a_resumption() -> None:
    """Two batches are under way, as a run with ``ahead = 2`` has them; the resumed one hears of what was asked."""
    first, again = (Portfolio(Problem(CAS, 5), first=2) for _ in range(2))
    under_way = [first.ask(4), first.ask(4)]
    again.asked(under_way[0])
    again.asked(under_way[1])
    number = 0
    for _ in range(12):
        trials = pretended_trials(under_way.pop(0), number)
        number += len(trials)
        first.tell(trials)
        again.tell(trials)
        asked = first.ask(4)
        again.asked(asked)
        under_way.append(asked)
    for batch in under_way:
        trials = pretended_trials(batch, number)
        number += len(trials)
        first.tell(trials)
        again.tell(trials)
    asked = [[(c.crystal, c.info, c.stop) for c in drawn(strategy.ask(8))] for strategy in (first, again)]
    assert asked[0] == asked[1]


def test_known_structure_types_take_part_where_they_are_wanted() -> None:
    trials = told(Portfolio(Problem(CAS, 0), prototypes=True), 4)
    named = [one.candidate.info["prototype"] for one in trials if "prototype" in one.candidate.info]
    assert "Halite" in named
    assert all("prototype" not in one.candidate.info for one in told(Portfolio(Problem(CAS, 0)), 4))


def test_contents_for_types_alone_are_not_drawn_for() -> None:
    several = Contents.together([Contents.from_formula("Y2O3", z, "primitive") for z in (1, 2, 8)])
    trials = told(Portfolio(Problem(several, 0), prototypes=True, types_alone=1, first=2), 60)
    larger = [one.candidate for one in trials if one.candidate.crystal.num_primitive_atoms == 40]
    assert "Bixbyite" in {one.info.get("prototype") for one in larger}
    # low ones may be freed of saddle points
    assert {"prototypes"} <= {one.info["origin"] for one in larger} <= {"prototypes", "polish"}
    for wrong in (-1, 3):
        with pytest.raises(InputError, match="types_alone"):
            Portfolio(Problem(several, 0), prototypes=True, types_alone=wrong)


def test_types_of_a_run_of_an_earlier_version_are_learned_from() -> None:
    """It did not say by how much a type's volume had been corrected."""
    strategy = Portfolio(Problem(CAS, 0), prototypes=True)
    for number in range(4):
        info = {"origin": "prototypes", "prototype": "Halite"}
        relaxation = Relaxation(RelaxStatus.RELAXED, rock_salt(30.0 + number), -20.0 - number, 3, 4, 0.01)
        strategy.tell([Trial(number, Candidate(rock_salt(40.0), info), relaxation, TrialStatus.RELAXED)])
    assert strategy._swelling.factor < 1


def test_allowed_space_groups_hold_for_every_arm() -> None:
    trials = told(Portfolio(Problem(CAS, 2, space_groups=(62, 194, 225)), prototypes=True, first=2), 20)
    assert {trial.candidate.crystal.space_group for trial in trials} <= {62, 194, 225}


def test_only_its_own_relaxations_leave_saddle_points() -> None:
    strategy = Portfolio(Problem(CAS, 3), first=2, wanted=1)
    told(strategy, 10)
    for _ in range(10):
        candidates = strategy.ask(8)
        for candidate in candidates:
            assert candidate.stop is not None
            assert candidate.stop.polish == (candidate.info["origin"] == "polish")
            assert (candidate.stop.wanted is None) == (candidate.info["origin"] == "polish"), "it ends below its start"
        strategy.tell(pretended_trials(candidates, 0))


def test_a_search_ends_once_enough_independent_starts_led_to_its_lowest_crystal() -> None:
    strategy = Portfolio(Problem(CAS, 0), first=1, stop_after=4)
    lowest = rock_salt()
    for number in range(40):
        assert not strategy.finished()
        (candidate,) = strategy.ask(1)
        status = TrialStatus.RELAXED if number % 2 else TrialStatus.KNOWN
        relaxation = Relaxation(RelaxStatus(status.value), lowest, -20.0, 3, 4, 0.01)
        strategy.tell([Trial(number, candidate, relaxation, status)])
        if strategy.finished():
            break
    assert "4 independent starts" in strategy.finished()
    assert "67%" in strategy.finished()


def test_a_lower_crystal_begins_the_count_anew() -> None:
    strategy = Portfolio(Problem(CAS, 0), first=1, stop_after=3)
    for number, energy in enumerate((-20.0, -20.0, -20.5, -20.5)):
        (candidate,) = strategy.ask(1)
        relaxation = Relaxation(RelaxStatus.RELAXED, rock_salt(), energy, 3, 4, 0.01)
        strategy.tell([Trial(number, candidate, relaxation, TrialStatus.RELAXED)])
    assert not strategy.finished()


def test_who_finds_low_minima_gets_more_and_nobody_starves() -> None:
    shares = Shares({"good": 1.0, "bad": 1.0}, learned=0.5)
    for now in range(100):
        shares.learn("good", 10, -3.0 + 0.001 * now, now)
        shares.learn("bad", 10, None, now)
    good, bad = shares.probabilities(["good", "bad"], -3.0, 100)
    assert good + bad == pytest.approx(1.0)
    assert good > 0.6
    assert bad >= 0.25


def ended(strategy: Portfolio, number: int, energy: float, status: TrialStatus, volume: float = 40.0) -> Trial:
    """A trial of the next crystal that ended as rock salt of a volume per unit, with an energy in eV per atom."""
    (candidate,) = strategy.ask(1)
    crystal = rock_salt(volume)
    relaxation = Relaxation(RelaxStatus(status.value), crystal, energy * crystal.num_atoms, 3, 4, 0.01)
    return Trial(number, candidate, relaxation, status)


def test_what_comes_to_rest_above_the_lowest_minima_is_not_wanted_but_bred_from() -> None:
    strategy = Portfolio(Problem(CAS, 0), first=1, wanted=3, without="enumerate")
    wanted = []
    for number, energy in enumerate((-3.0, -2.96, -2.9, -2.93, -2.99)):
        trial = ended(strategy, number, energy, TrialStatus.RELAXED, 40.0 + 2 * number)
        assert trial.candidate.stop is not None
        wanted.append(trial.candidate.stop.wanted)
        strategy.tell([trial])
    assert wanted == [None, None, None, -2.9, -2.93]
    near_rest = ended(strategy, 5, -2.95, TrialStatus.STOPPED, 52.0)
    hopeless = ended(strategy, 6, -2.89, TrialStatus.STOPPED, 54.0)
    strategy.tell([near_rest, hopeless])
    assert near_rest.candidate.stop is not None
    assert near_rest.candidate.stop.wanted == -2.96
    assert {one.number for one in strategy._minima} == {0, 1, 2, 3, 4, 5}, "the hopeless one is none to breed from"
    leave = strategy.ask(1)[0].stop
    assert leave is not None
    assert -2.95 not in {one.energy for one in leave.known}, "where it would have ended is not known"


def test_all_minima_are_wanted_where_nothing_is_said() -> None:
    strategy = Portfolio(Problem(CAS, 0), first=1)
    for number, energy in enumerate((-3.0, -2.96, -2.9)):
        trial = ended(strategy, number, energy, TrialStatus.RELAXED, 40.0 + 2 * number)
        assert trial.candidate.stop is not None
        assert trial.candidate.stop.wanted is None
        strategy.tell([trial])


def test_what_was_found_long_ago_counts_for_less() -> None:
    shares = Shares({"once": 1.0, "now": 1.0}, learned=1.0)
    shares.learn("once", 100, -3.0, 0)
    shares.learn("now", 100, -3.0, 4000)
    once, now = shares.probabilities(["once", "now"], -3.0, 4000)
    assert now > once


def test_other_crystals_of_the_lowest_energy_and_volume_are_no_starts_that_led_to_it() -> None:
    strategy = Portfolio(Problem(CAS, 0), first=1, stop_after=2)
    best = rock_salt()
    other = of_volume(wurtzite(), best.volume / best.num_atoms)
    for number, crystal in enumerate((best, other, other)):
        (candidate,) = strategy.ask(1)
        relaxation = Relaxation(RelaxStatus.RELAXED, crystal, -2.5 * crystal.num_atoms, 3, 4, 0.01)
        strategy.tell([Trial(number, candidate, relaxation, TrialStatus.RELAXED)])
    assert not strategy.finished()


def test_starts_keep_the_distances_of_a_low_minimum() -> None:
    minima = Minima()
    minima.add(Minimum(-3.0, 0, rock_salt()))
    generators = Generators(Problem(CAS.each[1], 0), minima)
    for number in range(10):
        crystal = generators.propose("spaced", np.random.default_rng(number)).drawn().start
        assert Minimum(0.0, 0, crystal).spacings.min() > 0.75 * 0.75 * (4 * 40.0) ** (1 / 3) / 2


@pytest.mark.parametrize("arm", [arm for arm in SHARES if arm not in {ALIKE, PACKED, *POOLED}])
def test_what_an_arm_makes_holds_its_content(arm: str) -> None:
    minima = Minima()
    minima.add(Minimum(-3.0, 0, wurtzite()))
    generators = Generators(Problem(CAS.each[1], 0), minima)
    made = [generators.propose(arm, np.random.default_rng(number)).drawn() for number in range(20)]
    assert {one.info["origin"] for one in made} <= {arm, "prior"}
    assert any(one.info["origin"] == arm for one in made)
    assert all(CAS.each[1].held_by(one.start) for one in made)


def test_a_low_crystal_of_half_the_cell_is_one_to_derive_from() -> None:
    minima = Minima()
    minima.add(Minimum(-3.0, 0, wurtzite()))
    rng = np.random.default_rng(0)
    assert minima.draw(rng, CAS.each[2]) is None
    assert minima.draw(rng, CAS.each[2], parts=True) is not None
    assert minima.draw(rng, CAS.each[0], parts=True) is None
    generators = Generators(Problem(CAS.each[2], 0), minima)
    made = [generators.propose("derive", np.random.default_rng(number)).drawn() for number in range(10)]
    derived = [one.start for one in made if one.info["origin"] == "derive"]
    assert len(derived) > 3
    assert all(CAS.each[2].held_by(crystal) for crystal in derived)


def test_an_evaluation_costs_by_the_sites_that_it_reckons_with() -> None:
    trial = pretended_trials([Candidate(rock_salt())], 0)[0]
    assert cost(trial) == 2 * 2 / TYPICAL_SITES
    assert cost(replace(trial, relaxation=replace(trial.relaxation, crystal=None))) == trial.evaluations


def test_what_remembers_gives_crystals_and_all_else_drafts() -> None:
    minima = Minima()
    minima.add(Minimum(-3.0, 0, wurtzite()))
    generators = Generators(Problem(CAS.each[1], 0), minima)
    given = {arm: generators.propose(arm, np.random.default_rng(0)) for arm in SHARES}
    assert [arm for arm, one in given.items() if one.draft is None] == ["enumerate"]


def test_an_arm_that_has_nothing_to_begin_with_draws_from_a_prior() -> None:
    one = Generators(Problem(CAS.each[1], 0), Minima()).propose("mutant", np.random.default_rng(0)).drawn()
    assert one.info == {"origin": "prior"}
    assert CAS.each[1].held_by(one.start)


def test_an_arm_that_makes_no_crystal_says_that_a_prior_made_it() -> None:
    """Rock salt has no free coordinates to be drawn again."""
    minima = Minima()
    minima.add(Minimum(-3.0, 0, rock_salt()))
    one = Generators(Problem(CAS.each[0], 0), minima).propose("again", np.random.default_rng(0))
    assert one.info == {"origin": "again"}
    assert one.drawn().info == {"origin": "prior"}


def test_contents_of_another_formula_are_refused() -> None:
    with pytest.raises(InputError, match="no cells of one formula"):
        Contents.together([CAS.each[0], Contents.from_formula("CaCl2", cell="primitive")])


@pytest.mark.parametrize(("key", "value"), [("first", -1), ("learned", 1.5), ("stop_after", -2), ("margin", -0.1)])
def test_wrong_options_are_refused(key: str, value: float) -> None:
    with pytest.raises(InputError, match=f"'{key}'"):
        Portfolio(Problem(CAS, 0), **{key: value})  # type: ignore[arg-type]


def test_problems_of_one_content_are_searched_too() -> None:
    problem = Problem(Contents.from_formula("Ca4S4"), 0)
    assert all(problem.contents.held_by(c.start) for c in drawn(Portfolio(problem, first=2).ask(6)))
    assert replace(problem, contents=CAS).contents.each[2].formula == "Ca4S4"


def test_a_run_that_ended_by_itself_is_complete_and_says_why(tmp_path: Path) -> None:
    contents = Contents.together([Contents.from_formula("Cu", z, "primitive") for z in (1, 2)])
    strategy = PartSpec("portfolio", {"first": 1, "stop_after": 2})
    relax = RelaxSettings(fmax=0.05, symmetry="keep", num_frames=1)
    spec = RunSpec(
        system=contents, method="portfolio", strategy=strategy, energy=PartSpec("ase:emt"), relax=relax, budget=200
    )
    execute(spec, tmp_path, build_energy(spec.energy))
    record = read_run(tmp_path)
    assert len(record.trials) < 200
    assert record.complete
    assert "independent starts" in record.ended
    again = execute(replace(spec, budget=300), tmp_path, build_energy(spec.energy))
    assert again.done == len(record.trials), "a larger budget changes nothing: it wanted no more"
