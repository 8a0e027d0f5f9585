"""Strategy ``portfolio``: generators and contents that share a search by what they bring."""

from crysim import hookimpl
from crysim.interfaces import Strategy
from crysim_baselines.portfolio.search import Portfolio


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this package."""
    return [Portfolio]
