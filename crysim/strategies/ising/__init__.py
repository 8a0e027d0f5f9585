"""Strategy ``crysim``: the paper's loop of a surrogate and an Ising machine (section 2.2, figure 1).

`options` has what a user can set, `history` what the search has learnt, `round` how one proposal is made of both, and
`search` the strategy that the bench drives.
"""

from __future__ import annotations

from crysim.interfaces import Strategy
from crysim.plugins.specs import hookimpl
from crysim.strategies.ising.options import IsingOptions
from crysim.strategies.ising.search import IsingSearch

__all__ = ["IsingOptions", "IsingSearch", "crysim_strategies"]


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this package."""
    return [IsingSearch]
