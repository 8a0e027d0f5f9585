"""Elements put anew on atoms that some of them share: which may share, and how they are put there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from math import exp

import numpy as np

from crysim.arrays import Ints
from crysim.composition.elements import electronegativity

ALIKE = 0.5
"""Difference of Pauling's electronegativities of two elements that makes it less likely, by a factor of e, that they
change places."""


@cache
def likely_pairs(elements: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """How likely two elements are to change places: where both attract electrons alike."""
    found = {}
    for first, second in combinations(elements, 2):
        values = electronegativity(first), electronegativity(second)
        apart = abs(values[0] - values[1]) if values[0] and values[1] else 0.0
        found[first, second] = exp(-apart / ALIKE)
    total = sum(found.values())
    return {pair: weight / total for pair, weight in found.items()}


def coloured(
    species: Sequence[str],
    mixed: Sequence[str],
    orbit: Ints,
    rng: np.random.Generator,
    whole: Ints | None = None,
) -> tuple[str, ...] | None:
    """Some elements put at random on the orbits of their atoms, each as often as before; None where that is not so.

    Args:
        species: of each atom.
        mixed: the elements that are put anew.
        orbit: the first atom of the orbit of each ``[n]``.
        rng: the same state gives the same elements.
        whole: orbits of a supergroup ``[n]``, one of which one of the elements is to have for itself; None: of none.
    """
    places = [i for i, element in enumerate(species) if element in mixed]
    counts = {element: list(species).count(element) for element in mixed}
    found = list(species)
    if whole is not None and (taken := _alone(_grouped(places, whole), counts, rng)) is not None:
        some, element = taken
        counts[element] -= len(some)
        for i in some:
            found[i] = element
        places = [i for i in places if i not in some]
    orbits = _grouped(places, orbit)
    left = [orbits[i] for i in rng.permutation(len(orbits))]
    for element in mixed[:-1]:
        chosen = _with_sum([len(one) for one in left], counts[element])
        if chosen is None:
            return None
        for k in chosen:
            for i in left[k]:
                found[i] = element
        left = [one for k, one in enumerate(left) if k not in chosen]
    for one in left:
        for i in one:
            found[i] = mixed[-1]
    return None if found == list(species) else tuple(found)


def _grouped(places: Sequence[int], orbit: Ints) -> list[list[int]]:
    """Places by their orbits."""
    orbits: dict[int, list[int]] = {}
    for i in places:
        orbits.setdefault(int(orbit[i]), []).append(i)
    return list(orbits.values())


def _alone(
    orbits: Sequence[list[int]], counts: Mapping[str, int], rng: np.random.Generator
) -> tuple[list[int], str] | None:
    """One of several orbits, and an element that has atoms enough for it; None where there is none."""
    ways = [(one, element) for one in orbits for element, n in counts.items() if len(one) <= n]
    return ways[int(rng.integers(len(ways)))] if len(orbits) > 1 and ways else None


def _with_sum(sizes: Sequence[int], wanted: int) -> list[int] | None:
    """Some of the sizes that add up to a number, the first ones that do; None where none do."""
    reach: list[set[int]] = [{0}]  # by the last so many of them
    for size in reversed(sizes):
        reach.append(reach[-1] | {one + size for one in reach[-1]})
    if wanted not in reach[-1]:
        return None
    chosen = []
    for i, size in enumerate(sizes):
        if wanted - size >= 0 and wanted - size in reach[len(sizes) - 1 - i]:
            chosen.append(i)
            wanted -= size
    return chosen
