"""Strategy crysim under the project's own protocol: batches of three origins, nothing known twice, and racing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal, Site
from crysim.crystal.packing import scaled
from crysim.errors import InputError, UnknownNameError
from crysim.harness.config_file import read_settings
from crysim.interfaces import Frame, Problem, StopRule
from crysim.plugins import plugin_manager
from crysim.strategies.ising import IsingOptions, IsingSearch
from crysim.strategies.ising.known import KnownCrystals
from crysim.strategies.training_set import normal_scores
from crysim.testing.strategies import GROUPS, MakeStrategy, StrategySuite, begin, pretended_trials
from crysim.testing.trials import make_trial

PROBLEM = Problem(Contents.from_formula("Al2Cu2"), seed=3, space_groups=GROUPS)


def make_search(problem: Problem = PROBLEM, **options: Any) -> IsingSearch:
    manager = plugin_manager()
    parts = {
        "encoder": manager.build("encoder", "crysim", {"grid_resolution": 4, "space_groups": list(GROUPS)}),
        "surrogate": manager.build("surrogate", "fm", {"max_epoch": 10, "warm_start": True}),
        "solver": manager.build("solver", "annealer", {"sweeps": 10}),
    }
    return IsingSearch(problem, **parts, **{"num_initial": 30, **options})


class TestOwnProtocol(StrategySuite):
    @pytest.fixture(
        params=[{}, {"targets": "rank", "draws": 3}, {"targets": "energy", "draws": 1}],
        ids=["default", "ranks and filtered draws", "energies and no filter"],
    )
    def make(self, request: pytest.FixtureRequest) -> MakeStrategy:
        return lambda problem: make_search(problem, **request.param)


def test_a_batch_has_its_three_origins_and_pays_for_training_once() -> None:
    search = make_search(solve_every=2)
    begin(search)
    candidates = search.ask(8)
    counts = Counter(c.info["origin"] for c in candidates)
    assert counts["initial"] == 1
    assert 1 <= counts["answer"] <= 4  # answers that are known, or like one another, leave their places to the prior
    assert counts["prior"] == 7 - counts["answer"]
    assert all("predicted" in c.info for c in candidates if c.info["origin"] == "answer")
    assert [bool(c.seconds) for c in candidates] == [True] + 7 * [False]
    search.tell(pretended_trials(candidates, 0))
    between = search.ask(8)
    assert Counter(c.info["origin"] for c in between) == {"initial": 1, "prior": 7}
    assert "train" not in between[0].seconds
    search.tell(pretended_trials(between, 8))
    assert "train" in search.ask(8)[0].seconds


def test_nothing_is_trained_where_no_answer_is_wanted() -> None:
    search = make_search(answer_share=0.0, initial_share=1.0)
    begin(search)
    candidates = search.ask(8)
    assert {c.info["origin"] for c in candidates} == {"initial"}
    assert "train" not in candidates[0].seconds


def test_the_lowest_told_is_what_relaxations_race_against() -> None:
    search = make_search()
    begin(search)
    first = search.ask(4)
    assert first[0].stop == StopRule()
    search.tell(trials := pretended_trials(first, 0))
    best = min(t.energy / t.crystal.num_atoms for t in trials if t.energy is not None and t.crystal is not None)
    (candidate,) = search.ask(1)
    assert candidate.stop is not None
    assert candidate.stop.best == pytest.approx(best)
    assert candidate.stop.known


@pytest.mark.parametrize("penalise", [True, False])
def test_a_failure_is_among_the_ends_that_are_learned_unless_told_otherwise(penalise: bool) -> None:
    search = make_search(penalise_failures=penalise)
    begin(search)
    search.tell(pretended_trials(search.ask(8), 0))
    ends = search.history.ends
    before = len(ends)
    (candidate,) = search.ask(1)
    search.tell([make_trial(8, candidate.drawn(), None, reason="on purpose")])
    assert len(ends) == before + penalise
    _, energies = ends.training_data((), clip=False, most=None)
    assert (energies[-1] == ends.penalty) == penalise


def test_where_seeds_end_is_learned() -> None:
    search = make_search()
    begin(search)
    seeds = pretended_trials(search.ask(3), 0)
    again = make_search()
    begin(again)
    again.tell_seeds(seeds)
    assert len(again.history.ends) == sum(2 + ("bits" in seed.candidate.info) for seed in seeds if seed.frames)


@pytest.mark.parametrize("mid", [True, False])
def test_an_end_below_half_an_angstrom_is_believed_without_heed_to_distances_alone(mid: bool) -> None:
    search = make_search(mid=mid)
    begin(search)
    candidate = search.ask(1)[0].drawn()
    start = candidate.start
    crushed = scaled(start, 0.2 / start.min_distance())
    search.tell([make_trial(0, candidate, -50.0, crystal=crushed, frames=[Frame(start, -1.0), Frame(crushed, -50.0)])])
    assert (len(search.history.ends) > 0) == (not mid)


def cesium_chloride(flip: bool = False, length: float = 4.0) -> Crystal:
    sites = (Site("Cs", 12 if flip else 13), Site("Cl", 13 if flip else 12))
    return Crystal(Composition.from_formula("CsCl"), 221, (length, length, length, 90.0, 90.0, 90.0), sites)


def test_a_twin_in_another_setting_cell_or_size_is_known() -> None:
    known = KnownCrystals()
    assert not known.holds(cesium_chloride())
    known.add_minimum(cesium_chloride())
    for other in (cesium_chloride(flip=True), scaled(cesium_chloride(), 1.2), cesium_chloride().to_p1()):
        assert known.holds(other)
    halite = Crystal(
        Composition.from_formula("Cs4Cl4"), 225, (7.0, 7.0, 7.0, 90.0, 90.0, 90.0), (Site("Cs", 11), Site("Cl", 10))
    )
    assert not known.holds(halite)


def test_no_minimum_that_was_reached_is_proposed_again() -> None:
    """Minima are where the pretended relaxations end: scaled starts."""
    search = make_search()
    begin(search)
    seen = KnownCrystals()
    for _ in range(3):
        candidates = search.ask(4)
        for candidate in candidates:
            assert not seen.holds(candidate.crystal)
        for candidate in candidates:
            seen.add_start(candidate.crystal)
        search.tell(pretended_trials(candidates, search.history.number))
    again = make_search(avoid_known=False)
    begin(again)
    assert not again.history.known.holds(candidates[0].crystal)


def test_rare_bits_of_symmetry_have_a_price_and_those_of_the_cell_none() -> None:
    search = make_search(prior_weight=0.5, exploration_weight=0.0)
    begin(search)
    plain = make_search(prior_weight=0.0, exploration_weight=0.0)
    begin(plain)
    price = search.new_round().solve(1, 0).model.linear - plain.new_round().solve(1, 0).model.linear
    bits = search.encoder.encode(search.initial_crystals()).sum(axis=0)
    for group in search.encoder.groups:
        own, counts = price[group.slice], bits[group.slice]
        if group.name in ("crystal-system", "space-group", "combinations"):
            np.testing.assert_allclose(own, 0.5 * np.log((counts.max() + 1) / (counts + 1)), atol=1e-9)
        else:
            np.testing.assert_allclose(own, 0.0, atol=1e-9)


def test_normal_scores_keep_the_order_and_forget_the_scale() -> None:
    scores = normal_scores(np.array([5.0, -1.0, 1e6, 5.0]))
    assert scores[1] < scores[0] == scores[3] < scores[2]
    np.testing.assert_allclose(scores.sum(), 0.0, atol=0.3)


def test_starts_ends_and_answers_have_the_energy_in_which_their_relaxation_ended() -> None:
    search = make_search()
    begin(search)
    candidates = search.ask(8)
    assert len(search.history.ends) == 0
    search.tell(trials := pretended_trials(candidates, 0))
    bits, energies = search.history.ends.training_data([], clip=False, most=None)
    told = [t for t in trials if t.frames]
    answers = sum("bits" in t.candidate.info for t in told)
    assert 0 < answers < len(told)
    assert len(bits) == 2 * len(told) + answers
    expected = {float(t.frames[-1].energy) for t in told}
    assert set(energies.tolist()) == expected
    first = told[0]
    np.testing.assert_array_equal(bits[:2], search.encoder.encode([first.candidate.start, first.frames[-1].crystal]))
    assert energies[0] == energies[1] == first.frames[-1].energy

    plain = make_search(targets="energy")
    begin(plain)
    plain.tell(pretended_trials(plain.ask(8), 0))
    assert len(plain.history.ends) == 0


def test_one_option_is_the_papers_search() -> None:
    own, paper = IsingOptions(), IsingOptions(protocol="paper")
    assert (own.num_initial, own.candidates_per_solve, own.initial, own.race) == (50, 8, "prior", True)
    assert (own.targets, own.draws) == ("relaxed", 4)
    assert (paper.targets, paper.draws) == ("energy", 1)
    assert (paper.num_initial, paper.candidates_per_solve, paper.initial, paper.race) == (1000, 1, "random", False)
    assert (paper.choice, paper.max_points, paper.avoid_known, paper.prior_weight) == (None, None, False, 0.0)
    for wrong in ({"protocol": "mine"}, {"choice": "best"}, {"targets": "loss"}):
        with pytest.raises(UnknownNameError):
            IsingOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at most 1 together"):
        IsingOptions(initial_share=0.7, answer_share=0.7)


def test_the_parts_start_warm_unless_a_person_or_the_paper_says_otherwise() -> None:
    def surrogate(**given: Any) -> Any:
        run = read_settings(None, {"method": ("crysim",), "energy": "ase:emt", "system": ("Al2Cu2",), **given}).runs()[
            0
        ]
        return run.config()["parts"]["surrogate"]["options"]["warm_start"]

    assert surrogate() is True
    assert surrogate(surrogate_options={"warm_start": False}) is False
    assert surrogate(options={"crysim.protocol": "paper"}) is False


def test_what_the_paper_does_not_have_is_unsaid_in_its_manifests() -> None:
    run = read_settings(None, {"method": ("crysim",), "energy": "ase:emt", "options": {"protocol": "paper"}}).runs()[0]
    options = run.config()["strategy"]["options"]
    assert not {"protocol", "race", "avoid_known", "prior_weight", "targets", "draws", "answer_share"} & set(options)
    assert options["num_initial"] == 1000
    own = read_settings(None, {"method": ("crysim",), "energy": "ase:emt"}).runs()[0].config()["strategy"]["options"]
    assert (own["protocol"], own["num_initial"], own["race"]) == ("own", 50, True)


def test_primitive_contents_are_searched_too() -> None:
    problem = Problem(Contents.from_formula("CaS", cell="primitive"), 0, space_groups=GROUPS)
    search = make_search(problem)
    begin(search)
    candidates = search.ask(8)
    search.tell(pretended_trials(candidates, 0))
    assert len(search.ask(8)) == 8
