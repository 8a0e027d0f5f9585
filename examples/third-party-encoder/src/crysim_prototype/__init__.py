"""An encoder by prototypes: which of the initial crystals' Wyckoff combinations it is, its cell, its free coordinates.

A segment of bits, one of which is 1, for the prototype (a space group with its Wyckoff combination), for each length
and angle of the cell, and for each coordinate of each site: an integer each, one-hot.
"""

import numpy as np

from crysim import hookimpl
from crysim.errors import CrysimError, InputError
from crysim.interfaces import Encoder
from crysim.quadratic import BitGroup
from crysim.symmetry import impose_cell, open_cell


class PrototypeEncoder(Encoder):
    name = "prototype"

    def __init__(self, *, lengths: int = 12, angles: int = 9, grid_resolution: int = 8) -> None:
        self.lengths, self.angles, self.grid_resolution = lengths, angles, grid_resolution
        self._prototypes = {}

    def fit(self, crystals):
        if not crystals:
            raise InputError("an encoder needs at least one crystal to learn its prototypes from")
        self._prototypes = {}  # by space group and combination: its place and an example
        for crystal in crystals:
            self._prototypes.setdefault(_key(crystal), (len(self._prototypes), crystal))
        cells = np.array([crystal.cell[:3] for crystal in crystals])
        self._edges = np.linspace(0.9 * cells.min(), 1.1 * cells.max(), self.lengths + 1)
        num_sites = max(len(crystal.sites) for crystal in crystals)
        sizes = {"prototype": len(self._prototypes)}
        sizes |= dict.fromkeys(("a", "b", "c"), self.lengths)
        sizes |= dict.fromkeys(("alpha", "beta", "gamma"), self.angles)
        sizes |= {f"site-{i}-{axis}": self.grid_resolution for i in range(num_sites) for axis in "xyz"}
        starts = np.cumsum([0, *sizes.values()])
        self._groups = tuple(BitGroup(n, int(s), size) for (n, size), s in zip(sizes.items(), starts, strict=False))

    @property
    def groups(self):
        if not self._prototypes:
            raise CrysimError("fit the encoder 'prototype' first")
        return self._groups

    @property
    def num_bits(self):
        return self.groups[-1].stop

    def encode(self, crystals):
        bits = np.zeros((len(crystals), self.num_bits), dtype=np.bool_)
        starts = np.array([group.start for group in self.groups])
        for row, crystal in zip(bits, crystals, strict=True):
            row[starts + self._integers(crystal)] = True
        return bits

    def decode(self, bits, rng):
        bins = [int(np.argmax(bits[group.slice])) for group in self.groups]
        _, example = list(self._prototypes.values())[bins[0]]
        middles = (self._edges[:-1] + self._edges[1:]) / 2
        cell = [*middles[bins[1:4]], *(50 + 80 * (np.array(bins[4:7]) + 0.5) / self.angles)]
        points = (np.array(bins[7:]).reshape(-1, 3) + 0.5) / self.grid_resolution
        frees = [()] * len(example.sites)
        for i, point in zip(_order(example), points, strict=False):
            frees[i] = point[list(example.positions[i].axes)]
        return [example.with_parameters(open_cell(impose_cell(example.system, cell)), frees)]

    def _integers(self, crystal):
        """The place of the 1 in each group, ``[len(groups)]``; what lies out of the bounds is brought to them."""
        if _key(crystal) not in self._prototypes:
            raise InputError(f"no initial crystal has this Wyckoff combination in space group {crystal.space_group}")
        lengths = np.searchsorted(self._edges, crystal.cell[:3]) - 1
        angles = np.floor((np.array(crystal.cell[3:]) - 50) / 80 * self.angles)
        points = np.zeros((sum(group.name.startswith("site-") for group in self.groups) // 3, 3))
        for point, i in zip(points, _order(crystal), strict=False):
            point[list(crystal.positions[i].axes)] = crystal.sites[i].free
        coordinates = np.floor(points % 1.0 * self.grid_resolution).ravel() % self.grid_resolution
        place = self._prototypes[_key(crystal)][0]
        clipped = (np.clip(lengths, 0, self.lengths - 1), np.clip(angles, 0, self.angles - 1))
        return np.concatenate([[place], *clipped, coordinates]).astype(np.int64)


def _key(crystal):
    return crystal.space_group, crystal.combination


def _order(crystal):
    """The sites by element and position, so that crystals of one prototype agree on which is which."""
    elements = crystal.composition.elements
    return sorted(
        range(len(crystal.sites)), key=lambda i: (elements.index(crystal.sites[i].element), crystal.sites[i].position)
    )


@hookimpl
def crysim_encoders():
    return [PrototypeEncoder]
