"""Some sites of a crystal are taken out, and put back on other positions of the same group."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.min_distances import keep_distances
from crysim.crystal.prior import Prior, PriorGenerator
from crysim_baselines.portfolio.drafts import FEW_SITES
from crysim_baselines.portfolio.minima import Minimum
from crysim_baselines.portfolio.refill import refilled


def drawn(formula: str, group: int) -> tuple[Crystal, np.ndarray]:
    """A crystal, and the distances that its atoms keep."""
    contents = Contents.from_formula(formula)
    generator = PriorGenerator(Prior(contents, [group]))
    return generator.draw(np.random.default_rng(3)), 0.8 * generator.thresholds


@pytest.mark.parametrize(("formula", "group"), [("Nd8Fe56B4", 136), ("Ca8Ti8O24", 62), ("Ba2YCu3O7", 47), ("Si6N8", 1)])
def test_most_sites_stay_and_the_rest_is_filled_in_anew(formula: str, group: int) -> None:
    crystal, thresholds = drawn(formula, group)
    made = [refilled(crystal, thresholds, np.random.default_rng(number), FEW_SITES) for number in range(40)]
    found = [one for one in made if one is not None]
    assert len(found) > 10
    for one in found:
        assert one.space_group == group
        assert one.cell == pytest.approx(crystal.cell)
        assert one.composition == crystal.composition
        assert keep_distances(one, one.composition.elements, thresholds)
        assert one != crystal
    kept = [len(set(one.sites) & set(crystal.sites)) / len(crystal.sites) for one in found]
    assert min(kept) < 0.6
    assert max(kept) > 0.6
    if group != 1:
        assert len({one.combination for one in found} - {crystal.combination}) > 3


def test_a_crystal_of_one_site_is_placed_anew_or_left() -> None:
    contents = Contents.from_formula("C8")
    crystal = PriorGenerator(Prior(contents, [19])).draw(np.random.default_rng(0))
    low = Minimum(0.0, 0, crystal)
    for number in range(10):
        one = refilled(crystal, 0.8 * low.spacings, np.random.default_rng(number), FEW_SITES)
        assert one is None or (one.composition == crystal.composition and one != crystal)


def test_the_same_state_gives_the_same_crystal() -> None:
    crystal, thresholds = drawn("Ba2YCu3O7", 47)
    ones = [refilled(crystal, thresholds, np.random.default_rng(9), FEW_SITES) for _ in range(2)]
    assert ones[0] == ones[1]
