"""Whether a crystal holds together: how far atoms that are linked within a cut-off reach.

Atoms are the nodes of a periodic graph, pairs within the cut-off its edges. Every closed walk in it that ends in
another cell adds that cell's lattice vector to its component; the rank of a component's vectors is its dimension: 0
for a molecule, 1 for a chain, 2 for a sheet, 3 for what holds together. A component of less than 3 can be moved away
from the others at no change of an energy that sees no farther than the cut-off: where the cell puts it is nobody's
prediction.
"""

from __future__ import annotations

import numpy as np

from crysim.crystal import Crystal

DEFAULT_CUTOFF = 5.0
"""Å, where a potential does not say how far it sees: M3GNet's."""

_NAMES = ("separate molecules or atoms", "separate chains", "separate sheets")


def dimensions(crystal: Crystal, cutoff: float = DEFAULT_CUTOFF) -> tuple[int, ...]:
    """The dimension, 0 to 3, of every component of atoms linked within ``cutoff`` Å, ascending."""
    from crysim.crystal.bonding_kernels import component_ranks
    from crysim.crystal.distances import plane_spacings

    metric = crystal.lattice @ crystal.lattice.T
    roots, ranks = component_ranks(metric, plane_spacings(metric), crystal.frac_coords, cutoff)
    return tuple(sorted(int(rank) for rank in ranks[np.unique(roots)]))


def is_bound(crystal: Crystal, cutoff: float = DEFAULT_CUTOFF) -> bool:
    """Whether every atom belongs to a component that holds together in all three directions."""
    return dimensions(crystal, cutoff)[0] == 3


def why_unbound(crystal: Crystal, cutoff: float = DEFAULT_CUTOFF) -> str | None:
    """What lies apart, in one line; None if the crystal is bound."""
    lowest = dimensions(crystal, cutoff)[0]
    return None if lowest == 3 else f"{_NAMES[lowest]}: no atom of another is within {cutoff:g} Å"
