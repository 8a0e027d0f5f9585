"""Configurations of runs that were written before a name changed, in the names of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crysim.declared import renamed
from crysim.errors import CrysimError
from crysim.harness.spec import RunSettings
from crysim.plugins import Kind, plugin_manager
from crysim.renamed import with_current_names


def current_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration (`RunSpec.config`) by the current names of its keys and of its plug-ins' options.

    The options of a plug-in that is not installed stay as they are.
    """
    found = with_current_names(config, renamed(RunSettings), "key of a manifest", quietly=True)
    for kind in ("strategy", "energy"):
        if kind in found:
            found[kind] = _current_part(kind, found[kind])
    if "parts" in found:
        found["parts"] = {kind: _current_part(kind, part) for kind, part in found["parts"].items()}
    return found


def _current_part(kind: Kind, part: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        names = plugin_manager().get(kind, part["name"]).renamed_options
    except CrysimError:
        return part
    options = with_current_names(part["options"], names, f"option of {kind} '{part['name']}'", quietly=True)
    return {**part, "options": options}
