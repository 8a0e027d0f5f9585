"""Rigid bodies placed in a crystal: each on a position of its group, turned so that it has the site's symmetry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.crystal import Crystal
from crysim_baselines.portfolio.units import Body

TURNS = 3
"""Orientations that a body is given to begin with, until one takes on the site's symmetry."""
STEPS = 5
"""Of taking it on: the average over the site's operations, then the nearest orientation of the body itself."""
DEFORMED = 0.3
"""Å by which a body's atoms may be off when it has the site's symmetry."""
SAME_PLACE = 1e-4
"""Distance of fractional coordinates within which two are one."""


def site_symmetry(crystal: Crystal, point: Floats) -> Floats:
    """The operations that leave a point where it is, ``[k, 3, 3]``, acting on rows of Cartesian coordinates."""
    rotations, translations = crystal.group.operations
    moved = rotations @ point + translations - point
    keep = np.abs(moved - np.rint(moved)).max(axis=1) < SAME_PLACE
    on_rows = np.swapaxes(rotations[keep], 1, 2)
    return np.asarray(np.linalg.inv(crystal.lattice) @ on_rows @ crystal.lattice)


def oriented(body: Body, operations: Floats, rng: np.random.Generator) -> Floats | None:
    """Å ``[n, 3]``, the body turned at random as far as a site's operations let it; None where it does not fit them.

    Args:
        body: of one atom or more.
        operations: `site_symmetry`.
        rng: the same state gives the same orientation.
    """
    if len(body.species) == 1:
        return np.zeros((1, 3))
    kinds = np.array([body.species.index(e) for e in body.species])
    for _ in range(TURNS):
        mean: Floats | None = body.places @ _random_rotation(rng)
        if len(operations) == 1:
            return mean
        for _ in range(STEPS):
            if mean is not None:
                places = body.places @ _turn(body.places, mean)
                mean = _averaged(places, kinds, operations)
        if mean is not None and np.linalg.norm(places - mean, axis=1).max() < DEFORMED:
            return mean
    return None


def _random_rotation(rng: np.random.Generator) -> Floats:
    """Uniformly distributed among the rotations, improper ones included."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.asarray(q * np.sign(np.diag(r)))


def _averaged(places: Floats, kinds: Ints, operations: Floats) -> Floats | None:
    """The places averaged over the operations; None where two atoms of one operation come nearest to one."""
    total = np.zeros_like(places)
    other = kinds[:, None] != kinds[None]
    for operation in operations:
        gaps = np.linalg.norm((places @ operation)[:, None] - places[None], axis=-1)
        gaps[other] = np.inf
        nearest = gaps.argmin(axis=1)
        if len(np.unique(nearest)) < len(nearest):
            return None
        total += places[nearest] @ operation.T
    return total / len(operations)


def _turn(places: Floats, wanted: Floats) -> Floats:
    """The rotation, proper or not, that brings places nearest to others (Kabsch, Acta Cryst. A 32, 922, 1976)."""
    u, _, v = np.linalg.svd(places.T @ wanted)
    return np.asarray(u @ v)


def spread(crystal: Crystal, bodies: Sequence[Floats], *, primitive: bool) -> tuple[Floats, Floats, Ints]:
    """The atoms of bodies that stand on a crystal's sites, with their images in a cell.

    Args:
        crystal: a site for each body.
        bodies: Å ``[n, 3]``, of each, about its site's first point, with that site's symmetry.
        primitive: whether of the primitive cell instead of the conventional one.

    Returns:
        The cell's lattice ``[3, 3]``; fractional coordinates ``[atoms, 3]``, body after body; and how many bodies came
        before each atom's ``[atoms]``.
    """
    group = crystal.group
    rotations, translations = group.operations
    basis = group.primitive_basis if primitive else np.eye(3)
    inverse = np.linalg.inv(crystal.lattice)
    coords, sizes = [], []
    for start, site, places in zip(crystal.representatives, crystal.sites, bodies, strict=True):
        images = crystal.frac_coords[start:][: group.positions[site.position].multiplicity]
        moved = rotations @ images[0] + translations
        for image in images[group.centring_classes[site.position][:, 0]] if primitive else images:
            gaps = moved - image
            which = int(np.abs(gaps - np.rint(gaps)).max(axis=1).argmin())
            coords.append(image + (places @ inverse) @ rotations[which].T)
            sizes.append(len(places))
    return (
        basis @ crystal.lattice,
        np.concatenate(coords) @ np.linalg.inv(basis),
        np.repeat(np.arange(len(sizes)), sizes),
    )
