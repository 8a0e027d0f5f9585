"""A strategy, and one that takes up its run."""

from __future__ import annotations

from crysim.interfaces import Strategy
from crysim.testing.strategies import pretended_trials


def tell_both(first: Strategy, again: Strategy, batches: int, n: int = 8) -> None:
    """Ask the first for some batches, each told before the next; the other is told of them as of a journal's."""
    number = 0
    for _ in range(batches):
        asked = first.ask(n)
        again.asked(asked)
        trials = pretended_trials(asked, number)
        number += len(trials)
        first.tell(trials)
        again.tell(trials)
