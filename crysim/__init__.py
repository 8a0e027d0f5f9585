"""Crystal structure prediction by plug-ins, and the comparison of the strategies that do it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crysim.composition import Composition
    from crysim.crystal import Crystal
    from crysim.plugins.specs import hookimpl
    from crysim.quadratic import QuadraticModel
    from crysim.workflows.bench import bench
    from crysim.workflows.relax import relax
    from crysim.workflows.report import read_runs
    from crysim.workflows.search import search
    from crysim.workflows.status import status
    from crysim.workflows.verify import verify

__version__ = "0.1.0"

__all__ = [
    "Composition",
    "Crystal",
    "QuadraticModel",
    "__version__",
    "bench",
    "hookimpl",
    "read_runs",
    "relax",
    "search",
    "status",
    "verify",
]

_HOMES = {
    "Composition": "crysim.composition",
    "Crystal": "crysim.crystal",
    "QuadraticModel": "crysim.quadratic",
    "bench": "crysim.workflows.bench",
    "hookimpl": "crysim.plugins.specs",
    "read_runs": "crysim.workflows.report",
    "relax": "crysim.workflows.relax",
    "search": "crysim.workflows.search",
    "status": "crysim.workflows.status",
    "verify": "crysim.workflows.verify",
}
"""Where what a person starts with is defined: imported when it is first asked for, so `import crysim` is quick."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'crysim' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
