"""What stands between plug-ins and the core hides nothing that a plug-in says of itself."""

import inspect

from crysim.interfaces import Encoder, EnergyModel, IsingSolver, Strategy, Surrogate
from crysim.plugins.checked import faults


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
    from crysim.plugins import plugin_manager

    assert plugin_manager().build("encoder", "crysim", {}).primitive_contents
