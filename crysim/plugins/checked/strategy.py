"""What a strategy may propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crysim.interfaces import Candidate, Frame, Problem, StopRule, Strategy, Trial
from crysim.plugins.checked.faults import CheckedState, is_seconds

if TYPE_CHECKING:
    from crysim.crystal import Crystal


class CheckedStrategy(CheckedState[Strategy], Strategy):
    """A strategy whose crystals are looked at: how many, of the problem's composition and space groups."""

    kind = "strategy"

    def __init__(self, plugin: Strategy, problem: Problem) -> None:
        super().__init__(plugin)
        self.problem = problem

    def initial_crystals(self) -> list[Crystal]:
        """The strategy's own initial crystals, looked at."""
        with self._calling("initial_crystals"):
            crystals = self._plugin.initial_crystals()
        if not isinstance(crystals, list):
            self._fault(f"its initial crystals are a {type(crystals).__name__}, not a list")
        for crystal in crystals:
            self._check_crystal("an initial crystal", crystal)
        return crystals

    def set_initial(self, frames: Sequence[Frame]) -> None:
        """The strategy's own."""
        with self._calling("set_initial"):
            self._plugin.set_initial(frames)

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """The strategy's own."""
        with self._calling("tell_seeds"):
            self._plugin.tell_seeds(trials)

    def ask(self, n: int) -> list[Candidate]:
        """Its candidates, looked at: one to ``n``, with what a journal can hold."""
        with self._calling("ask"):
            candidates = self._plugin.ask(n)
        if not isinstance(candidates, list):
            self._fault(f"ask returned a {type(candidates).__name__}, not a list")
        if not 1 <= len(candidates) <= n:
            self._fault(f"ask returned {len(candidates)} candidates where 1 to {n} were asked for")
        for candidate in candidates:
            if not isinstance(candidate, Candidate):
                self._fault(f"ask returned a {type(candidate).__name__}, not a Candidate")
            self._check_crystal("a candidate", candidate.crystal)
            self._json("a candidate's info", candidate.info)
            if candidate.stop is not None and not isinstance(candidate.stop, StopRule):
                self._fault(f"a candidate's stop is a {type(candidate.stop).__name__}, not a StopRule")
            if not isinstance(candidate.seconds, Mapping) or not all(map(is_seconds, candidate.seconds.values())):
                self._fault("a candidate's seconds are no numbers by phase")
        return candidates

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """The strategy's own."""
        with self._calling("asked"):
            self._plugin.asked(candidates)

    def finished(self) -> str:
        """Its reason to end."""
        with self._calling("finished"):
            reason = self._plugin.finished()
        if not isinstance(reason, str):
            self._fault(f"finished returned a {type(reason).__name__}, not a text")
        return reason

    def _check_crystal(self, what: str, crystal: Crystal) -> None:
        from crysim.crystal import Crystal

        if not isinstance(crystal, Crystal):
            self._fault(f"{what} is a {type(crystal).__name__}, not a Crystal")
        if not self.problem.contents.held_by(crystal):
            self._fault(f"{what} is of {crystal.composition}, and {self.problem.contents} is searched for")
        allowed = self.problem.space_groups
        if allowed is not None and crystal.space_group not in allowed:
            self._fault(f"{what} is of space group {crystal.space_group}, which is not allowed")

    def tell(self, trials: Sequence[Trial]) -> None:
        """The strategy's own."""
        with self._calling("tell"):
            self._plugin.tell(trials)

    def ask_again(self, n: int, trials: Sequence[Trial]) -> None:
        """The strategy's own."""
        with self._calling("ask_again"):
            self._plugin.ask_again(n, trials)
