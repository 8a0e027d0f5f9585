"""Crystals of rigid bodies: the units of a low minimum packed anew, as a prior packs atoms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.recipes import PriorRecipe
from crysim.errors import InputError
from crysim_baselines.operators import with_symmetry
from crysim_baselines.portfolio.bodies import oriented, site_symmetry, spread
from crysim_baselines.portfolio.units import LABELS, Body, Units

COMBINATIONS = 24
"""Drawn until bodies fit their sites and keep their distance."""
ORIENTATIONS = 8
"""Of all bodies, tried in one placement."""
TOUCHING = 0.85
"""Of the distance that is kept, between atoms of different bodies: a relaxation turns bodies sooner than it moves them
past each other."""


def packed(
    units: Units, recipe: PriorRecipe, volume: float, closeness: float, rng: np.random.Generator
) -> Crystal | None:
    """A crystal of some bodies; None where the contents hold no whole number of them, or they found no room.

    Args:
        units: what is packed.
        recipe: how atoms of the contents would be drawn; bodies are drawn alike.
        volume: Å³ per cell of the contents.
        closeness: of bodies and their atoms, as a multiple of the distances that the units had.
        rng: the same state gives the same crystal.
    """
    contents = recipe.contents
    reduced = _reduced(units, contents)
    if reduced is None:
        return None
    try:
        generator = replace(recipe, contents=reduced, min_distance=0.0, pair_distances=()).generator
    except InputError:  # bodies fit none of the groups
        return None
    body_of = dict(zip(reduced.elements, units.bodies, strict=True))
    for _ in range(COMBINATIONS):
        number, combination = generator.prior.draw(rng)
        skeleton = generator.place(number, combination, volume, rng, thresholds=closeness * units.spacings)
        if skeleton is None:
            continue
        bodies = [body_of[site.element] for site in skeleton.sites]
        symmetries = [site_symmetry(skeleton, skeleton.frac_coords[i]) for i in skeleton.representatives]
        repeats = skeleton.multiplicities // (skeleton.centring_factor if contents.primitive else 1)
        for _ in range(ORIENTATIONS):
            places = _oriented(bodies, symmetries, rng)
            if places is None:
                break
            lattice, coords, owners = spread(skeleton, places, primitive=contents.primitive)
            species = [e for body, times in zip(bodies, repeats, strict=True) for e in body.species * times]
            if _keep_apart(lattice, coords, species, owners, units, closeness):
                crystal = with_symmetry(contents, lattice, species, coords)
                if contents.held_by(crystal) and crystal.space_group > 1:  # P1 where the cell was no primitive one
                    return crystal
    return None


def _reduced(units: Units, contents: Contents) -> Contents | None:
    """The contents with an element for each kind of body."""
    atoms = Counter[str]()
    for body, count in zip(units.bodies, units.counts, strict=True):
        for element in body.species:
            atoms[element] += count
    times, rest = divmod(contents.num_atoms, atoms.total())
    if rest or not times or any(atoms[e] * times != n for e, n in contents.composition.amounts.items()):
        return None
    labels = iter(label for label in LABELS if label not in atoms)
    names = [body.species[0] if len(body.species) == 1 else next(labels) for body in units.bodies]
    return Contents(Composition(tuple(names), tuple(times * n for n in units.counts)), contents.cell)


def _oriented(bodies: Sequence[Body], symmetries: Sequence[Floats], rng: np.random.Generator) -> list[Floats] | None:
    found = []
    for body, symmetry in zip(bodies, symmetries, strict=True):
        places = oriented(body, symmetry, rng)
        if places is None:
            return None
        found.append(places)
    return found


def _keep_apart(
    lattice: Floats, coords: Floats, species: Sequence[str], owners: Ints, units: Units, closeness: float
) -> bool:
    """Whether atoms of different bodies are as far apart as the units' were, nearly."""
    from crysim.crystal.distances import plane_spacings
    from crysim_baselines.portfolio.body_kernels import keep_apart

    kinds = np.array([units.elements.index(e) for e in species], dtype=np.int64)
    metric = lattice @ lattice.T
    least = TOUCHING * closeness * units.contacts
    return bool(keep_apart(metric, plane_spacings(metric), coords, owners, kinds, least))
