"""Fixing bits by reduced cost: what the bound proves about every better vector, and the smaller model that is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.bounds import LowerBound
from crysim.quadratic.partition import Indices


@dataclass(frozen=True, eq=False)
class Reduction:
    """A model less the bits that are fixed.

    Attributes:
        model: of the open bits alone; a vector's energy in it is the full vector's energy.
        open_bits: ``[m]`` which bits of the full model they are.
        fixed: ``[M]`` the values of the others (0 at open bits).
    """

    model: QuadraticModel
    open_bits: Indices
    fixed: Bits

    def expand(self, bits: Bits) -> Bits:
        """Full vectors ``[n, M]`` of vectors ``[n, m]`` of the open bits."""
        full = np.repeat(self.fixed[None], len(bits), axis=0)
        full[:, self.open_bits] = bits
        return full

    def restrict(self, bits: Bits) -> Bits:
        """Vectors ``[n, m]`` of the open bits of full vectors ``[n, M]`` that agree with what is fixed."""
        return np.ascontiguousarray(bits[:, self.open_bits])


def fix_bits(model: QuadraticModel, bound: LowerBound, upper_bound: float) -> Reduction:
    """Fix every bit that no vector of energy ``upper_bound`` or less can have the other way.

    With the energy of a vector in hand as ``upper_bound``, that vector and all that are as good stay feasible.
    """
    room = upper_bound - bound.value
    ones = bound.zero_cost > room
    zeros = bound.one_cost > room
    if (ones & zeros).any():  # no vector is that good; keep the model as it is rather than infeasible
        ones[:] = zeros[:] = False
    return reduce_model(model, ones, zeros)


def reduce_model(model: QuadraticModel, ones: Bits, zeros: Bits) -> Reduction:
    """The model with the bits ``ones`` ``[M]`` fixed to 1 and ``zeros`` ``[M]`` to 0.

    Groups that lose all their freedom are fixed as a whole.
    """
    ones, zeros = ones.copy(), zeros.copy()
    for group in model.groups:
        part = group.slice
        left = group.k - int(np.count_nonzero(ones[part]))
        is_open = ~(ones[part] | zeros[part])
        if left == 0:
            zeros[part] |= is_open
        elif left == np.count_nonzero(is_open):
            ones[part] |= is_open
    keep = ~(ones | zeros)
    open_bits = np.flatnonzero(keep).astype(np.int64)
    groups: list[BitGroup] = []
    for group in model.groups:
        size = int(np.count_nonzero(keep[group.slice]))
        if size:
            start = int(np.count_nonzero(keep[: group.start]))
            groups.append(BitGroup(group.name, start, size, group.k - int(np.count_nonzero(ones[group.slice]))))
    fields: Floats = model.local_fields(ones)
    linear = fields[open_bits]
    offset = float(model.energies(ones))
    if model.factors is not None:
        small = QuadraticModel(linear, factors=model.factors[open_bits], groups=tuple(groups), offset=offset)
    else:
        assert model.couplings is not None
        rows = model.couplings[open_bits]
        small = QuadraticModel(linear, couplings=rows[:, open_bits], groups=tuple(groups), offset=offset)
    return Reduction(small, open_bits, ones)
