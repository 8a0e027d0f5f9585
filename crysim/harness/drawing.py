"""Drafts become crystals: in the task that relaxes them, or by themselves where that came to nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from crysim.errors import CrysimError, PluginFaultError, first_line
from crysim.interfaces import Candidate, EnergyModel

PHASE = "draw"
"""Of a candidate's seconds: how long it took to draw it, in the strategy and where it was relaxed."""


@dataclass(frozen=True)
class Drawn:
    """A candidate without a draft; and why it has no crystal, if it has none."""

    candidate: Candidate
    fault: str = ""


def draw(candidate: Candidate) -> Drawn:
    """Draw a candidate if it has a draft, and count what that takes as its strategy's seconds.

    Raises:
        PluginFaultError: what was drawn is no crystal of the problem.
    """
    if candidate.draft is None:
        return Drawn(candidate)
    wall, cpu = time.perf_counter(), time.process_time()
    fault = ""
    try:
        made = candidate.drawn()
    except PluginFaultError:  # as of a crystal that the strategy gives: nothing of it can be believed
        raise
    except CrysimError as error:
        made, fault = replace(candidate, draft=None), str(error)
    except Exception as error:  # noqa: BLE001 - a strategy may fail in any way, and that is a result
        made, fault = replace(candidate, draft=None), f"no crystal was drawn: {first_line(error)}"
    seconds = {**made.seconds, PHASE: made.seconds.get(PHASE, 0.0) + time.perf_counter() - wall}
    spent = (made.cpu_seconds or 0.0) + time.process_time() - cpu
    return Drawn(replace(made, seconds=seconds, cpu_seconds=spent), fault)


def joined(asked: Candidate, back: Candidate) -> Candidate:
    """A candidate as it was asked for, with what was drawn of it elsewhere, where its draft travelled alone."""
    if asked.draft is None:
        return asked
    seconds = {**asked.seconds}
    for phase, taken in back.seconds.items():
        seconds[phase] = seconds.get(phase, 0.0) + taken
    known = [one for one in (asked.cpu_seconds, back.cpu_seconds) if one is not None]
    return replace(
        asked,
        crystal=back.crystal,
        info={**asked.info, **back.info},
        seconds=seconds,
        cpu_seconds=sum(known) if known else None,
        draft=None,
    )


@dataclass(frozen=True)
class Drawings:
    """Crystals that are drawn and not relaxed: those whose relaxation no process survived, to say which they are.

    Attributes:
        candidates: with their drafts.
        strategy: its name, for what cannot be drawn.
    """

    candidates: tuple[Candidate, ...]
    strategy: str

    def __call__(self, model: EnergyModel) -> list[Drawn]:
        """Draw them."""
        return [draw(candidate) for candidate in self.candidates]

    @property
    def size(self) -> int:
        """How many crystals."""
        return len(self.candidates)

    def one_by_one(self) -> list[Drawings]:
        """One crystal each."""
        return [Drawings((candidate,), self.strategy) for candidate in self.candidates]

    def join(self, results: Sequence[Sequence[Drawn]]) -> list[Drawn]:
        """All of them."""
        return list(chain.from_iterable(results))

    def failed(self, reason: str) -> list[Drawn]:
        """None was drawn."""
        fault = f"strategy '{self.strategy}' drew no crystal: {reason}"
        return [Drawn(replace(candidate, draft=None), fault) for candidate in self.candidates]
