"""What the suites of all kinds check of a plug-in."""

from __future__ import annotations

import inspect

from crysim.interfaces import Plugin
from crysim.plugins import option_parameters


def check_name_and_options(plugin: Plugin) -> None:
    """It carries a name that can be typed, and every option a default and an annotation."""
    cls = type(plugin)
    assert cls.name == cls.name.lower()
    assert " " not in cls.name
    for parameter in option_parameters(cls).values():
        if parameter.name != cls.argument:
            assert parameter.default is not parameter.empty, f"option {parameter.name} has no default"
            assert parameter.annotation is not parameter.empty, f"option {parameter.name} has no annotation"
    kinds = {parameter.kind for parameter in inspect.signature(cls.__init__).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds or cls.options_class is not None, (
        "__init__ takes any keyword: declare the options, or name the dataclass that does as options_class"
    )
