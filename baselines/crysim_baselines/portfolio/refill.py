"""Some of a crystal's atoms taken out and put back on other positions of its space group.

Where a group offers many Wyckoff combinations, one of millions is drawn at random hardly ever; but a crystal that has
most of its atoms right is low in energy, and so is found on the way. This is the large neighbourhood search of discrete
optimisation ("ruin and recreate"): what stays keeps its place, what was taken out is filled in anew, on any combination
of positions that holds it, where it keeps its distance.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.min_distances import POINTS
from crysim.crystal.packing import place_sites
from crysim.crystal.prior import SITE_PRICE, Prior

COMBINATIONS = 12
"""Combinations of what was taken out that are tried."""
MOST_OUT = 0.6
"""Of the atoms, at most, are taken out, unless one site alone holds more."""


def refilled(crystal: Crystal, thresholds: Floats, rng: np.random.Generator, few_sites: float) -> Crystal | None:
    """The crystal with some of its sites filled in anew; None where that failed, or took none out.

    Args:
        crystal: whose other sites stay.
        thresholds: Å ``[elements, elements]``, in the order of its composition.
        rng: the same state gives the same crystal.
        few_sites: probability with which what is filled in has a price on each of its sites.
    """
    out = _taken_out(crystal, rng)
    stays = [i for i in range(len(crystal.sites)) if i not in out]
    elements = crystal.composition.elements
    counts = {e: sum(crystal.multiplicities[i] for i in out if crystal.sites[i].element == e) for e in elements}
    lacking = Composition(tuple(e for e in elements if counts[e]), tuple(n for n in counts.values() if n))
    prior = _prior(lacking, crystal.space_group, SITE_PRICE if rng.random() < few_sites else 0)
    fixed = {crystal.sites[i].position for i in stays if not crystal.sites[i].free}
    before = sorted((crystal.sites[i].element, crystal.sites[i].position) for i in out)
    for _ in range(COMBINATIONS):
        _, combination = prior.draw(rng)
        new = [(e, i) for e, indices in zip(lacking.elements, combination, strict=True) for i in indices]
        if fixed.intersection(i for _, i in new) or (sorted(new) == before and not _is_free(crystal, new)):
            continue
        made = _with(crystal, stays, new, thresholds, rng)
        if made is not None:
            return made
    return None


def _taken_out(crystal: Crystal, rng: np.random.Generator) -> set[int]:
    """Sites at random, one after another, up to a share of the atoms that is drawn."""
    most = rng.uniform(0.0, MOST_OUT) * crystal.num_atoms
    out: set[int] = set()
    held = 0
    for site in rng.permutation(len(crystal.sites)):
        if out and held + crystal.multiplicities[site] > most:
            continue
        out.add(int(site))
        held += crystal.multiplicities[site]
    return out


@lru_cache(maxsize=4096)
def _prior(lacking: Composition, number: int, site_price: int) -> Prior:
    return Prior(lacking, [number], site_price=site_price)


def _is_free(crystal: Crystal, sites: list[tuple[str, int]]) -> bool:
    return any(crystal.group.positions[i].dof for _, i in sites)


def _with(
    crystal: Crystal, stays: list[int], new: list[tuple[str, int]], thresholds: Floats, rng: np.random.Generator
) -> Crystal | None:
    """Some sites of a crystal and new ones, where these keep their distance."""
    from crysim.crystal.placement import place_one_by_one

    group, elements = crystal.group, crystal.composition.elements
    names = [(crystal.sites[i].element, crystal.sites[i].position) for i in stays] + new
    positions = np.array([i for _, i in names], dtype=np.int64)
    kinds = np.array([elements.index(e) for e, _ in names], dtype=np.int64)
    tried = rng.random((len(names), POINTS, 3))
    tried[: len(stays)] = crystal.frac_coords[crystal.representatives][stays][:, None]
    freedom = np.array([group.positions[i].dof for i in positions[len(stays) :]])
    order = np.concatenate([np.arange(len(stays)), len(stays) + np.argsort(freedom, kind="stable")])
    cell = np.array(crystal.cell)
    points, complete = place_one_by_one(cell, positions, kinds, order, tried, *group.flat_positions, thresholds)
    if not complete:
        return None
    return place_sites(crystal.composition, crystal.space_group, positions, kinds, cell, points)
