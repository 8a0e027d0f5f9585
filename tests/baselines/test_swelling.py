"""The volumes of structure types, learned from those that were relaxed."""

from __future__ import annotations

import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.packing import scaled
from crysim.symmetry import space_group
from crysim_baselines.portfolio.swelling import FEWEST, Swelling


def rock_salt(a: float) -> Crystal:
    composition, letter = Composition.from_formula("NaCl", 4), space_group(225).position_by_letter
    return Crystal(
        composition, 225, (a, a, a, 90.0, 90.0, 90.0), (Site("Na", letter("a"), ()), Site("Cl", letter("b"), ()))
    )


def test_it_is_the_median_of_what_relaxations_did_to_predicted_volumes() -> None:
    swelling = Swelling()
    predicted = rock_salt(6.0)
    for number, share in enumerate((0.9, 0.5, 0.6)):
        assert swelling.factor == 1 if number < FEWEST else True
        swelling.learn(predicted, scaled(predicted, share ** (1 / 3)), 1.0)
    assert swelling.factor == pytest.approx(0.6)


def test_it_stays_when_what_is_relaxed_began_at_the_corrected_volume() -> None:
    swelling = Swelling()
    predicted = rock_salt(6.0)
    for _ in range(FEWEST):
        swelling.learn(predicted, scaled(predicted, 0.6 ** (1 / 3)), 1.0)
    for _ in range(10):
        factor = swelling.factor
        swelling.learn(scaled(predicted, factor ** (1 / 3)), scaled(predicted, 0.6 ** (1 / 3)), factor)
    assert swelling.factor == pytest.approx(0.6)
