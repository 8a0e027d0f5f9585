"""Known structure types, made once for tests that ask for the same ones again and again."""

from __future__ import annotations

from typing import Any

import pytest

from crysim.composition import Composition
from crysim.crystal import prototypes
from crysim.crystal.fillings import Filling
from crysim.crystal.prototypes import Prototype

_made: dict[Any, Prototype] = {}
_make = prototypes.filled


def _made_once(filling: Filling, unit: Composition) -> Prototype:
    key = (filling.template.label, filling.places, filling.orbits, unit)
    if key not in _made:
        _made[key] = _make(filling, unit)
    return _made[key]


@pytest.fixture
def fillings_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A formula in a type of the library takes a tenth of a second; that it is always the same, others test."""
    monkeypatch.setattr(prototypes, "filled", _made_once)
