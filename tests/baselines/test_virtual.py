"""Virtual crystals in a portfolio: alike elements are taken for one, and put in orders on what ends low."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.harness.records import trial_from_dict, trial_to_dict
from crysim.interfaces import Blend, Candidate, Problem, Trial, TrialStatus
from crysim.testing.strategies import drawn, drive, pretended_trials
from crysim.testing.trials import make_trial
from crysim_baselines.portfolio import Portfolio
from crysim_baselines.portfolio.minima import Minima
from crysim_baselines.portfolio.orderings import Orderings
from crysim_baselines.portfolio.search import UNITS
from crysim_baselines.portfolio.virtual import VIRTUAL, VirtualCrystals
from tests.baselines.resumption import tell_both

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CUFES2 = Contents.together([Contents.from_formula("CuFeS2", z, "primitive") for z in (1, 2, 4)])
COPPER = Blend((("Cu", 0.5), ("Fe", 0.5)))


def zinc_blende() -> Crystal:
    sites = [[0, 0, 0], [0.25, 0.25, 0.25]]
    return Crystal.from_structure(Structure.from_spacegroup("F-43m", Lattice.cubic(5.3), ["Cu", "S"], sites))


def chalcopyrite() -> Crystal:
    sites = [[0, 0, 0], [0, 0, 0.5], [0.25, 0.25, 0.125]]
    cell = Lattice.tetragonal(5.3, 10.6)
    return Crystal.from_structure(Structure.from_spacegroup("I-42d", cell, ["Cu", "Fe", "S"], sites))


def ended_in(crystal: Crystal, number: int, per_atom: float, blend: Blend | None = COPPER) -> Trial:
    candidate = Candidate(crystal, {"origin": VIRTUAL if blend else "enumerate", "cell": 0}, blend=blend)
    return make_trial(number, candidate, per_atom * crystal.num_atoms)


def test_virtual_crystals_hold_the_merged_formula_in_cells_that_fill_some_of_the_contents() -> None:
    virtual = VirtualCrystals(CUFES2.each, UNITS)
    assert virtual
    rng = np.random.default_rng(0)
    merged, cells = set(), set()
    for _ in range(40):
        one = virtual.propose(rng, 3, 0.1).drawn()
        assert one.blend is not None
        assert one.blend.shares[0][1] == 0.5
        assert one.start.composition.reduced_formula == "CuS"
        merged.add(one.blend)
        cells.add(one.start.num_primitive_atoms)
        assert 16 % one.start.num_primitive_atoms == 0, "the largest contents are whole numbers of it"
    assert merged == {COPPER}
    assert len(cells) > 1


def test_there_are_none_where_no_elements_are_alike() -> None:
    assert not VirtualCrystals([Contents.from_formula("NaCl", 1, "primitive")], UNITS)
    assert not VirtualCrystals([], UNITS)


def test_chalcopyrite_is_an_order_on_what_a_virtual_crystal_ended_in() -> None:
    """Though no structure type takes part."""
    virtual = VirtualCrystals(CUFES2.each, UNITS)
    virtual.learn(ended_in(zinc_blende(), 7, -3.0))
    orderings = Orderings(CUFES2, Minima(), lambda _: True, types=False, virtual=virtual)
    matcher = ReferenceMatcher(chalcopyrite())
    orders = []
    for number in range(20):
        one = orderings.propose(np.random.default_rng(number), 1.0)
        if one is not None:
            orderings.count(one.info)
            orders.append(one.start)
            assert one.info["mixed"] == -8, "of the trial that found it"
    assert all(CUFES2.held_by(one) for one in orders)
    assert any(one.space_group == 122 and matcher.match(one).strict for one in orders)


def test_what_ends_low_is_put_in_orders_and_what_does_not_is_not() -> None:
    virtual = VirtualCrystals(CUFES2.each, UNITS)
    virtual.learn(ended_in(zinc_blende(), 7, -3.0))
    larger = zinc_blende().with_parameters([6.5, 6.5, 6.5, 90, 90, 90], [() for _ in zinc_blende().sites])
    virtual.learn(ended_in(larger, 9, -2.9))
    given_up = ended_in(larger, 11, -3.5)
    virtual.learn(Trial(11, given_up.candidate, given_up.relaxation, TrialStatus.STOPPED))
    assert list(virtual.types) == [7, 9], "lowest first, and only what came to its end"
    assert virtual.types[7].weight > virtual.types[9].weight * 5
    stop = virtual.propose(np.random.default_rng(0), 3, 0.1).stop
    assert stop is not None
    assert stop.best == pytest.approx(-3.0), "the best of the virtual crystals, not of the crystals"


def test_they_are_no_minima_of_the_search() -> None:
    strategy = Portfolio(Problem(CUFES2, 0, blends=True), first=1, stop_after=1)
    strategy.tell([ended_in(zinc_blende(), 0, -100.0)])
    assert strategy._best is None
    assert strategy.finished() == ""
    trials = drive(strategy, 240, 8)
    assert {trial.status for trial in trials if trial.candidate.blend is not None} <= {
        TrialStatus.VIRTUAL,
        TrialStatus.FAILED,
    }
    lowest = min(t.energy / t.crystal.num_atoms for t in trials if t.counted and t.crystal and t.energy is not None)
    assert strategy._best == pytest.approx(lowest)


@pytest.mark.parametrize(
    ("contents", "blends", "options"),
    [
        (CUFES2, False, {}),
        (CUFES2, True, {"virtual": False}),
        (Contents.from_formula("Cu4Fe4S8"), True, {}),
        (Contents.from_formula("NaCl", 2, "primitive"), True, {}),
    ],
)
def test_they_take_part_where_the_model_has_them_in_primitive_cells(
    contents: Contents, blends: bool, options: dict[str, bool]
) -> None:
    trials = drive(Portfolio(Problem(contents, 0, blends=blends), first=1, **options), 96, 8)
    assert VIRTUAL not in {trial.candidate.info["origin"] for trial in trials}


def test_random_orders_are_not_drawn_besides() -> None:
    trials = drive(Portfolio(Problem(CUFES2, 0, blends=True), first=1), 320, 8)
    origins = [trial.candidate.info["origin"] for trial in trials]
    assert "alike" not in origins
    assert origins.count(VIRTUAL) > 10
    assert origins.count("ordered") > 10


def test_a_search_with_them_goes_on_the_same_after_a_resumption() -> None:
    first, again = (Portfolio(Problem(CUFES2, 5, blends=True), first=1) for _ in range(2))
    tell_both(first, again, batches=7)
    ahead = [[(c.crystal, c.info, c.blend, c.stop) for c in drawn(one.ask(24))] for one in (first, again)]
    assert {VIRTUAL, "ordered"} <= {info["origin"] for _, info, *_ in ahead[0]}
    assert ahead[0] == ahead[1]


def test_a_journal_gives_them_back() -> None:
    trial = ended_in(zinc_blende(), 3, -3.0)
    back = trial_from_dict(json.loads(json.dumps(trial_to_dict(trial))))
    assert back.candidate.blend == COPPER
    assert back.status is TrialStatus.VIRTUAL
    assert not back.counted
    assert "blend" not in trial_to_dict(ended_in(chalcopyrite(), 3, -3.0, None))


@pytest.mark.parametrize(
    "shares", [(("Cu", 1.0),), (("Cu", 0.5), ("Cu", 0.5)), (("Cu", 0.5), ("Fe", 0.4)), (("Q", 0.5), ("Fe", 0.5))]
)
def test_blends_of_no_elements_are_refused(shares: tuple[tuple[str, float], ...]) -> None:
    from crysim.errors import InputError

    with pytest.raises(InputError, match="blend"):
        Blend(shares)


def test_a_blend_says_its_elements_and_merges_them() -> None:
    cell = Contents.from_formula("Li4Ti5O12").composition
    blend = Blend.of(cell, ("Ti", "Li"))
    assert blend.shares == (("Ti", 5 / 9), ("Li", 4 / 9))
    assert blend.merged(cell).amounts == {"Ti": 9, "O": 12}
    assert str(blend) == "Ti and Li"
    assert Blend.from_dict(blend.to_dict()) == blend


def test_spinel_is_one_of_some_fifty_draws_of_titanium_and_lithium_as_one() -> None:
    contents = [Contents.from_formula("Li4Ti5O12", 2, "primitive")]
    virtual = VirtualCrystals(contents, {2: 1.0})
    rng = np.random.default_rng(0)
    drawn_for, spinels = 0, 0
    while drawn_for < 300:
        one = virtual.propose(rng, 3, 0.1).drawn().start
        if one.num_primitive_atoms == 14:
            drawn_for += 1
            letters = {one.group.positions[site.position].letter for site in one.sites}
            spinels += one.space_group == 227 and letters in ({"a", "d", "e"}, {"b", "c", "e"})
    assert 3 <= spinels <= 12


def test_a_model_that_has_no_mean_after_all_is_not_asked_for_ever() -> None:
    strategy = Portfolio(Problem(CUFES2, 0, blends=True), first=1)
    number = 0
    drawn_for = 0
    for _ in range(60):
        trials = []
        for candidate in strategy.ask(4):
            virtual = candidate.blend is not None
            drawn_for += virtual
            made = pretended_trials([candidate], number)[0]
            trials.append(make_trial(number, made.candidate, None, reason="no mean") if virtual else made)
            number += 1
        strategy.tell(trials)
    assert 8 <= drawn_for <= 8 + 4
