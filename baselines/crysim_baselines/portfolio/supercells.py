"""Supercells: sublattices of a lattice with some of its points, as Hermite normal forms.

Hart and Forcade, Phys. Rev. B 77, 224115 (2008). A form's rows are the vectors of the supercell in those of the cell.
"""

from __future__ import annotations

import numpy as np

from crysim.arrays import Floats, Ints

_INTEGRAL = 1e-6


def hermite_forms(times: int) -> Ints:
    """All supercells of so many cells, ``[n, 3, 3]``, each once."""
    found = [
        [[a, 0, 0], [x, b, 0], [y, z, c]]
        for a, b, c in _diagonals(times)
        for x in range(a)
        for y in range(a)
        for z in range(b)
    ]
    return np.array(found, dtype=np.int64)


def any_supercell(times: int, rng: np.random.Generator) -> Ints:
    """One of all ``[3, 3]``."""
    forms = _diagonals(times)
    weights = np.array([a * a * b for a, b, _ in forms], dtype=np.float64)
    a, b, c = forms[int(rng.choice(len(forms), p=weights / weights.sum()))]
    return np.array([[a, 0, 0], [rng.integers(a), b, 0], [rng.integers(a), rng.integers(b), c]], dtype=np.int64)


def distinct_supercells(rotations: Ints, times: int, most: int) -> list[Ints]:
    """Supercells that no rotation of the cell turns into one another; those that keep most of the rotations first.

    Args:
        rotations: of the cell's point group ``[g, 3, 3]``, acting on columns of fractional coordinates.
        times: cells of each.
        most: of them, at most.
    """
    forms = hermite_forms(times)
    inverses = np.linalg.inv(forms)
    turned = np.einsum("nij,gkj->ngik", forms, rotations).astype(np.float64)
    kept = _integral(turned @ inverses[:, None]).sum(axis=1)
    places: list[int] = []
    for place in np.argsort(-kept, kind="stable"):
        if len(places) == most:
            break
        if not any(kept[one] == kept[place] and _integral(turned[one] @ inverses[place]).any() for one in places):
            places.append(int(place))
    return [forms[place] for place in places]


def _diagonals(times: int) -> list[tuple[int, int, int]]:
    divisors = [n for n in range(1, times + 1) if times % n == 0]
    return [(a, b, times // (a * b)) for a in divisors for b in divisors if times % (a * b) == 0]


def _integral(matrices: Floats) -> np.ndarray:
    """Which of some matrices are of whole numbers."""
    return np.asarray(np.abs(matrices - np.rint(matrices)).max(axis=(-2, -1)) < _INTEGRAL)
