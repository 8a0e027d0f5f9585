"""Virtual crystals: some elements of a formula taken for one, whose atoms are their mean.

The virtual-crystal approximation of alloys, of a graph network: an atom of the blend begins with the mean of its
elements' features, as Nam, Peng and Gómez-Bombarelli do it for solid solutions (Nat. Commun. 16, 2025, doi
10.1038/s41467-025-59543-2; there each element sends messages of its own). It says which simple crystal the elements
would share the places of, in that one's small cell; it is no answer of a search, and does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from crysim.composition import SYMBOLS, Composition
from crysim.errors import InputError


@dataclass(frozen=True)
class Blend:
    """Elements that are taken for one.

    Attributes:
        shares: each element and its share of the atoms; the first stands for all of them in virtual crystals.

    Raises:
        InputError: there are fewer than two elements, one is none, or the shares do not add up to one.
    """

    shares: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        total = sum(share for _, share in self.shares)
        known = all(element in SYMBOLS and share > 0 for element, share in self.shares)
        if len(set(self.elements)) < 2 or len(set(self.elements)) < len(self.shares) or not known:
            raise InputError(f"a blend of {self.shares}: two elements or more are wanted, with shares above 0")
        if not isclose(total, 1.0, abs_tol=1e-9):
            raise InputError(f"a blend of {self.shares}: the shares add up to {total:g}, not to 1")

    @classmethod
    def of(cls, composition: Composition, elements: Sequence[str]) -> Blend:
        """Some elements of a composition, by their atoms in it; the first stands for all."""
        counts = composition.amounts
        together = sum(counts[element] for element in elements)
        return cls(tuple((element, counts[element] / together) for element in elements))

    @classmethod
    def from_dict(cls, shares: Mapping[str, float]) -> Blend:
        """What `to_dict` made a mapping of."""
        return cls(tuple(shares.items()))

    def to_dict(self) -> dict[str, float]:
        """The shares by element, in their order."""
        return dict(self.shares)

    @property
    def elements(self) -> tuple[str, ...]:
        """That are taken for one."""
        return tuple(element for element, _ in self.shares)

    def merged(self, composition: Composition) -> Composition:
        """A composition with the blend in the places of its elements."""
        return composition.merged(self.elements)

    def __str__(self) -> str:
        *some, last = self.elements
        return f"{', '.join(some)} and {last}"
