"""A run's manifest: everything that its trials depend on, and nothing that a machine or a day changes."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from crysim import __version__
from crysim.declared import declared
from crysim.harness.spec import NEWER, RunSettings, RunSpec
from crysim.plugins import KINDS, plugin_manager

FORMAT = 1
"""Version of the files in a run's folder."""
BUDGETS = ("budget", "budget_evaluations", "budget_seconds")
"""Keys of the configuration that say how long a run goes on, and change none of its trials."""
ABSENT = "absent"
"""Stands for the value of a key that one of two manifests does not have."""


def make_manifest(spec: RunSpec, fingerprint: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of a run.

    Returns:
        ``format``; ``config`` (`RunSpec.config`); ``fingerprint`` of the energy model (weights' hash included);
        ``run``, with which its journal begins; ``versions`` (`software`) with which it was begun.
    """
    config = spec.config()
    return {
        "format": FORMAT,
        "run": run_identity(config, fingerprint),
        "config": config,
        "fingerprint": dict(fingerprint),
        "versions": software(spec),
    }


def software(spec: RunSpec) -> dict[str, str]:
    """Versions of Python, crysim, numpy, torch and of the distribution of each plug-in that a run uses."""
    return {**_versions(), **_plugin_versions(spec)}


def run_identity(config: Mapping[str, Any], fingerprint: Mapping[str, str]) -> str:
    """A hash of what the trials of a run depend on."""
    what = [{key: value for key, value in config.items() if key not in BUDGETS}, dict(fingerprint)]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def run_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first key at which two manifests tell of other trials, with both values there.

    A budget, and the software's versions, may differ.
    """

    def compared(manifest: Mapping[str, Any]) -> dict[str, Any]:
        config = {key: value for key, value in manifest["config"].items() if key not in BUDGETS}
        kept = {key: manifest[key] for key in ("format", "fingerprint") if key in manifest}
        return {"format": kept.get("format"), "config": config, "fingerprint": kept.get("fingerprint")}

    return first_difference(compared(old), compared(new))


def first_difference(old: Any, new: Any, key: str = "") -> tuple[str, Any, Any] | None:
    """The first key, such as ``config.relax.fmax``, at which two JSON values differ, with both values there."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(n for n in new if n not in old)]:
            path = f"{key}.{name}" if key else str(name)
            if name not in old or name not in new:
                return path, old.get(name, ABSENT), new.get(name, ABSENT)
            found = first_difference(old[name], new[name], path)
            if found:
                return found
        return None
    return None if old == new else (key, old, new)


def unsaid(config: Mapping[str, Any], key: str) -> Any:
    """What a setting, or a plug-in's option (``config.energy.options.optimizer``) is in runs that do not say it.

    `ABSENT` where it is none that manifests leave out.
    """
    *path, table, option = key.split(".")
    if not path and option in NEWER:
        return next(one.default for one in declared(RunSettings) if one.name == option)
    part: Any = {"config": config}
    for name in path:
        part = part.get(name, {}) if isinstance(part, Mapping) else {}
    if table != "options" or not isinstance(part, Mapping) or "name" not in part or path[-1] not in KINDS:
        return ABSENT
    kind: Any = path[-1]
    return plugin_manager().get(kind, part["name"]).newer_options.get(option, ABSENT)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "crysim": __version__}
    for name in ("numpy", "torch"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions


def _plugin_versions(spec: RunSpec) -> dict[str, str]:
    used = {("strategy", spec.strategy.name), ("energy", spec.energy.name)}
    used |= {(kind, part.name) for kind, part in spec.parts.items()}
    bases = {(kind, name.partition(":")[0]) for kind, name in used}
    return {
        f"{info.kind} {info.name}": f"{info.distribution} {info.version}"
        for info in plugin_manager().infos()
        if (info.kind, info.name.partition(":")[0]) in bases
    }
