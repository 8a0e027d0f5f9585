"""Crystals and their lists of bonds side by side, as one graph's arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crysim.arrays import Floats, Ints
from crysim_energies.quotient.geometry.angles import AngleList
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters


class Layout:
    """The arrays of several crystals, one after the other; s sites and u bonds in all.

    Args:
        elements: that the network knows, in its order.
        units: the crystals.
        bonds: a list of each.

    Attributes:
        units: as given.
        species: index of each site's element ``[s]``.
        multiplicity: ``[s]``.
        projectors: ``[s, l², l²]``.
        site_crystal: the crystal of each site ``[s]``.
        maps, offsets: ``[s, 3, 3]`` and ``[s, 3]`` (`AsymmetricUnit`).
        bond_crystal: the crystal of each bond ``[u]``.
        center, far, count, far_maps, constants: of the bonds (`Bonds`), sites numbered through all crystals.
        angles: theirs, if the lists have any.
    """

    def __init__(self, elements: Sequence[str], units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]) -> None:
        self.units = units
        sites = np.array([len(unit.multiplicities) for unit in units])
        sizes = np.array([len(b.center) for b in bonds])
        first_site = np.concatenate([[0], np.cumsum(sites)])
        shift = np.repeat(first_site[:-1], sizes)
        index = {element: i for i, element in enumerate(elements)}
        self.species = np.array([index[site.element] for unit in units for site in unit.crystal.sites], dtype=np.int64)
        self.multiplicity = np.concatenate([unit.multiplicities for unit in units]).astype(np.float64)
        self.projectors = np.concatenate([unit.projectors for unit in units])
        self.site_crystal = np.repeat(np.arange(len(units)), sites)
        self.maps = np.concatenate([unit.maps for unit in units])
        self.offsets = np.concatenate([unit.offsets for unit in units])
        self.bond_crystal = np.repeat(np.arange(len(units)), sizes)
        self.center = np.concatenate([b.center for b in bonds]) + shift
        self.far = np.concatenate([b.far for b in bonds]) + shift
        self.count = np.concatenate([b.count for b in bonds]).astype(np.float64)
        self.far_maps = np.concatenate([b.far_maps for b in bonds])
        self.constants = np.concatenate([b.constants for b in bonds])
        angles = [b.angles for b in bonds if b.angles is not None]
        self.angles = AnglesLayout(angles, first_site) if angles else None

    def gradients(self, strains: Floats, sites: Floats) -> list[Floats]:
        """Per crystal, slopes in its parameters from those in all strains ``[C, 3, 3]`` and points ``[s, 3]``."""
        found = []
        start = 0
        for strain, unit in zip(strains, self.units, strict=True):
            end = start + len(unit.multiplicities)
            cell = unit.basis.reshape(-1, 9) @ strain.reshape(9)
            found.append(np.concatenate([cell, sites[start:end][unit.free]]))
            start = end
        return found


class AnglesLayout:
    """The lists of angles of several crystals as one: `AngleList`, with bonds and sites numbered through."""

    def __init__(self, lists: Sequence[AngleList], first_site: Ints) -> None:
        angles = [len(a.left) for a in lists]
        first_bond = np.concatenate([[0], np.cumsum([len(a.leader) for a in lists])])
        shift = np.repeat(first_bond[:-1], angles)
        self.leader = np.concatenate([a.leader for a in lists]) + np.repeat(first_bond[:-1], np.diff(first_bond))
        self.center = np.concatenate([a.center for a in lists]) + np.repeat(first_site[:-1], angles)
        self.left = np.concatenate([a.left for a in lists]) + shift
        self.right = np.concatenate([a.right for a in lists]) + shift
        self.rotations = np.concatenate([a.rotations for a in lists])
        self.count = np.concatenate([a.count for a in lists]).astype(np.float64)


def stacked(parameters: Sequence[Parameters]) -> tuple[Floats, Floats]:
    """Lattices ``[C, 3, 3]`` and the points of all sites ``[s, 3]``."""
    return np.stack([p.lattice for p in parameters]), np.concatenate([p.points for p in parameters])
