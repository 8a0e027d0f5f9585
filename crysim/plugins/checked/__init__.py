"""The one checker between every plug-in and the core: what a plug-in returns is looked at before it is believed.

Each class stands for a plug-in of one kind: it passes every call on, and raises `crysim.errors.PluginFaultError`, one
line that names the plug-in and the violation, if what comes back breaks the interface, or if the plug-in raises an
error that is not crysim's. What a plug-in returns correctly is handed on as it is.

What is looked at can be looked at for next to nothing: shapes, types, counts, energies of a solver recomputed, a proof
that one exchange of bits refutes. That an energy model's energies are right only its conformance suite can tell.
"""

from __future__ import annotations

from typing import Any

from crysim.plugins.checked.encoder import CheckedEncoder
from crysim.plugins.checked.energy import CheckedEnergyModel
from crysim.plugins.checked.executor import CheckedExecutor
from crysim.plugins.checked.solver import CheckedSolver
from crysim.plugins.checked.strategy import CheckedStrategy
from crysim.plugins.checked.surrogate import CheckedSurrogate

__all__ = [
    "CheckedEncoder",
    "CheckedEnergyModel",
    "CheckedExecutor",
    "CheckedSolver",
    "CheckedStrategy",
    "CheckedSurrogate",
    "checked",
]


def checked(kind: str, plugin: Any, **given: Any) -> Any:
    """A plug-in of a kind behind its checker; a strategy is given with its ``problem``."""
    match kind:
        case "encoder":
            return CheckedEncoder(plugin)
        case "surrogate":
            return CheckedSurrogate(plugin)
        case "solver":
            return CheckedSolver(plugin)
        case "energy":
            return CheckedEnergyModel(plugin)
        case "executor":
            return CheckedExecutor(plugin)
        case _:
            return CheckedStrategy(plugin, given["problem"])
