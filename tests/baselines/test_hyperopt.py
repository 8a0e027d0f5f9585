"""Strategies bayesian and annealing: the space of GN-OA, and whether they learn."""

from __future__ import annotations

import math

import pytest

from crysim.composition import Composition
from crysim.crystal.generation import ANGLE_BOUNDS, default_length_bounds
from crysim.crystal.packing import scaled
from crysim.errors import InputError
from crysim.harness.systems import find_system
from crysim.interfaces import Problem, Strategy
from crysim.symmetry import CELL_PARAMETERS, WyckoffCombinations
from crysim.testing.strategies import drive
from crysim.testing.trials import make_trial
from crysim_baselines.annealing import Annealing
from crysim_baselines.bayesian import Bayesian
from crysim_baselines.hyperopt_search import ParameterSpace

AL2CU2 = Composition.from_formula("Al2Cu2")


def values(space: ParameterSpace, **changes: float) -> dict[str, float]:
    found = {name: 5.0 + i for i, name in enumerate(CELL_PARAMETERS[:3])} | dict.fromkeys(CELL_PARAMETERS[3:], 75.0)
    found |= {"space_group": 0, "combination": 0.0}
    found |= {
        f"{axis}{i}": 0.1 * (3 * i + k + 1) % 1 for i in range(space.contents.num_atoms) for k, axis in enumerate("xyz")
    }
    return found | changes


def test_the_space_has_every_parameter_of_the_crystal() -> None:
    space = ParameterSpace(Problem(AL2CU2, 0))
    names = set(space.expressions())
    assert names == {*CELL_PARAMETERS, "space_group", "combination", *(f"{a}{i}" for a in "xyz" for i in range(4))}
    lower, upper = default_length_bounds(4)
    assert space.length_bounds == (lower, pytest.approx(1.1 * upper))
    assert 1 not in space.space_groups


def test_values_become_a_crystal_of_their_group_and_combination() -> None:
    space = ParameterSpace(Problem(AL2CU2, 0, space_groups=(123,)))
    combinations = WyckoffCombinations(AL2CU2, 123)
    for index in (0, combinations.count // 2, combinations.count - 1):
        crystal = space.crystal(values(space, combination=(index + 0.5) / combinations.count))
        assert crystal.combination == combinations.unrank(index)
        assert crystal.cell == (5.0, 5.0, 7.0, 90.0, 90.0, 90.0)
    assert space.crystal(values(space, combination=1.0)).combination == combinations.unrank(combinations.count - 1)


def test_angles_that_close_no_cell_are_opened() -> None:
    space = ParameterSpace(Problem(AL2CU2, 0, space_groups=(2,)))
    crystal = space.crystal(values(space, alpha=ANGLE_BOUNDS[0], beta=ANGLE_BOUNDS[1], gamma=ANGLE_BOUNDS[0]))
    assert crystal.volume > 0


def test_packing_ratios_are_distances_in_units_of_radii() -> None:
    reference = find_system("ScBe5").reference
    assert reference is not None
    space = ParameterSpace(Problem(reference.composition, 0))
    # the shortest distances: Be-Be 2.181 and 2.267 Å, Sc-Be 2.617 Å; radii 0.96 and 1.70 Å
    assert space.packing_ratio(reference) == pytest.approx(2.6174 / 2.66, abs=1e-3)


@pytest.mark.parametrize("make", [lambda p: Bayesian(p, startup_jobs=24), Annealing], ids=["bayesian", "annealing"])
def test_learns_which_space_group_is_best(make: type[Strategy]) -> None:
    strategy = make(Problem(AL2CU2, 1, space_groups=(10, 47, 51, 83, 123, 129)))
    groups: list[int] = []
    while len(groups) < 90:
        candidates = strategy.ask(1)
        found = [c.crystal.space_group for c in candidates]
        energies = [-2.0 if group == 129 else -1.0 for group in found]
        strategy.tell(
            [make_trial(len(groups) + i, c, e) for i, (c, e) in enumerate(zip(candidates, energies, strict=True))]
        )
        groups += found
    assert groups[-40:].count(129) / 40 > 1.5 * groups[:24].count(129) / 24


def test_start_up_is_batched_and_then_one_by_one() -> None:
    strategy = Bayesian(Problem(AL2CU2, 0), startup_jobs=3)
    assert len(strategy.ask(8)) == 3
    drive(strategy, 3, batch=8)
    assert len(strategy.ask(8)) == 1


def test_proposals_out_of_the_limits_are_drawn_again() -> None:
    problem = Problem(Composition.from_formula("ScBe5"), 0)
    space = ParameterSpace(problem)
    screened = Bayesian(problem, screen=10).ask(12)
    plain = Bayesian(problem, screen=1).ask(12)
    assert {candidate.info["proposals"] for candidate in plain} == {1}
    assert any(candidate.info["proposals"] > 1 for candidate in screened)
    excesses = [[space.excess(c.crystal) for c in some] for some in (screened, plain)]
    assert all(good <= bad for good, bad in zip(*excesses, strict=True))
    assert sum(excesses[0]) < 0.5 * sum(excesses[1])


def test_limits_are_gn_oas() -> None:
    reference = find_system("ScBe5").reference
    assert reference is not None
    space = ParameterSpace(Problem(reference.composition, 0))
    assert space.excess(reference) == 0
    # 71.1 Å³ are covalent spheres at a packing of 0.55; the reference has 62.1 Å³
    assert space.excess(scaled(reference, 2.0)) == pytest.approx(math.log(8 * 62.11 / 71.06 / 2.4), abs=1e-3)
    small = space.excess(scaled(reference, 0.3))
    assert small == pytest.approx(math.log(0.4 / (0.3 * 0.98399)) + math.log(0.4 * 71.06 / 0.027 / 62.11), abs=1e-3)


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="gamma between 0 and 1"):
        Bayesian(Problem(AL2CU2, 0), gamma=1.0)
    with pytest.raises(InputError, match="'screen' of strategy 'annealing'"):
        Annealing(Problem(AL2CU2, 0), screen=0)
    with pytest.raises(InputError, match="fits none"):
        Bayesian(Problem(Composition.from_formula("Ba3Na3Bi3"), 0, space_groups=(230,))).ask(1)
