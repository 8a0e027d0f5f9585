"""The distinct minima that a portfolio has found."""

from __future__ import annotations

import numpy as np
import pytest

from crysim_baselines.portfolio.minima import KEPT, WINDOW, Minima, Minimum
from tests.baselines.calcium_sulphide import CAS, of_volume, rock_salt, wurtzite


def test_minima_of_one_energy_volume_and_distances_are_one_whatever_their_cell() -> None:
    minima = Minima()
    assert minima.add(Minimum(-3.0, 0, rock_salt()))
    assert not minima.add(Minimum(-3.0004, 1, rock_salt(40.1)))
    assert minima.add(Minimum(-3.0, 2, rock_salt(44.0)))
    assert minima.add(Minimum(-3.1, 3, rock_salt()))
    assert [one.number for one in minima] == [3, 0, 2]


def test_other_crystals_of_one_energy_and_volume_are_minima_of_their_own() -> None:
    minima = Minima()
    first = rock_salt()
    per_atom = first.volume / first.num_atoms
    assert minima.add(Minimum(-3.0, 0, first))
    assert minima.add(Minimum(-3.0004, 1, of_volume(wurtzite(), per_atom)))
    assert not minima.add(Minimum(-3.0002, 2, of_volume(wurtzite(), per_atom)))


def test_a_crystal_that_is_torn_apart_is_none_that_was_found() -> None:
    minima = Minima()
    torn = of_volume(rock_salt(), 2000.0)
    assert minima.add(Minimum(-3.0, 0, torn))
    assert minima.add(Minimum(-3.0, 1, torn))


def test_distances_of_a_minimum_are_those_of_its_nearest_pairs() -> None:
    a = (4 * 40.0) ** (1 / 3)
    spacings = Minimum(-3.0, 0, rock_salt()).spacings
    assert spacings == pytest.approx(np.array([[a / 2**0.5, a / 2], [a / 2, a / 2**0.5]]))


def test_cells_breed_from_their_own_lowest_where_all_others_are_lower() -> None:
    """Of LiBF4's forty lowest minima one had the eighteen atoms of the crystal that was looked for."""
    minima = Minima()
    for number in range(KEPT + 5):
        minima.add(Minimum(-3.0, number, rock_salt(40.0 + 2.0 * number)))
    minima.add(Minimum(-2.9, 999, wurtzite()))
    one, two = CAS.each[:2]
    rng = np.random.default_rng(0)
    assert {minima.draw(rng, two).number for _ in range(5)} == {999}  # type: ignore[union-attr]
    assert {minima.draw(rng, one).energy for _ in range(5)} == {-3.0}  # type: ignore[union-attr]
    assert {minima.draw(rng, two, parts=True).energy for _ in range(20)} == {-3.0}, "the lowest of both"  # type: ignore[union-attr]
    assert 999 not in {low.number for low in minima}
    minima.add(Minimum(-3.5, 1000, rock_salt()))
    assert minima.draw(rng, two) is None, "too far above the lowest of all"


def test_the_lowest_are_more_than_are_bred_from_but_near_the_best() -> None:
    minima = Minima()
    assert not minima.lowest(3)
    for number in range(KEPT + 5):
        minima.add(Minimum(-3.0 + 0.001 * number, number, rock_salt(40.0 + 2.0 * number)))
    minima.add(Minimum(-3.0 + WINDOW + 0.01, 999, wurtzite()))
    assert [one.number for one in minima.lowest(3)] == [0, 1, 2]
    assert [one.number for one in minima.lowest(1000)] == list(range(KEPT + 5))
