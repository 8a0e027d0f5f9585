"""Finds, lists and builds plug-ins: `specs` has the hooks that they implement, `manager` what loads them."""

from crysim.plugins.manager import (
    GROUP,
    HOOKS,
    KINDS,
    Kind,
    PluginInfo,
    PluginManager,
    check_options,
    current_options,
    default_options,
    known_options,
    option_parameters,
    plugin_manager,
)

__all__ = [
    "GROUP",
    "HOOKS",
    "KINDS",
    "Kind",
    "PluginInfo",
    "PluginManager",
    "check_options",
    "current_options",
    "default_options",
    "known_options",
    "option_parameters",
    "plugin_manager",
]
