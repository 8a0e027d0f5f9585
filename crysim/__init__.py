"""Crystal structure prediction by plug-ins, and the comparison of the strategies that do it."""

from __future__ import annotations

from crysim.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = ["__version__", "hookimpl"]
