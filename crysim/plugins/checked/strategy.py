"""What a strategy may propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crysim.composition import Contents
from crysim.errors import CrysimError, PluginFaultError, first_line
from crysim.interfaces import Blend, Candidate, Draft, Frame, Problem, StopRule, Strategy, Trial
from crysim.plugins.checked.faults import CheckedState, is_seconds, json_fault

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
        """Its candidates, looked at: one to ``n``, with what a journal can hold; drafts are, when they are drawn."""
        with self._calling("ask"):
            candidates = self._plugin.ask(n)
        if not isinstance(candidates, list):
            self._fault(f"ask returned a {type(candidates).__name__}, not a list")
        if not 1 <= len(candidates) <= n:
            self._fault(f"ask returned {len(candidates)} candidates where 1 to {n} were asked for")
        for candidate in candidates:
            if not isinstance(candidate, Candidate):
                self._fault(f"ask returned a {type(candidate).__name__}, not a Candidate")
            if candidate.draft is None:
                self._check_crystal("a candidate", candidate.crystal, candidate.blend)
            elif not isinstance(candidate.draft, Draft) or candidate.crystal is not None:
                self._fault("a candidate's draft is no Draft, or there is a crystal beside it")
            self._json("a candidate's info", candidate.info)
            if candidate.stop is not None and not isinstance(candidate.stop, StopRule):
                self._fault(f"a candidate's stop is a {type(candidate.stop).__name__}, not a StopRule")
            if candidate.blend is not None and not isinstance(candidate.blend, Blend):
                self._fault(f"a candidate's blend is a {type(candidate.blend).__name__}, not a Blend")
            if not isinstance(candidate.seconds, Mapping) or not all(map(is_seconds, candidate.seconds.values())):
                self._fault("a candidate's seconds are no numbers by phase")
        return [self._checked(one) for one in candidates]

    def _checked(self, one: Candidate) -> Candidate:
        if one.draft is None:
            return one
        problem = self.problem
        draft = CheckedDraft(one.draft, self._plugin.name, problem.contents, problem.space_groups, one.blend)
        return replace(one, draft=draft)

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

    def _check_crystal(self, what: str, crystal: Any, blend: Blend | None = None) -> None:
        if fault := crystal_fault(crystal, self.problem.contents, self.problem.space_groups, blend):
            self._fault(f"{what} {fault}")

    def tell(self, trials: Sequence[Trial]) -> None:
        """The strategy's own."""
        with self._calling("tell"):
            self._plugin.tell(trials)

    def ask_again(self, n: int, trials: Sequence[Trial]) -> None:
        """The strategy's own."""
        with self._calling("ask_again"):
            self._plugin.ask_again(n, trials)


def crystal_fault(
    crystal: Any, contents: Contents, space_groups: Sequence[int] | None, blend: Blend | None = None
) -> str:
    """Why it is no crystal of a problem, or no virtual one with a blend; empty if it is one."""
    from crysim.crystal import Crystal

    if not isinstance(crystal, Crystal):
        return f"is a {type(crystal).__name__}, not a Crystal"
    if blend is not None:
        merged = blend.merged(contents.composition).reduced
        return "" if crystal.composition.reduced == merged else f"is of {crystal.composition}, and not of {merged}"
    if not contents.held_by(crystal):
        return f"is of {crystal.composition}, and {contents} is searched for"
    if space_groups is not None and crystal.space_group not in space_groups:
        return f"is of space group {crystal.space_group}, which is not allowed"
    return ""


@dataclass(frozen=True)
class CheckedDraft(Draft):
    """A strategy's draft, whose crystal is looked at in the process that draws it."""

    draft: Draft
    strategy: str
    contents: Contents
    space_groups: tuple[int, ...] | None
    blend: Blend | None = None

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        """The draft's own crystal.

        Raises:
            CrysimError: it was not drawn, and why.
            PluginFaultError: it is no crystal of the problem, or what comes with it cannot be journalled.
        """
        try:
            crystal, info = self.draft.draw()
        except Exception as error:
            text = str(error) if isinstance(error, CrysimError) else first_line(error)
            raise CrysimError(f"strategy '{self.strategy}' drew no crystal: {text}") from error
        fault = crystal_fault(crystal, self.contents, self.space_groups, self.blend)
        info_fault = json_fault(info)
        if fault or info_fault:
            what = f"a draft's crystal {fault}" if fault else f"a draft's info {info_fault}"
            raise PluginFaultError(f"strategy '{self.strategy}' broke its interface: {what}")
        return crystal, info
