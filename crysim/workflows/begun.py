"""What the search in a folder began with: where nothing else is said it goes on so, and is the same search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crysim.harness.journal import find_runs, read_manifest
from crysim.interfaces import Strategy
from crysim.plugins import plugin_manager


def ahead_in(folder: Path, otherwise: int) -> int:
    """Batches under way at a time: one, where a search began before they were asked for ahead."""
    for config in _configs(folder):
        name = config["strategy"]["name"]
        if name in plugin_manager().names("strategy"):
            cls = plugin_manager().get("strategy", name)
            if issubclass(cls, Strategy) and cls.max_ahead > 1:
                return int(config.get("ahead", 1))
    return otherwise


def batch_in(folder: Path, strategy: str, otherwise: int) -> int:
    """Crystals relaxed together at most, in a strategy's runs."""
    found = (config.get("batch") for config in _configs(folder, strategy))
    return next((batch for batch in found if isinstance(batch, int)), otherwise)


def frames_in(folder: Path, strategy: str, otherwise: int) -> int:
    """Frames kept of a trajectory, in a strategy's runs."""
    return next((config["relax"]["num_frames"] for config in _configs(folder, strategy)), otherwise)


def option_in(folder: Path, strategy: str, option: str) -> Any:
    """What an option is in a strategy's runs, where they do not say it too; None if there are none."""
    for config in _configs(folder, strategy):
        newer = plugin_manager().get("strategy", strategy).newer_options
        return config["strategy"].get("options", {}).get(option, newer.get(option))
    return None


def _configs(folder: Path, strategy: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Of a strategy's runs; None: of all."""
    for manifest in filter(None, map(read_manifest, find_runs(folder))):
        config = manifest["config"]
        if strategy is None or config["strategy"]["name"] == strategy:
            yield config
