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
    # A plug-in without options needs no __init__, and object's takes anything only by its signature.
    made_by = [] if cls.__init__ is object.__init__ else inspect.signature(cls.__init__).parameters.values()
    kinds = {parameter.kind for parameter in made_by}
    assert inspect.Parameter.VAR_KEYWORD not in kinds or cls.options_class is not None, (
        "__init__ takes any keyword: declare the options, or name the dataclass that does as options_class"
    )
