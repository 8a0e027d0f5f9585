"""What holds a plug-in to look at what it says hides nothing of it."""

from __future__ import annotations

from typing import Any

import pytest

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
