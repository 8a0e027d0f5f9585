"""Drafts: crystals that a strategy leaves to be drawn where they are relaxed, so that drawing them has all workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from crysim.crystal import Crystal


class Draft(ABC):
    """How a crystal is drawn: a recipe that travels, and is carried out by whatever process relaxes it.

    It can be pickled, is small, and draws the same crystal to the last bit in any process, as often as it is asked: a
    task that is lost is done again. What is expensive and the same for many of them (a distribution that must be
    counted) is kept by the process that draws, by a cache of the module; what they draw must not depend on it.
    """

    @abstractmethod
    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        """The crystal, and what is to be added to the candidate's ``info``.

        An exception is a failed trial, which names the strategy, and stops nothing.
        """


@dataclass(frozen=True)
class Stream:
    """A random generator at one place of its stream, in a form that is small and gives it back as often as wanted.

    Attributes:
        place: of numpy's PCG64: state, increment, whether half a word is left of the last draw, and that half.
    """

    place: tuple[int, int, int, int]

    @classmethod
    def of(cls, rng: np.random.Generator) -> Stream:
        """Where a generator of `derive_rng` is."""
        state: Mapping[str, Any] = rng.bit_generator.state
        words = state["state"]
        return cls((words["state"], words["inc"], state["has_uint32"], state["uinteger"]))

    def generator(self) -> np.random.Generator:
        """A generator that goes on from there."""
        state, increment, has_half, half = self.place
        bits = np.random.PCG64(0)
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": increment},
            "has_uint32": has_half,
            "uinteger": half,
        }
        return np.random.Generator(bits)
