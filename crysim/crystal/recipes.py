"""Generators by what they are made of: equal recipes share one generator in a process, which counts once.

A recipe is small and can be pickled, where the generator that it stands for holds what was counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from crysim.composition import Contents
from crysim.crystal.min_distances import MinDistances
from crysim.crystal.prior import FREQUENCY, MIN_RATIO, PLACEMENTS, SIMPLICITY, Prior, PriorGenerator

KEPT = 32
"""Generators that a process keeps: those of the contents that are searched at a time."""


@dataclass(frozen=True, kw_only=True)
class PriorRecipe:
    """What a `PriorGenerator` is made of; see there, and `Prior`.

    Attributes:
        min_distance: Å; of the default by size, which is larger than some bonds, nothing is kept.
        pair_distances: Å, as pairs ``("Ca-O", 2.0)``.
    """

    contents: Contents
    space_groups: tuple[int, ...] | None = None
    min_distance: float = 0.0
    pair_distances: tuple[tuple[str, float], ...] = ()
    frequency: float = FREQUENCY
    simplicity: float = SIMPLICITY
    price_of_many: float = 0.0
    site_price: int = 0
    placements: int = PLACEMENTS
    min_ratio: float = MIN_RATIO

    @classmethod
    def of(
        cls,
        contents: Contents,
        space_groups: Sequence[int] | None,
        min_distance: float | None,
        pair_distances: Mapping[str, float],
    ) -> PriorRecipe:
        """With the settings of a problem, and the default strengths."""
        pairs = tuple(pair_distances.items())  # in their order: a pair that is named twice has its last distance
        groups = None if space_groups is None else tuple(space_groups)
        return cls(contents=contents, space_groups=groups, min_distance=min_distance or 0.0, pair_distances=pairs)

    @property
    def generator(self) -> PriorGenerator:
        """The generator.

        Raises:
            InputError: the contents fit none of the groups, or a strength is negative.
        """
        return _generator(self)


@lru_cache(maxsize=KEPT)
def _generator(recipe: PriorRecipe) -> PriorGenerator:
    prior = Prior(
        recipe.contents,
        recipe.space_groups,
        frequency=recipe.frequency,
        simplicity=recipe.simplicity,
        price_of_many=recipe.price_of_many,
        site_price=recipe.site_price,
    )
    distances = MinDistances(recipe.contents.composition, recipe.min_distance, dict(recipe.pair_distances))
    return PriorGenerator(prior, distances, placements=recipe.placements, min_ratio=recipe.min_ratio)
