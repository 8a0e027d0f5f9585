"""Strategy random."""

from __future__ import annotations

import pytest

from crysim.composition import Composition
from crysim.crystal import shortest_distances
from crysim.interfaces import Problem
from crysim.testing.strategies import MakeStrategy, StrategySuite, begin, drive
from crysim_baselines.random import RandomSearch


class TestRandomSearch(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        return RandomSearch


def test_how_many_are_asked_for_at_a_time_changes_nothing() -> None:
    runs = []
    for batch in (1, 5):
        strategy = RandomSearch(Problem(Composition.from_formula("Ca4S4"), seed=1))
        begin(strategy)
        runs.append([trial.candidate.crystal for trial in drive(strategy, 10, batch)])
    assert runs[0] == runs[1]


def test_distances_are_filtered_only_where_the_problem_says_so() -> None:
    """End of section 4.1: the baseline has no filter."""
    shortest = []
    for min_distance in (None, 1.5):
        strategy = RandomSearch(Problem(Composition.from_formula("Ca4S4"), seed=1, min_distance=min_distance))
        shortest.append(shortest_distances([c.crystal for c in strategy.ask(60)]).min())
    assert shortest[0] < 1.0
    assert shortest[1] >= 1.5
