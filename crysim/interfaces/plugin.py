"""What every plug-in class carries, and the seeds that plug-ins draw from."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, ClassVar

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
    argument_optional: ClassVar[bool] = False
    """Whether the name may stand without the argument, which then has a default."""
    extra: ClassVar[str | None] = None
    """The extra of crysim that brings this plug-in's dependencies, or None."""
    module: ClassVar[str | None] = None
    """The module of another package without which this plug-in cannot run, or None."""
    local_options: ClassVar[tuple[str, ...]] = ()
    """Options that say where things are on this machine (paths, addresses) and change no result: runs forget them."""
    options_class: ClassVar[type | None] = None
    """For a class whose ``__init__`` takes ``**options``: the dataclass that declares them with types and defaults."""
    renamed_options: ClassVar[Mapping[str, str]] = {}
    """New names of options by the old ones, which are accepted for one release (`crysim.renamed`)."""
    newer_options: ClassVar[Mapping[str, Any]] = {}
    """Options that the first runs did not have, with the value that those runs had in effect: a run's manifest does
    not say it, so that earlier runs go on."""

    @classmethod
    def unavailable(cls) -> str | None:
        """Why this plug-in cannot run here (a missing extra, no device), in one line; None if it can.

        By default: that `module` is not installed.
        """
        if cls.module is None or find_spec(cls.module):
            return None
        return f"{cls.module.replace('_', '-')} is not installed"

    @classmethod
    def spelled_out(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options, with those spelled out whose default depends on others; by default as they are."""
        return dict(options)

    @classmethod
    def check_from_file(cls, argument: str | None, options: Mapping[str, Any], *, named_there: bool) -> None:
        """Raise InputError if what stands in a file could run a program, or code that is not the plug-in's own.

        A configuration or a manifest may be somebody else's; what a person gives on the command line or in Python is
        not looked at. By default nothing is refused.

        Args:
            argument: of the name, or None.
            options: those of the file.
            named_there: whether the name stands in the file too, and not just options of what the person named.
        """

    def check(self) -> None:
        """Raise InputError if it cannot start as it was set up (no token); called before any work, once."""


def derive_rng(seed: int, *keys: int | str) -> np.random.Generator:
    """A generator for one purpose: the same seed and keys give the same stream, others an independent one."""
    words = [seed & 0xFFFFFFFF, seed >> 32]
    for key in keys:
        words.extend(key.encode() if isinstance(key, str) else (key & 0xFFFFFFFF,))
        words.append(0x1F)
    # of an array numpy makes a generator ten times as fast as of the same words in a list
    entropy = np.array(words, dtype=np.uint32) if 0 <= seed < 1 << 64 else words
    return np.random.default_rng(np.random.SeedSequence(entropy))
