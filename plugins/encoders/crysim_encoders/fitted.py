"""What encoders share whose layout of bits is settled by the crystals that they are fitted to."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from crysim.errors import InputError
from crysim.interfaces import Encoder
from crysim.quadratic import BitGroup


class HasGroups(Protocol):
    """A layout, as far as it matters here."""

    @property
    def groups(self) -> tuple[BitGroup, ...]:
        """The segments of a vector with their counts of ones."""


L = TypeVar("L", bound=HasGroups)


class FittedEncoder(Encoder, Generic[L]):
    """An encoder with a layout; `fit` sets it."""

    def __init__(self) -> None:
        self._layout: L | None = None

    @property
    def layout(self) -> L:
        """Where every segment stands and what its bits mean; valid after `fit`."""
        if self._layout is None:
            raise InputError("the encoder has not been fitted to crystals yet")
        return self._layout

    @property
    def groups(self) -> tuple[BitGroup, ...]:
        """The segments of a vector with their counts of ones."""
        return self.layout.groups

    @property
    def num_bits(self) -> int:
        """M, the length of a vector."""
        return self.groups[-1].stop
