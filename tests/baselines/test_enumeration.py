"""Strategy enumerate: order, screening, resumption."""

from __future__ import annotations

import pytest

from crysim.composition import Composition
from crysim.crystal.matching import ReferenceMatcher
from crysim.errors import InputError
from crysim.harness.systems import find_system
from crysim.interfaces import Problem, Trial, derive_rng
from crysim.symmetry import WyckoffCombinations
from crysim.testing.trials import make_trial
from crysim_baselines.enumeration import Enumerate
from crysim_baselines.screening import Level, Screener

CA4S4 = Composition.from_formula("Ca4S4")


def test_the_simplest_come_first_and_depth_grows() -> None:
    candidates = Enumerate(Problem(CA4S4, 0), points=16, block=60, quota=3, revisit=0).ask(30)
    free = [int(c.info["free_parameters"]) for c in candidates]
    assert free[:3] == [1, 1, 1]
    assert max(free) >= 4
    for candidate in candidates:
        crystal = candidate.crystal
        in_cell = {"cubic": 1, "orthorhombic": 3, "monoclinic": 4, "triclinic": 6}.get(crystal.system, 2)
        assert candidate.info["free_parameters"] == in_cell + crystal.num_free_coordinates
        assert candidate.info["packing_ratio"] >= 0.7


def test_rock_salt_is_among_the_first() -> None:
    reference = find_system("Ca4S4").reference
    assert reference is not None
    matcher = ReferenceMatcher(reference)
    candidates = Enumerate(Problem(CA4S4, 1), points=8).ask(6)
    assert any(matcher.match(candidate.crystal).strict for candidate in candidates)


def test_equal_structures_are_proposed_once() -> None:
    # without free coordinates only the structures CsCl, and nothing else, fit one atom each in these groups
    problem = Problem(Composition.from_formula("CsCl"), 0, space_groups=(200, 207, 215, 221))
    screener = Screener(problem, points=4, min_ratio=0.1)
    (level,) = screener.levels()
    placements = screener.take(level, block=100, quota=10)
    assert [p.space_group for p in placements] == [221]
    assert level.exhausted


def test_every_combination_of_a_level_comes_once() -> None:
    combinations = WyckoffCombinations(CA4S4, 225, "fewest-free-first")
    level = Level([(combinations, 0, combinations.count)], derive_rng(0))
    taken = []
    while batch := level.take(7):
        assert len(batch) <= 7
        taken += batch
    assert len(taken) == len(set(taken)) == combinations.count


def test_a_resumed_enumeration_goes_on_where_it_was() -> None:
    problem = Problem(CA4S4, 3)
    options = {"points": 8, "block": 50}
    whole = Enumerate(problem, **options)  # type: ignore[arg-type]
    told: list[Trial] = []
    for n in (2, 3, 1):
        batch = [make_trial(len(told) + i, c, -40.0 - i) for i, c in enumerate(whole.ask(n))]
        whole.tell(batch)
        told += batch
    resumed = Enumerate(problem, **options)  # type: ignore[arg-type]
    resumed.asked([one.candidate for one in told])
    resumed.tell(told)
    again, first = resumed.ask(5), whole.ask(5)
    assert [(c.crystal, c.info) for c in again] == [(c.crystal, c.info) for c in first]


def test_cells_take_the_volume_of_the_best_crystal() -> None:
    strategy = Enumerate(Problem(CA4S4, 0), points=8, block=50)
    first = strategy.ask(2)
    cell = first[1].crystal.cell
    sites = [site.free for site in first[1].crystal.sites]
    grown = first[1].crystal.with_parameters([2 * v if i < 3 else v for i, v in enumerate(cell)], sites)
    strategy.tell([make_trial(0, first[0], -1.0), make_trial(1, first[1], -5.0, crystal=grown)])
    assert all(c.crystal.volume == pytest.approx(grown.volume) for c in strategy.ask(4))


def test_an_exhausted_enumeration_never_ends() -> None:
    candidates = Enumerate(Problem(Composition.from_formula("CsCl"), 0, space_groups=(221,)), revisit=0).ask(7)
    assert {c.crystal.space_group for c in candidates} == {221}


def test_what_fits_no_group_is_refused() -> None:
    with pytest.raises(InputError, match=r"Ba3Na3Bi3 fits none of the 2 space groups.*Ba4Na4Bi4 in P23"):
        Enumerate(Problem(Composition.from_formula("Ba3Na3Bi3"), 0, space_groups=(195, 230))).ask(1)
    with pytest.raises(InputError, match="'quota'"):
        Enumerate(Problem(CA4S4, 0), quota=0)
