"""Former place of `crysim_solvers.dimod.adapter`; kept for one release."""

from crysim_solvers.dimod.adapter import CrysimSampler

__all__ = ["CrysimSampler"]
