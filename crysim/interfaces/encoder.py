"""Encoders: crystals of one composition to bit vectors and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from crysim.arrays import Bits
from crysim.interfaces.plugin import Plugin
from crysim.quadratic import BitGroup

if TYPE_CHECKING:
    from crysim.composition import Contents
    from crysim.crystal import Crystal


class Encoder(Plugin, ABC):
    """Crystals of one composition to bit vectors and back.

    Order of calls: ``__init__(**options)``, `fit` once on the initial crystals, then `encode` and `decode`.

    The smallest one keeps which of the initial crystals it is nearest to in volume, and nothing else:

    >>> import numpy as np
    >>> from crysim.composition import Composition
    >>> from crysim.crystal.generation import RandomGenerator
    >>> from crysim.interfaces import Encoder
    >>> from crysim.quadratic import BitGroup
    >>> class ByVolume(Encoder):
    ...     name = "by-volume"
    ...
    ...     def fit(self, crystals):
    ...         self._known = list(crystals)
    ...         self._volumes = np.array([crystal.volume for crystal in crystals])
    ...
    ...     @property
    ...     def groups(self):
    ...         return (BitGroup("which", 0, self.num_bits),)
    ...
    ...     @property
    ...     def num_bits(self):
    ...         return len(self._known)
    ...
    ...     def encode(self, crystals):
    ...         bits = np.zeros((len(crystals), self.num_bits), dtype=np.bool_)
    ...         for row, crystal in zip(bits, crystals, strict=True):
    ...             row[np.argmin(abs(self._volumes - crystal.volume))] = True
    ...         return bits
    ...
    ...     def decode(self, bits, rng):
    ...         return [self._known[int(np.argmax(bits))]]
    >>> crystals = RandomGenerator(Composition.from_formula("NaCl"), [225, 221]).sample(5, np.random.default_rng(0))
    >>> encoder = ByVolume()
    >>> encoder.fit(crystals)
    >>> vectors = encoder.encode(crystals)
    >>> vectors.shape, encoder.decode(vectors[3], np.random.default_rng(0)) == [crystals[3]]
    ((5, 5), True)
    """

    primitive_contents: ClassVar[bool] = False
    """Whether `fit` takes a second argument, the contents of a primitive cell; else only conventional cells are
    searched with this encoder."""

    @abstractmethod
    def fit(self, crystals: Sequence[Crystal], contents: Contents | None = None) -> None:
        """Learn the bounds (and with them the number of bits) from the initial crystals.

        Args:
            crystals: all with the same contents.
            contents: what they hold; None: their one composition. Given only where ``primitive_contents`` says that
                contents of the primitive cell are understood.
        """

    @property
    @abstractmethod
    def groups(self) -> tuple[BitGroup, ...]:
        """The segments of a vector with their counts of ones; valid after `fit`."""

    @property
    @abstractmethod
    def num_bits(self) -> int:
        """M, the length of a vector; valid after `fit`."""

    @abstractmethod
    def encode(self, crystals: Sequence[Crystal]) -> Bits:
        """Bit vectors ``[len(crystals), M]``."""

    @abstractmethod
    def decode(self, bits: Bits, rng: np.random.Generator) -> list[Crystal]:
        """The crystals that one vector ``[M]`` stands for, at least one; the strategy chooses among them.

        The first is the one that the vector names most directly.
        """
