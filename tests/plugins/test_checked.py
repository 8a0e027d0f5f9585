"""What holds a plug-in to look at what it says hides nothing of it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from crysim.interfaces import Encoder, EnergyModel, IsingSolver, Strategy, Surrogate
from crysim.plugins import plugin_manager
from crysim.plugins.checked import faults
from crysim.plugins.checked.encoder import CheckedEncoder
from crysim.plugins.checked.energy import CheckedEnergyModel
from crysim.plugins.checked.faults import Checked
from crysim.plugins.checked.solver import CheckedSolver
from crysim.plugins.checked.strategy import CheckedStrategy
from crysim.plugins.checked.surrogate import CheckedSurrogate


@pytest.mark.parametrize(
    "checked", [CheckedEncoder, CheckedEnergyModel, CheckedSolver, CheckedStrategy, CheckedSurrogate]
)
def test_no_default_of_an_interface_hides_what_a_plugin_has_of_its_own(checked: Any) -> None:
    _, interface = checked.__bases__
    members = {name for name, value in vars(interface).items() if not name.startswith("_") and not is_text(value)}
    assert members
    assert members <= {*vars(checked), *vars(Checked)}


def is_text(value: Any) -> bool:
    """Whether it is a setting of the class: those are copied one by one."""
    return not (callable(value) or isinstance(value, property))


def test_what_an_interface_declares_with_a_default_is_the_plugins_own():
    """Else `__getattr__` is not asked, and every plug-in looks like the default."""
    for interface in (Encoder, EnergyModel, IsingSolver, Strategy, Surrogate):
        declared = {
            name
            for cls in interface.__mro__
            for name, value in list(vars(cls).items())
            if name in getattr(cls, "__annotations__", {}) and not inspect.isroutine(value)
        }
        assert declared <= {*faults._OF_A_CLASS}, interface.__name__


def test_an_encoder_that_takes_contents_of_the_primitive_cell_says_so_through_its_checker():
    assert plugin_manager().build("encoder", "crysim", {}).primitive_contents
