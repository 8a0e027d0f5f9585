"""Former place of `crysim_solvers.amplify.adapter`; kept for one release."""

from crysim_solvers.amplify.adapter import CrysimClient

__all__ = ["CrysimClient"]
