"""Encoder ``grid-ising``: atoms on a grid in the cell, blind to space groups.

The representation of earlier Ising work (Couzinié et al., Phys. Rev. A 109, 032416, 2024, and J. Phys. Soc. Jpn. 94,
044802, 2025): a bit for every element and grid point says whether an atom is there. Those works take the cell as given;
here it is encoded as in the encoder ``crysim``, so that the two differ in symmetry alone, and the paper's claim about
it can be tested with the same surrogate and solver.

With contents of a primitive cell it is that cell which is encoded, of whatever space group the crystal is: its six
parameters, and one mark for each of its atoms. Rock salt, NaCl per primitive cell, has a = b = c = 3.96 Å, three angles
of 60 degrees, and at g = 4 Na on bit 0, (0, 0, 0), and Cl on bit 42, voxel (2, 2, 2), (½, ½, ½).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from crysim import hookimpl
from crysim.arrays import Bits, Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.interfaces import Encoder
from crysim.quadratic import BitGroup
from crysim.symmetry import CELL_PARAMETERS, lattice_from_cell, open_cell
from crysim_encoders.fitted import FittedEncoder
from crysim_encoders.layout import ANGLE_BITS, ANGLE_BOUNDS, Scale, common_contents, length_scale, voxels


@dataclass(frozen=True)
class GridLayout:
    """The segments: six cell parameters, then one grid per element with as many 1-bits as it has atoms."""

    contents: Contents
    g: int
    lengths: Scale

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The scales of the six cell parameters."""
        return (self.lengths,) * 3 + (Scale(*ANGLE_BOUNDS, ANGLE_BITS),) * 3

    @cached_property
    def groups(self) -> tuple[BitGroup, ...]:
        """The segments in order."""
        sizes = [(name, scale.size, 1) for name, scale in zip(CELL_PARAMETERS, self.scales, strict=True)]
        sizes += [
            (f"grid-{element}", self.g**3, count)
            for element, count in zip(self.contents.elements, self.contents.composition.counts, strict=True)
        ]
        starts = np.concatenate([[0], np.cumsum([size for _, size, _ in sizes])])
        return tuple(BitGroup(name, int(start), size, k) for start, (name, size, k) in zip(starts, sizes, strict=False))


class GridIsing(FittedEncoder[GridLayout]):
    """Cell and atoms as bits, without symmetry: every decoded crystal is in P1.

    Where two atoms of an element share a voxel, the encoded vector has fewer 1-bits in that grid than its group says.
    """

    name: ClassVar[str] = "grid-ising"
    renamed_options: ClassVar[Mapping[str, str]] = {"g": "grid_resolution"}
    primitive_contents: ClassVar[bool] = True

    def __init__(self, grid_resolution: int = 12, draws: int = 100, length_factor: int = 10) -> None:
        """Set the resolution.

        Args:
            grid_resolution: voxels along each edge of the cell.
            draws: crystals that a vector is decoded to: one with every atom in the middle of its voxel, and others with
                each somewhere in its own, so that the strategy has as many to choose from as with the encoder
                ``crysim``.
            length_factor: bits of a lattice length per voxel (C_ll of equation 10).
        """
        for key, value in (("grid_resolution", grid_resolution), ("draws", draws), ("length_factor", length_factor)):
            if value < 1:
                raise InputError(f"option '{key}' of encoder 'grid-ising' must be at least 1, not {value}")
        self.grid_resolution = grid_resolution
        self.draws = draws
        self.length_factor = length_factor
        super().__init__()

    def fit(self, crystals: Sequence[Crystal], contents: Contents | None = None) -> None:
        """Take the bounds of lattice lengths from the initial crystals (equation 9).

        Raises:
            InputError: no crystals, several compositions, or a grid too small.
        """
        contents = common_contents(crystals, contents)
        composition = contents.composition
        edge = self.grid_resolution
        if max(composition.counts) > edge**3:
            raise InputError(
                f"{max(composition.counts)} atoms of one element do not fit into {edge}³ = {edge**3} voxels: "
                "raise option 'grid_resolution'"
            )
        lengths = np.array([_in_own_cell(crystal, contents).cell[:3] for crystal in crystals])
        scale = length_scale(float(lengths.min()), float(lengths.max()), self.grid_resolution, self.length_factor)
        self._layout = GridLayout(contents, self.grid_resolution, scale)

    def encode(self, crystals: Sequence[Crystal]) -> Bits:
        """Bit vectors ``[n, M]``; lengths and angles outside of their bounds count to the nearest unit.

        Raises:
            InputError: another composition.
        """
        layout = self.layout
        bits = np.zeros((len(crystals), self.num_bits), dtype=np.bool_)
        for row, crystal in zip(bits, crystals, strict=True):
            if not layout.contents.held_by(crystal):
                raise InputError(f"the encoder is for {layout.contents}, not for {crystal.composition}")
            crystal = _in_own_cell(crystal, layout.contents)
            for group, scale, value in zip(layout.groups, layout.scales, crystal.cell, strict=False):
                row[group.start + scale.to_bit(value)] = True
            species = np.array(crystal.species)
            for group, element in zip(layout.groups[6:], layout.contents.elements, strict=True):
                row[group.start + voxels(crystal.frac_coords[species == element], self.grid_resolution)] = True
        return bits

    def decode(self, bits: Bits, rng: np.random.Generator) -> list[Crystal]:
        """``draws`` crystals in P1: the first with atoms in the middles of their voxels, the others within them.

        Angles that close no cell are moved towards 90 degrees as far as needed (`crysim.symmetry.open_cell`).

        Raises:
            InputError: a wrong length, or a segment whose number of ones is not that of its group.
        """
        layout = self.layout
        vector = np.asarray(bits, dtype=np.bool_)
        if vector.shape != (self.num_bits,):
            raise InputError(f"a vector of this encoder has {self.num_bits} bits: the shape {vector.shape} is wrong")
        ones = [np.flatnonzero(vector[group.slice]) for group in layout.groups]
        for found, group in zip(ones, layout.groups, strict=True):
            if len(found) != group.k:
                raise InputError(f"the segment '{group.name}' of a vector must have {group.k} ones, not {len(found)}")
        cell = [scale.to_value(int(found[0])) for scale, found in zip(layout.scales, ones, strict=False)]
        lattice = lattice_from_cell(open_cell(cell))
        corners = np.stack(np.unravel_index(np.concatenate(ones[6:]), (self.grid_resolution,) * 3), axis=-1).astype(
            np.float64
        )
        return [self._crystal(lattice, corners + 0.5)] + [
            self._crystal(lattice, corners + rng.random(corners.shape)) for _ in range(self.draws - 1)
        ]

    def _crystal(self, lattice: Floats, points: Floats) -> Crystal:
        composition = self.layout.contents.composition
        return Crystal.from_p1(composition, lattice, composition.species, points / self.grid_resolution)


def _in_own_cell(crystal: Crystal, contents: Contents) -> Crystal:
    """The crystal in the cell that is encoded: with contents of the primitive cell that one, in P1."""
    return crystal.to_p1() if contents.primitive else crystal


@hookimpl
def crysim_encoders() -> list[type[Encoder]]:
    """The encoder of this module."""
    return [GridIsing]
