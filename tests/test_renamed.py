"""Old names: accepted with a line that says so, and refused beside the new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from crysim import renamed
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.crystal import one_atom
from crysim.errors import InputError
from crysim.interfaces import Candidate, Frame, Problem, Strategy, Trial
from crysim.plugins import plugin_manager
from crysim.testing.trials import make_trial


@pytest.fixture(autouse=True)
def unnoted() -> Iterator[None]:
    renamed.note.cache_clear()
    yield
    renamed.note.cache_clear()


def test_values_by_old_names_are_found_by_the_new_ones_and_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert renamed.with_current_names({"old": 1, "other": 2}, {"old": "new"}, "option") == {"new": 1, "other": 2}
    (record,) = caplog.records
    assert record.getMessage() == (
        "note: option 'old' is now called 'new'; the old name will be refused by the next release"
    )


def test_a_value_by_both_names_is_refused() -> None:
    with pytest.raises(InputError, match="option: 'new' is given twice"):
        renamed.with_current_names({"old": 1, "new": 2}, {"old": "new"}, "option")


def test_a_plugin_takes_options_by_the_names_that_they_had(caplog: pytest.LogCaptureFixture) -> None:
    encoder = plugin_manager().build("encoder", "crysim", {"g": 5})
    assert encoder.grid_resolution == 5
    assert "option of encoder 'crysim' 'g' is now called 'grid_resolution'" in caplog.text
    parts = {
        "encoder": encoder,
        "surrogate": plugin_manager().build("surrogate", "fm"),
        "solver": plugin_manager().build("solver", "annealer"),
    }
    problem = Problem(Composition.from_formula("Ca4S4"), 0)
    search = plugin_manager().build("strategy", "crysim", {"explore": 0.5}, problem=problem, **parts)
    assert search.options.exploration_weight == 0.5


class Old(Strategy):
    """A strategy by the names of before."""

    name = "old"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.calls: list[str] = []

    def initial(self) -> list[Crystal]:
        self.calls.append("initial")
        return []

    def start(self, frames: Sequence[Frame]) -> None:
        self.calls.append("start")

    def hear(self, trials: Sequence[Trial]) -> None:
        self.calls.append("hear")

    def ask(self, n: int) -> list[Candidate]:
        return []

    def tell(self, trials: Sequence[Trial]) -> None:
        return None


class New(Old):
    """One that goes before it with a new name."""

    name = "new"

    def set_initial(self, frames: Sequence[Frame]) -> None:
        self.calls.append("set_initial")
        super().set_initial(frames)


class Mixed(New):
    """One that goes before that with an old name, and calls it by that."""

    name = "mixed"

    def start(self, frames: Sequence[Frame]) -> None:
        self.calls.append("mixed")
        super().start(frames)


PROBLEM = Problem(Composition.from_formula("Ca4S4"), 0)


def test_a_strategy_by_the_old_names_is_called_by_the_new_ones() -> None:
    strategy = Old(PROBLEM)
    strategy.initial_crystals()
    strategy.set_initial([])
    strategy.tell_seeds([])
    assert strategy.calls == ["initial", "start", "hear"]


def test_old_and_new_names_go_together_in_a_line_of_classes() -> None:
    for call in ("set_initial", "start"):
        strategy = Mixed(PROBLEM)
        getattr(strategy, call)([])
        assert strategy.calls == ["mixed", "set_initial", "start"]


def test_a_strategy_by_the_new_names_can_be_called_by_the_old_ones() -> None:
    class Newest(Strategy):
        name = "newest"

        def initial_crystals(self) -> list[Crystal]:
            raise NotImplementedError("it was called")

        def ask(self, n: int) -> list[Candidate]:
            return []

        def tell(self, trials: Sequence[Trial]) -> None:
            return None

    with pytest.raises(NotImplementedError):
        getattr(Newest(), "initial")()  # noqa: B009
    getattr(Newest(), "start")([])  # noqa: B009


def test_a_class_with_an_old_name_is_told_of_it(caplog: pytest.LogCaptureFixture) -> None:
    type("Late", (Old,), {"name": "late", "hear": lambda self, trials: None})
    assert "method of strategy 'late' 'hear' is now called 'tell_seeds'" in caplog.text


def test_whether_a_trial_counts_is_told_by_the_old_name_too(caplog: pytest.LogCaptureFixture) -> None:
    candidate = Candidate(one_atom())
    relaxed, failed = make_trial(0, candidate, -1.0), make_trial(1, candidate, None)
    assert (relaxed.counted, failed.counted) == (relaxed.counts, failed.counts) == (True, False)
    assert [record.getMessage() for record in caplog.records] == [
        "note: attribute of a trial 'counts' is now called 'counted'; the old name will be refused by the next release"
    ]
