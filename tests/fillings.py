"""Known structure types, made once for tests that ask for the same ones again and again."""

from __future__ import annotations

from typing import Any

import pytest

from crysim.composition import Composition
from crysim.crystal import prototypes
from crysim.crystal.prototypes import Prototype

_made: dict[Any, Prototype] = {}
_make = prototypes._Filling.make


def _made_once(self: prototypes._Filling, unit: Composition) -> Prototype:
    key = (self.template.label, tuple(self.places.items()), self.units, unit)
    if key not in _made:
        _made[key] = _make(self, unit)
    return _made[key]


@pytest.fixture
def fillings_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A formula in a type of the library takes a tenth of a second; that it is always the same, others test."""
    monkeypatch.setattr(prototypes._Filling, "make", _made_once)
