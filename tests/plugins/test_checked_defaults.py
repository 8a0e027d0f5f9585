"""What stands between plug-ins and the core hides nothing that a plug-in says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from crysim.interfaces import Encoder, EnergyModel, IsingSolver, Surrogate
from crysim.plugins import plugin_manager
from crysim.plugins.checked import checked


@pytest.mark.parametrize(
    ("kind", "interface", "name", "value"),
    [
        ("encoder", Encoder, "primitive_contents", True),
        ("surrogate", Surrogate, "tuning_space", {"rank": [1]}),
        ("solver", IsingSolver, "remote", True),
        ("energy", EnergyModel, "cutoff", 4.5),
        ("energy", EnergyModel, "elements", frozenset({"Si"})),
        ("energy", EnergyModel, "extra", "own"),
    ],
)
def test_no_default_of_an_interface_hides_what_a_plugin_has_of_its_own(
    kind: Any, interface: type, name: str, value: Any
) -> None:
    """Else every plug-in would look like the default."""
    members = dict.fromkeys(interface.__abstractmethods__)  # type: ignore[attr-defined]
    plugin = type("Own", (interface,), {**members, "name": "own", name: value})()
    assert getattr(interface, name) != value
    assert getattr(checked(kind, plugin), name) == value


def test_an_encoder_that_takes_contents_of_the_primitive_cell_says_so_through_its_checker() -> None:
    assert plugin_manager().build("encoder", "crysim", {}).primitive_contents


def test_a_warm_up_is_the_models_own() -> None:
    warmed: list[int] = []
    members = dict.fromkeys(EnergyModel.__abstractmethods__)  # type: ignore[attr-defined]
    model = type("Own", (EnergyModel,), {**members, "name": "own", "warm_up": lambda self: warmed.append(1)})()
    checked("energy", model).warm_up()
    assert warmed
