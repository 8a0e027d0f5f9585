"""Which initial crystals train: one rule for the search, its data sets and the paper's figure."""

from __future__ import annotations

import numpy as np

from crysim.strategies.training_set import FEWEST, trains


def test_energies_up_to_the_lowests_absolute_value_train() -> None:
    energies = np.array([-5.0, *np.linspace(-4.0, 5.0, 12), 5.1, 900.0])
    assert trains(energies).tolist() == [True] * 13 + [False] * 2


def test_all_train_where_none_is_negative() -> None:
    assert trains(np.linspace(2.0, 900.0, 40)).all()


def test_the_lowest_train_however_high_they_are() -> None:
    energies = np.array([-1.0, *np.linspace(10.0, 30.0, 20)])
    assert trains(energies).sum() == FEWEST
    assert trains(energies)[:FEWEST].all()


def test_a_few_crystals_all_train() -> None:
    assert trains(np.array([-1.0, 10.0])).all()
