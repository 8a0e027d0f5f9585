"""Random crystals of a formula with alike elements taken for one, and these then put in an order on its places.

Where two elements share the places of a simple crystal, as lithium and titanium those of spinel in Li4Ti5O12, the
crystal has many sites and its combination is hardly ever drawn; without the order it is one of few sites in a smaller
cell, which a prior draws soon. This is what `crysim_baselines.portfolio.orderings` does on the places of known types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.mixed_types import likely_mixtures
from crysim.crystal.recipes import PriorRecipe
from crysim.errors import InputError
from crysim_baselines.portfolio.derivative import centrings, parted
from crysim_baselines.portfolio.orders import SUPERCELLS, ordered, parent_of
from crysim_baselines.portfolio.subgroups import primitive_atoms, symmetry
from crysim_baselines.portfolio.supercells import distinct_supercells

MOST_ATOMS = 64
"""Of a cell: in larger ones an order costs more than its relaxation, by its combinations and its charges' energy."""
CLOSE = 4 / 3**1.5
"""Å³ per atom over the cube of the shortest distance, in body-centred cubic: nothing but a close packing is denser."""
TRIES = 4
"""Centrings of a conventional cell that are drawn until the order has the one drawn."""


def has_alike(contents: Contents) -> bool:
    """Whether some elements of the contents may share places, in a cell that is not too large."""
    return contents.num_atoms <= MOST_ATOMS and bool(likely_mixtures(contents.composition.reduced))


def ordered_draw(
    recipe: PriorRecipe, volume: float, thresholds: Floats, wanted: Floats, rng: np.random.Generator
) -> Crystal | None:
    """An order of alike elements on the places of a random crystal; None where the draw gives none.

    None too where they are so many that they would lie closer than a place of each allows: yttrium and cobalt in
    Y6Co51, whose draws took ten times as long as a relaxation, and ended at one and a half times the volume.

    Args:
        recipe: how atoms of the contents would be drawn; those of the merged formula are drawn alike.
        volume: Å³ per cell of the contents.
        thresholds: Å ``[elements, elements]``, distances that the atoms keep in any order.
        wanted: Å ``[elements, elements]``, distances that they are to keep: of alike elements the shortest of theirs.
        rng: the same state gives the same crystal.
    """
    contents = recipe.contents
    if contents.primitive:
        return _ordered_draw(recipe, volume, thresholds, wanted, rng)
    factors = centrings(contents)
    for _ in range(TRIES):
        factor = int(rng.choice(factors))
        part = replace(recipe, contents=parted(contents, factor))
        found = _ordered_draw(part, volume / factor, thresholds, wanted, rng)
        if found is not None and contents.held_by(found):
            return found
    return None


def _ordered_draw(
    recipe: PriorRecipe, volume: float, thresholds: Floats, wanted: Floats, rng: np.random.Generator
) -> Crystal | None:
    contents = recipe.contents
    mixtures = likely_mixtures(contents.composition.reduced)
    elements = list(mixtures)[int(rng.choice(len(mixtures), p=list(mixtures.values())))]
    whole = contents.composition.merged(elements)
    parts = [n for n in range(1, whole.num_formula_units + 1) if whole.num_formula_units % n == 0]
    times = parts[int(rng.integers(len(parts)))]
    cell = parted(Contents(whole), times)
    few = replace(recipe, contents=cell, min_distance=0.0, pair_distances=())
    shared = {elements[0]: elements}  # the places of the contents' elements that one of the merged formula stands for
    among = [[contents.elements.index(e) for e in shared.get(one, (one,))] for one in whole.elements]
    kept = np.maximum(_of_pairs(np.max, thresholds, among), _of_pairs(np.min, wanted, among))
    place = whole.elements.index(elements[0])
    if whole.counts[place] * CLOSE * kept[place, place] ** 3 > volume:
        return None  # the larger of them would have no room in the place of the smaller
    try:
        drawn = few.generator.draw(rng, volume / times, thresholds=kept)
    except InputError:  # the merged formula fits none of the groups
        return None
    atoms = primitive_atoms(drawn)
    rotations = np.array([operation.rotation for operation in symmetry(atoms, ())])
    matrices = distinct_supercells(rotations, times, SUPERCELLS) if len(rotations) else []
    if not matrices:
        return None
    parent = parent_of(atoms, matrices[int(rng.integers(len(matrices)))], elements, contents)
    found = None if parent is None else ordered([parent], (), rng)
    return None if found is None else found[0]


def _of_pairs(which: Callable[[Floats], float], distances: Floats, among: Sequence[Sequence[int]]) -> Floats:
    """Å, one of the distances of each pair of elements of the merged formula."""
    return np.array([[which(distances[np.ix_(first, second)]) for second in among] for first in among])
