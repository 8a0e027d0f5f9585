"""Cells: six parameters, lattice vectors, and what each crystal system leaves free.

Cell parameters are (a, b, c, alpha, beta, gamma) in Å and degrees. A lattice is ``[3, 3]`` with the vectors as rows,
a along x and b in the xy plane.
"""

from __future__ import annotations

from math import cos, isfinite, radians, sqrt

import numpy as np
from numpy.typing import ArrayLike

from crysim.arrays import Floats
from crysim.errors import InputError

Cell = tuple[float, float, float, float, float, float]

CELL_PARAMETERS = ("a", "b", "c", "alpha", "beta", "gamma")

MIN_VOLUME_FACTOR = 0.1
"""Volume over a·b·c below which a cell counts as collapsed: no such cell is drawn at random or decoded."""

_EXACT = {60.0: 0.5, 90.0: 0.0, 120.0: -0.5}
"""Cosines of angles in degrees: exact zeros and halves keep symmetric cells symmetric to the last bit."""

_FREE: dict[str, tuple[str, ...]] = {
    "triclinic": CELL_PARAMETERS,
    "monoclinic": ("a", "b", "c", "beta"),
    "orthorhombic": ("a", "b", "c"),
    "tetragonal": ("a", "c"),
    "trigonal": ("a", "c"),
    "hexagonal": ("a", "c"),
    "cubic": ("a",),
}


def free_cell_parameters(system: str) -> tuple[str, ...]:
    """The cell parameters that a crystal system leaves free (hexagonal axes for the trigonal system)."""
    if system not in _FREE:
        raise InputError(f"unknown crystal system '{system}': known: {', '.join(_FREE)}")
    return _FREE[system]


def impose_cell(system: str, cell: ArrayLike) -> Floats:
    """Cells of a crystal system from any cells: free parameters are kept, the others follow from them.

    Equal lengths take the value of the first (b = a, and c = a in a cubic cell), as in section 4.1 of the paper.

    Args:
        system: the crystal system.
        cell: ``[..., 6]``.

    Returns:
        ``[..., 6]``, a copy.
    """
    free = free_cell_parameters(system)
    result = np.array(cell, dtype=np.float64)
    if "b" not in free:
        result[..., 1] = result[..., 0]
    if "c" not in free:
        result[..., 2] = result[..., 0]
    for i, name in enumerate(CELL_PARAMETERS[3:], start=3):
        if name not in free:
            result[..., i] = 120.0 if name == "gamma" and system in ("trigonal", "hexagonal") else 90.0
    return result


def volume_factor(cell: ArrayLike) -> Floats:
    """Volume over a·b·c of cells ``[..., 6]``; 0 where no such cell exists because of its angles."""
    cosines = _cosines(np.asarray(cell, dtype=np.float64)[..., 3:])
    ca, cb, cg = cosines[..., 0], cosines[..., 1], cosines[..., 2]
    square = 1.0 - ca * ca - cb * cb - cg * cg + 2.0 * ca * cb * cg
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def open_cell(cell: ArrayLike) -> Floats:
    """A cell ``[6]`` whose angles close no cell, or a collapsed one, opened; any other is returned as it is.

    The angles move straight towards 90 degrees, in 64ths of the way, until the volume is `MIN_VOLUME_FACTOR` of a·b·c.
    """
    given = np.array(cell, dtype=np.float64)
    for step in range(64, -1, -1):
        opened = given.copy()
        opened[3:] = 90.0 + (given[3:] - 90.0) * (step / 64)
        if volume_factor(opened) >= MIN_VOLUME_FACTOR:
            return opened if step < 64 else given
    raise AssertionError("three right angles always close a cell")


def lattice_from_cell(cell: ArrayLike) -> Floats:
    """Lattice vectors ``[..., 3, 3]`` of cells ``[..., 6]``.

    Raises:
        InputError: a length or angle out of range, or angles that close no cell.
    """
    parameters = np.asarray(cell, dtype=np.float64)
    lattices = [_lattice_of(*one) for one in parameters.reshape(-1, 6).tolist()]
    return np.array(lattices).reshape(*parameters.shape[:-1], 3, 3)


def _lattice_of(a: float, b: float, c: float, alpha: float, beta: float, gamma: float) -> list[list[float]]:
    """Lattice vectors of one cell: each crystal that is made needs one, and plain numbers are quicker than arrays."""
    parameters = (a, b, c, alpha, beta, gamma)
    if not all(isfinite(v) and v > 0.0 for v in parameters) or max(parameters[3:]) >= 180.0:
        raise InputError("a cell has positive finite lengths and angles between 0 and 180 degrees")
    ca, cb, cg = (_EXACT.get(angle, cos(radians(angle))) for angle in parameters[3:])
    factor = sqrt(max(1.0 - ca * ca - cb * cb - cg * cg + 2.0 * ca * cb * cg, 0.0))
    if factor < 1e-6:
        raise InputError("these three cell angles close no cell: each must be less than the sum of the other two")
    sg = sqrt(1.0 - cg * cg)
    return [[a, 0.0, 0.0], [b * cg, b * sg, 0.0], [c * cb, c * (ca - cb * cg) / sg, c * factor / sg]]


def cell_from_lattice(lattice: ArrayLike) -> Floats:
    """Cell parameters ``[..., 6]`` of lattice vectors ``[..., 3, 3]`` in any orientation."""
    rows = np.asarray(lattice, dtype=np.float64)
    return cell_from_metric(rows @ np.swapaxes(rows, -1, -2))


def cell_from_metric(metric: ArrayLike) -> Floats:
    """Cell parameters ``[..., 6]`` of metric tensors ``[..., 3, 3]``, Å²."""
    g = np.asarray(metric, dtype=np.float64)
    lengths = np.sqrt(np.diagonal(g, axis1=-2, axis2=-1))
    cosines = np.stack(
        [
            g[..., 1, 2] / (lengths[..., 1] * lengths[..., 2]),
            g[..., 0, 2] / (lengths[..., 0] * lengths[..., 2]),
            g[..., 0, 1] / (lengths[..., 0] * lengths[..., 1]),
        ],
        axis=-1,
    )
    return np.concatenate([lengths, np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))], axis=-1)


def _cosines(angles: Floats) -> Floats:
    cosines = np.asarray(np.cos(np.radians(angles)))
    for angle, exact in _EXACT.items():
        cosines = np.where(angles == angle, exact, cosines)
    return cosines
