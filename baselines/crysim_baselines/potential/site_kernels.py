"""Monte Carlo moves of whole Wyckoff sites in a sum over pairs, in machine code.

A move takes a site to another position of its size, or lets two elements change places: what a random combination of
positions got wrong, no descent can mend. A place is chosen among several random ones by their Boltzmann factors (as in
configurational-bias Monte Carlo: Siepmann and Frenkel, Mol. Phys. 75, 59, 1992). It is a search: how many positions
there are of a kind is not balanced.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import NamedTuple

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.placement import put_images
from crysim_baselines.potential.kernels import MOST_IMAGES, images_within, invert, widths_of, write_vectors

EXCHANGED = 0.15
"""Share of the moves that exchange elements; all others relocate a site."""


class Positions(NamedTuple):
    """Of a space group: `SpaceGroup.flat_positions`, and how many coordinates each position leaves free."""

    maps: Floats
    offsets: Floats
    starts: Ints
    freedom: Ints


class Pairs(NamedTuple):
    """Energies of pairs, eV every ``step`` Å ``[elements, elements, points]``, in a cell: lattice (rows, Å), the
    cutoff, in Å and in fractions of the cell ``[3]``, and room for the vectors to all images of an atom within it."""

    energies: Floats
    step: float
    lattice: Floats
    cutoff: float
    widths: Floats
    vectors: Floats


class Sites(NamedTuple):
    """Positions, elements and sizes ``[n]``, points ``[n, 3]`` and atoms ``[n, most, 3]``, fractional."""

    positions: Ints
    kinds: Ints
    sizes: Ints
    points: Floats
    coords: Floats


class Places(NamedTuple):
    """Where a site may go: positions ``[n]``, points ``[n, 3]``, atoms ``[n, most, 3]``, and the energies there, eV per
    atom of the site ``[n]``."""

    positions: Ints
    points: Floats
    coords: Floats
    energies: Floats


@compiled
def _sum_over(centre: Floats, coords: Floats, size: int, one: int, other: int, pairs: Pairs) -> float:
    """eV of the pairs of an atom of element ``one`` with atoms of element ``other``, the first ``size``, and their
    images."""
    vectors, energies = pairs.vectors, pairs.energies[one, other]
    total = 0.0
    for atom in range(size):
        count = write_vectors(centre, coords[atom], pairs.lattice, pairs.widths, pairs.cutoff, vectors, 0)
        for image in range(count):
            x, y, z = vectors[image, 0], vectors[image, 1], vectors[image, 2]
            length = sqrt(x * x + y * y + z * z) / pairs.step
            place = int(length)
            part = length - place
            total += energies[place] * (1.0 - part) + energies[place + 1] * part
    return total


@compiled
def energy_of(coords: Floats, size: int, kind: int, sites: Sites, without: int, nor: int, pairs: Pairs) -> float:
    """eV per atom of a site with atoms ``coords`` of an element: half of its pairs with itself, and those with all
    sites but two."""
    total = 0.5 * _sum_over(coords[0], coords, size, kind, kind, pairs)
    for site in range(len(sites.sizes)):
        if site != without and site != nor:
            total += _sum_over(coords[0], sites.coords[site], sites.sizes[site], kind, sites.kinds[site], pairs)
    return total


@compiled
def _is_taken(position: int, sites: Sites, group: Positions) -> bool:
    """Whether a position holds no more: it has no free coordinate, and a site is on it."""
    if group.freedom[position] == 0:
        for taken in sites.positions:
            if taken == position:
                return True
    return False


@compiled
def _find_places(
    site: int, places: Places, sites: Sites, group: Positions, pairs: Pairs, rng: np.random.Generator
) -> None:
    """Write places for a site: where it is, and random ones on positions of its size."""
    size, kind = sites.sizes[site], sites.kinds[site]
    free = np.empty(len(group.freedom) + 1, dtype=np.int64)
    number = 0
    for position in range(len(group.freedom)):
        if group.starts[position + 1] - group.starts[position] == size and not _is_taken(position, sites, group):
            free[number] = position
            number += 1
    places.positions[:] = sites.positions[site]
    places.points[0] = sites.points[site]
    places.coords[0, :size] = sites.coords[site, :size]
    places.energies[:] = np.inf
    for place in range(len(places.positions)):
        if place > 0:
            if number == 0:
                return
            position = free[int(rng.random() * number)]
            start = group.starts[position]
            places.positions[place] = position
            for axis in range(3):
                places.points[place, axis] = rng.random()
            put_images(places.coords[place, :size], places.points[place], group.maps[start:], group.offsets[start:])
        places.energies[place] = energy_of(places.coords[place], size, kind, sites, site, -1, pairs)


@compiled
def _choose(energies: Floats, temperature: float, rng: np.random.Generator) -> int:
    """One of several by their Boltzmann factors; ``temperature`` in their unit."""
    factors = np.exp((energies.min() - energies) / temperature)
    left = rng.random() * factors.sum()
    for number in range(len(factors)):
        left -= factors[number]
        if left <= 0.0:
            return number
    return len(factors) - 1


@compiled
def _relocate(
    site: int,
    places: Places,
    sites: Sites,
    group: Positions,
    pairs: Pairs,
    temperature: float,
    rng: np.random.Generator,
) -> None:
    """Take a site to one of several places, or leave it."""
    _find_places(site, places, sites, group, pairs, rng)
    chosen = _choose(places.energies, temperature, rng)
    sites.positions[site] = places.positions[chosen]
    sites.points[site] = places.points[chosen]
    sites.coords[site] = places.coords[chosen]


@compiled
def _energy_of_two(one: int, two: int, sites: Sites, pairs: Pairs) -> float:
    """eV per atom of two sites of one size, their pairs with each other counted once."""
    size = sites.sizes[one]
    return energy_of(sites.coords[one], size, sites.kinds[one], sites, one, -1, pairs) + energy_of(
        sites.coords[two], size, sites.kinds[two], sites, one, two, pairs
    )


@compiled
def _exchange(one: int, two: int, sites: Sites, pairs: Pairs, temperature: float, rng: np.random.Generator) -> None:
    """Let the elements of two sites of one size change places, or not (Metropolis)."""
    kind, other = sites.kinds[one], sites.kinds[two]
    if kind == other or sites.sizes[one] != sites.sizes[two]:
        return
    before = _energy_of_two(one, two, sites, pairs)
    sites.kinds[one], sites.kinds[two] = other, kind
    change = _energy_of_two(one, two, sites, pairs) - before
    if change > 0.0 and rng.random() > exp(-change / temperature):
        sites.kinds[one], sites.kinds[two] = kind, other


@compiled
def move_sites(
    lattice: Floats,
    points: Floats,
    positions: Ints,
    kinds: Ints,
    group: Positions,
    energies: Floats,
    step: float,
    cutoff: float,
    moves: int,
    tries: int,
    temperature: float,
    rng: np.random.Generator,
) -> tuple[Floats, Ints, Ints]:
    """Move sites of a crystal, its cell and the numbers of its atoms kept.

    Args:
        lattice: rows, Å ``[3, 3]``.
        points, positions, kinds: of the sites, fractional ``[sites, 3]``; index of the position and of the element.
        group: whose positions these are.
        energies, step, cutoff: of pairs, see `Pairs`.
        moves: that are tried.
        tries: places, besides the present one, that one is chosen among.
        temperature: eV per atom of what is moved.
        rng: moves on.

    Returns:
        Points, positions and elements of the sites then; as they were in a cell that is far too flat.
    """
    inverse = np.empty((3, 3))
    invert(lattice, inverse)
    widths = widths_of(inverse, cutoff)
    images = images_within(widths)
    if not images <= MOST_IMAGES:
        return points.copy(), positions.copy(), kinds.copy()
    pairs = Pairs(energies, step, lattice, cutoff, widths, np.empty((int(images), 3)))
    count, most = len(points), 0
    for position in positions:
        most = max(most, group.starts[position + 1] - group.starts[position])
    sites = Sites(
        positions.copy(), kinds.copy(), np.zeros(count, dtype=np.int64), points.copy(), np.zeros((count, most, 3))
    )
    for site in range(count):
        start = group.starts[positions[site]]
        size = group.starts[positions[site] + 1] - start
        sites.sizes[site] = size
        put_images(sites.coords[site, :size], points[site], group.maps[start:], group.offsets[start:])
    places = Places(
        np.zeros(tries + 1, dtype=np.int64),
        np.zeros((tries + 1, 3)),
        np.zeros((tries + 1, most, 3)),
        np.zeros(tries + 1),
    )
    for _ in range(moves):
        one, two = int(rng.random() * count), int(rng.random() * count)
        if rng.random() < EXCHANGED:
            _exchange(one, two, sites, pairs, temperature, rng)
        else:
            _relocate(one, places, sites, group, pairs, temperature, rng)
    return sites.points, sites.positions, sites.kinds
