"""The bench: settings to runs, runs within a budget, and their durable records.

``crysim.bench`` is this room, and also what a person calls: ``crysim.bench(["Ca4S4"], ["random"])`` is
`crysim.workflows.bench.bench`. Importing any module of the room puts the room, not the function, at the root, so the
room itself can be called.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A package that can be called."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        return _function()(*arguments, **settings)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(_function())


def _function() -> Any:
    return import_module("crysim.workflows.bench").bench  # above this room, so not known when it is imported


sys.modules[__name__].__class__ = _Room
