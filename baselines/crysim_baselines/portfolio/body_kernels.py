"""The loop of `crysim_baselines.portfolio.packed`: whether the atoms of different bodies keep their distance."""

from __future__ import annotations

from math import floor

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.distances import squared_length


@compiled
def keep_apart(metric: Floats, spacings: Floats, coords: Floats, owners: Ints, kinds: Ints, least: Floats) -> bool:
    """Whether atoms of different bodies, images in other cells included, are far enough apart.

    Args:
        metric: ``[3, 3]``, Å².
        spacings: ``[3]`` of the lattice planes, Å.
        coords: ``[n, 3]`` fractional, those of a body side by side: not brought into the cell one by one.
        owners: body of each atom ``[n]``.
        kinds: of each atom ``[n]``.
        least: Å ``[kinds, kinds]``.
    """
    reach = np.empty(3, dtype=np.int64)
    for k in range(3):
        reach[k] = floor(least.max() / spacings[k] + 0.5)
    nearest = np.empty(3)
    for i in range(len(coords)):
        for j in range(i + 1):
            square = least[kinds[i], kinds[j]] ** 2
            for k in range(3):
                nearest[k] = floor(coords[j, k] - coords[i, k] + 0.5)
            for x in range(-reach[0], reach[0] + 1):
                for y in range(-reach[1], reach[1] + 1):
                    for z in range(-reach[2], reach[2] + 1):
                        u, v, w = x - nearest[0], y - nearest[1], z - nearest[2]
                        if owners[i] == owners[j] and u == 0 and v == 0 and w == 0:
                            continue
                        p, q, r = (
                            coords[j, 0] - coords[i, 0] + u,
                            coords[j, 1] - coords[i, 1] + v,
                            coords[j, 2] - coords[i, 2] + w,
                        )
                        if squared_length(metric, p, q, r) < square:
                            return False
    return True
