"""What every plug-in class carries, and the seeds that plug-ins draw from."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

API_VERSION = 1
"""Version of these interfaces; a plug-in may state the one that it was written for as ``api_version``."""


class Plugin:
    """What every plug-in class carries."""

    name: ClassVar[str]
    """What users type: lower case, words joined by hyphens."""
    api_version: ClassVar[int] = API_VERSION
    argument: ClassVar[str | None] = None
    """For names with an argument, ``name:ARGUMENT``: the keyword of ``__init__`` that receives it."""
    extra: ClassVar[str | None] = None
    """The extra of crysim that brings this plug-in's dependencies, or None."""
    local_options: ClassVar[tuple[str, ...]] = ()
    """Options that say where things are on this machine (paths, addresses) and change no result: runs forget them."""

    newer_options: ClassVar[tuple[str, ...]] = ()
    """Options that runs on disk may be older than: written to a run's manifest only where they differ from their
    default, so that such a run goes on."""

    @classmethod
    def unavailable(cls) -> str | None:
        """Why this plug-in cannot run here (a missing extra, no device), in one line; None if it can."""
        return None

    def check(self) -> None:
        """Raise InputError if it cannot start as it was set up (no token); called before any work, once."""


def derive_rng(seed: int, *keys: int | str) -> np.random.Generator:
    """A generator for one purpose: the same seed and keys give the same stream, others an independent one."""
    words = [seed & 0xFFFFFFFF, seed >> 32]
    for key in keys:
        words.extend(key.encode() if isinstance(key, str) else (key & 0xFFFFFFFF,))
        words.append(0x1F)
    return np.random.default_rng(np.random.SeedSequence(words))
