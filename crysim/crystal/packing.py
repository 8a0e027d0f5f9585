"""How well atoms fit: radii, an estimate of the volume, and shortest distances in units of the radii.

Used by strategies that choose among many cheap placements before anything is relaxed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.radii import spheres_volume
from crysim.symmetry import Combination, SpaceGroup, impose_cell, space_group, volume_factor

PACKING_FRACTION = 0.55
"""Share of the cell that covalent spheres fill: Materials Project structures scatter about it (GN-OA's value)."""
MIN_VOLUME_FACTOR = 0.3
"""Volume over a·b·c below which a triclinic cell is too flat to try."""
_LARGEST_RATIO = 2.5
WIDE_SHARES = {"hexagonal": 0.5, "trigonal": 0.5, "tetragonal": 0.25, "orthorhombic": 0.25, "monoclinic": 0.25}
"""Of the cells that `likely_cells` makes of a crystal system may be as long as their atoms allow (results/prior)."""
SHORTEST = 1.1
"""Length of a wide cell, at least, over the edge of a cube that holds one of its atoms: of 156 structure types of the
AFLOW library (cubic and triclinic ones, and those of the tables in results left out) one has a shorter one."""


def estimated_volume(composition: Composition) -> float:
    """A first guess of the cell's volume, Å³: covalent spheres over `PACKING_FRACTION`."""
    return spheres_volume(composition) / PACKING_FRACTION


def num_shape_parameters(system: str) -> int:
    """How many numbers describe the shape of a cell whose volume is given."""
    return {"cubic": 0, "tetragonal": 1, "trigonal": 1, "hexagonal": 1, "orthorhombic": 2, "monoclinic": 3}.get(
        system, 5
    )


def cells_from_shapes(system: str, shapes: Floats, volume: float | Floats) -> Floats:
    """Cells ``[n, 6]`` of one volume, or of one each, from numbers in [0, 1), ``[n, num_shape_parameters(system)]``.

    Ratios of lengths are log-uniform between 1/2.5 and 2.5, angles uniform between 60° and 120°; flat triclinic cells
    are made orthogonal.
    """
    cells = np.ones((len(shapes), 6))
    cells[:, 3:] = 90.0
    if system in ("tetragonal", "trigonal", "hexagonal"):
        cells[:, 2] = _LARGEST_RATIO ** (2.0 * shapes[:, 0] - 1.0)
    elif system != "cubic":
        cells[:, 1:3] = _LARGEST_RATIO ** (2.0 * shapes[:, :2] - 1.0)
        if system == "monoclinic":
            cells[:, 4] = 60.0 + 60.0 * shapes[:, 2]
        elif system == "triclinic":
            cells[:, 3:] = 60.0 + 60.0 * shapes[:, 2:5]
    cells = impose_cell(system, cells)
    factors = volume_factor(cells)
    flat = factors < MIN_VOLUME_FACTOR
    cells[flat, 3:] = 90.0
    factors[flat] = 1.0
    cells[:, :3] *= np.cbrt(volume / (factors * cells[:, :3].prod(axis=1)))[:, None]
    return cells


def likely_cells(
    system: str, shapes: Floats, volumes: Floats, num_atoms: int, wide_share: float | None = None
) -> Floats:
    """Cells ``[n, 6]`` as nature tends to make them: some of `cells_from_shapes`, and some as long as may be.

    Of the AFLOW library's structure types two fifths of the hexagonal and half of the trigonal ones are more than 2.5
    times as long as wide (results/prior), many of them made of layers. In the wide cells no length is less than
    `SHORTEST` atoms, and the logarithms of what they are beyond that are drawn uniformly among those that make the
    volume.

    Args:
        system: crystal system.
        shapes: ``[n, num_shape_parameters(system)]`` in [0, 1).
        volumes: Å³ ``[n]``.
        num_atoms: of a cell.
        wide_share: of the cells that are wide; None: that of the crystal system.
    """
    if system == "cubic":
        return cells_from_shapes(system, shapes, volumes)
    if wide_share is None:
        wide_share = WIDE_SHARES.get(system, 0.0)
    shapes = shapes.copy()
    wide = shapes[:, 0] < wide_share
    within = (shapes[:, 0] - np.where(wide, 0.0, wide_share)) / np.where(wide, wide_share, 1.0 - wide_share)
    shapes[:, 0] = within
    cells = cells_from_shapes(system, shapes, volumes)
    factors = volume_factor(cells)
    shortest = SHORTEST * np.cbrt(volumes / num_atoms)
    free = np.log(volumes / (factors * shortest**3))
    wide &= free > 0
    if shapes.shape[1] == 1:
        parts = np.stack([within / 2, within / 2, 1.0 - within], axis=1)
    else:
        cuts = np.sort(shapes[:, :2], axis=1)
        parts = np.stack([cuts[:, 0], cuts[:, 1] - cuts[:, 0], 1.0 - cuts[:, 1]], axis=1)
    lengths = shortest[:, None] * np.exp(free[:, None] * parts)
    cells[wide, :3] = lengths[wide]
    return cells


def packing_ratios(
    number: int, combination: Combination, cells: Floats, points: Floats, sums: Floats, floor: float = 0.0
) -> Floats:
    """The least distance over the sum of radii of each of n placements, ``[n]``; 0 where it is below ``floor``.

    Args:
        number: the space group.
        combination: positions of every element.
        cells: ``[n, 6]``.
        points: ``[n, sites, 3]`` fractional, from which each site's free coordinates are taken.
        sums: ``[elements, elements]`` Å.
        floor: what is closer is not looked at further.
    """
    from crysim.crystal.packing_kernels import least_ratios

    maps, offsets, starts = space_group(number).flat_positions
    positions = np.array([i for indices in combination for i in indices], dtype=np.int64)
    elements = np.array([e for e, indices in enumerate(combination) for _ in indices], dtype=np.int64)
    ratios: Floats = least_ratios(cells, positions, elements, points, maps, offsets, starts, sums, floor)
    return ratios


def flat_combination(group: SpaceGroup, combination: Combination) -> tuple[Ints, Ints, Ints]:
    """Of each site of a combination the index of its position and of its element, and the order of placing them."""
    positions = np.array([i for indices in combination for i in indices], dtype=np.int64)
    elements = np.array([e for e, indices in enumerate(combination) for _ in indices], dtype=np.int64)
    freedom = [group.positions[i].dof for i in positions]
    return positions, elements, np.argsort(freedom, kind="stable")  # the least free first: it cannot give way


def place(
    composition: Composition, number: int, combination: Combination, cell: Sequence[float] | Floats, points: Floats
) -> Crystal:
    """The crystal of a combination with a cell ``[6]`` and a point ``[sites, 3]`` for each site.

    Of each point only the coordinates are used that the site leaves free; the crystal system is imposed on the cell.
    """
    group = space_group(number)
    placed = [(e, i) for e, indices in zip(composition.elements, combination, strict=True) for i in indices]
    sites = tuple(
        Site(element, index, tuple(float(point[axis]) for axis in group.positions[index].axes))
        for (element, index), point in zip(placed, points, strict=True)
    )
    a, b, c, alpha, beta, gamma = (float(v) for v in impose_cell(group.crystal_system, cell))
    return Crystal(composition, number, (a, b, c, alpha, beta, gamma), sites)


def place_sites(
    composition: Composition,
    number: int,
    positions: Ints,
    elements: Ints,
    cell: Sequence[float] | Floats,
    points: Floats,
) -> Crystal:
    """The crystal of sites in any order: positions and elements by their indices ``[sites]``, points ``[sites, 3]``.

    For the others see `place`.
    """
    ranked = np.lexsort((positions, elements))
    combination = tuple(
        tuple(int(positions[i]) for i in ranked if elements[i] == e) for e in range(len(composition.elements))
    )
    return place(composition, number, combination, cell, points[ranked])


def scaled(crystal: Crystal, factor: float) -> Crystal:
    """A crystal with all its cell lengths multiplied."""
    cell = np.array(crystal.cell)
    cell[:3] *= factor
    return crystal.with_parameters(cell, [site.free for site in crystal.sites])
