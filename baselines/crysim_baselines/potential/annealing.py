"""Crystals of a space group annealed in a pair potential: their sites on other positions, or of other elements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crysim.crystal import Crystal
from crysim_baselines.potential.pair_potential import PairPotential, Settled
from crysim_baselines.potential.radial import CUTOFF, STEP

TEMPERATURES = (0.1, 0.055, 0.03)
"""eV per atom of what is moved, one round after another."""
MOVES = 5
"""Of a round, for each site."""
TRIES = 8
"""Places of which one is chosen."""
STEPS = 10
"""Of the descent after a round."""


def annealed(crystal: Crystal, potential: PairPotential, rng: np.random.Generator) -> Settled | None:
    """A crystal after rounds of moves of its sites and short descents, each colder; None where it comes to nothing.

    Args:
        crystal: whose space group, volume and contents it keeps.
        potential: in which it is annealed.
        rng: the same state gives the same crystal.
    """
    from crysim_baselines.potential.site_kernels import Positions, move_sites

    freedom = np.array([position.dof for position in crystal.group.positions])
    group = Positions(*crystal.group.flat_positions, freedom)
    now: Settled | None = Settled.begin(crystal, potential.elements)
    for temperature in TEMPERATURES:
        if now is None:
            return None
        points, positions, kinds = move_sites(
            now.lattice, now.points, now.positions, now.kinds, group, potential.energies, STEP, CUTOFF,
            MOVES * len(now.points), TRIES, temperature, rng,
        )  # fmt: skip
        now = potential.settle(replace(now, points=points, positions=positions, kinds=kinds), STEPS)
    return now
