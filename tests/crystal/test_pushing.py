"""Sites that are pushed apart keep their distance, in combinations that hardly any placement site by site comes to."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import CellKind, Contents
from crysim.crystal import Crystal, MinDistances
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.prior import Prior, PriorGenerator
from crysim.harness.systems import find_system
from crysim.symmetry import crystal_system, space_group
from crysim_baselines.portfolio.minima import Minimum


def reference(name: str) -> Crystal:
    found = find_system(name).reference
    assert found is not None
    return found


def test_a_true_combination_has_its_atoms_at_nine_tenths_of_their_distances() -> None:
    """Where several sites have several free coordinates, sites put in one by one seldom get there."""
    truth = reference("Li8Zr4O12")
    thresholds = 0.9 * Minimum(0.0, 0, truth).spacings
    generator = PriorGenerator(Prior(Contents(truth.composition)), MinDistances(truth.composition, 0.0))
    rng = np.random.default_rng(0)
    placed = {
        push: [
            generator.place(truth.space_group, truth.combination, truth.volume, rng, thresholds=thresholds, push=push)
            for _ in range(20)
        ]
        for push in (True, False)
    }
    pushed = [crystal for crystal in placed[True] if crystal is not None]
    assert len(pushed) > 2 * sum(crystal is not None for crystal in placed[False])
    for crystal in pushed:
        assert (crystal.space_group, crystal.combination) == (truth.space_group, truth.combination)
        assert keep_distances(crystal, truth.composition.elements, 0.95 * thresholds - 1e-9)


@pytest.mark.parametrize(("formula", "cell"), [("Ca4S4", "primitive"), ("Y6Co51", "conventional"), ("C4", "primitive")])
def test_what_is_pushed_keeps_its_distance_in_every_crystal_system(formula: str, cell: CellKind) -> None:
    contents = Contents.from_formula(formula, cell=cell)
    generator = PriorGenerator(Prior(contents, range(1, 231)))
    systems = set()
    for seed in range(150):
        rng, again = np.random.default_rng(seed), np.random.default_rng(seed)
        crystal = generator.draw(rng, thresholds=1.2 * generator.thresholds, push=True)
        assert crystal == generator.draw(again, thresholds=1.2 * generator.thresholds, push=True)
        assert rng.bit_generator.state == again.bit_generator.state
        elements = contents.composition.elements
        assert keep_distances(crystal, elements, 0.95 * 1.2 * generator.thresholds - 1e-9)
        assert contents.held_by(crystal)
        systems.add(crystal_system(crystal.space_group))
    assert len(systems) >= 4


def test_atoms_that_cannot_move_are_not_pushed() -> None:
    contents = Contents.from_formula("Ca4S4")
    generator = PriorGenerator(Prior(contents))
    group = space_group(225)
    rock_salt = tuple((group.position_by_letter(letter),) for letter in "ab")
    rng = np.random.default_rng(0)
    assert generator.place(225, rock_salt, 5.6**3, rng, push=True) is not None
    assert generator.place(225, rock_salt, 3.0**3, rng, push=True) is None
    fluorite_like = tuple((group.position_by_letter(letter),) for letter in "aa")
    assert generator.place(225, fluorite_like, 9.0**3, rng, push=True) is None
