"""Starts that begin with no crystal that was found, and what their number says of what a search missed."""

from __future__ import annotations

from math import exp

AFRESH = frozenset({"enumerate", "prior", "spaced", "alike"})
"""Origins of candidates (``origin`` in their info) that are drawn afresh."""


def missed(starts: int) -> str:
    """What may be missed where so many starts, drawn afresh, led to the lowest crystal."""
    return (
        "a lower crystal that is a tenth as easily found would have been missed with a probability of "
        f"{exp(-starts / 10):.0%}"
    )
