"""Everything that a relaxation has compiled, compiled before the first: by processes that begin together, in parallel.

One process loads the network and takes the kernels from the first on, another needs no network and takes them from the
last; each loads from disk what the other has compiled meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crysim.crystal.crystal import one_atom
from crysim_energies.quotient.cpu.ahead import steps as cpu_steps
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds
from crysim_energies.quotient.geometry.motion import update_inverse
from crysim_energies.quotient.networks.network import Neighbourhood, list_bonds
from crysim_energies.quotient.relaxation.stiffness import stiffness


def compile_ahead(potential: Neighbourhood, *, on_cpu: bool, backwards: bool = False) -> None:
    """Compile every kernel of a relaxation with a potential, on a crystal of one atom.

    Args:
        potential: that will be evaluated.
        on_cpu: whether the network has kernels of its own (`crysim_energies.quotient.cpu`).
        backwards: from the last to the first, as the other process does.
    """
    steps = _steps(potential)
    if on_cpu:
        steps += cpu_steps(uses_angles=potential.uses_angles)
    for step in reversed(steps) if backwards else steps:
        step()


def _steps(potential: Neighbourhood) -> list[Callable[[], object]]:
    """What to call: what takes longest to compile first and last."""
    unit = AsymmetricUnit(one_atom(), potential.max_l)
    start = unit.start()
    step = np.zeros(unit.num_parameters)
    itself = np.zeros(1, dtype=np.int64)
    bonds = Bonds(
        center=itself,
        far=itself,
        count=np.ones(1),
        far_maps=unit.maps,
        constants=np.ones((1, 3)),
        radius=potential.cutoff,
        at=start,
    )
    inverse = np.asarray(np.linalg.inv(np.eye(len(step))), dtype=np.float64)
    return [
        lambda: list_bonds(potential, unit, start, 0.0),
        lambda: unit.moved(start, step),
        lambda: unit.still_holds(bonds, start, potential.cutoff),
        lambda: unit.max_force(start, step),
        lambda: update_inverse(inverse, step + 1.0, step + 1.0),
        lambda: unit.step_length(start, step, 1.0, 1.0),
        lambda: stiffness(unit, start, bonds),
    ]
