"""`Batch` on one core of a CPU: NumPy, and the network's gradient written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats, Ints
from crysim_energies.quotient.cpu.graph import CpuAngles, CpuGraph, CpuNetwork
from crysim_energies.quotient.cpu.vectors import bond_vectors, pull_back
from crysim_energies.quotient.geometry.angles import AngleList
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.relaxation.evaluation import Evaluation

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork


class CpuBatch:
    """Crystals with their lists of bonds, laid out as one graph.

    Args:
        network: what is evaluated.
        twin: the same on a CPU (`crysim_energies.quotient.cpu.twin`).
        units: the crystals.
        bonds: a list of each, which must hold every bond within the network's cut-off at the parameters evaluated.
    """

    def __init__(
        self, network: QuotientNetwork, twin: CpuNetwork, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]
    ) -> None:
        self._network, self._twin = network, twin
        self._units = units
        sites = np.array([len(unit.multiplicities) for unit in units])
        sizes = np.array([len(b.center) for b in bonds])
        first_site = np.concatenate([[0], np.cumsum(sites)])
        shift = np.repeat(first_site[:-1], sizes)
        index = {element: i for i, element in enumerate(network.element_types)}
        self._species = np.array([index[site.element] for unit in units for site in unit.crystal.sites], dtype=np.int64)
        self._multiplicity = np.concatenate([u.multiplicities for u in units]).astype(np.float64)
        self._projectors = np.concatenate([u.projectors for u in units]).astype(np.float32)
        self._site_crystal = np.repeat(np.arange(len(units)), sites)
        self._maps = np.concatenate([u.maps for u in units])
        self._offsets = np.concatenate([u.offsets for u in units])
        self._center = np.concatenate([b.center for b in bonds]) + shift
        self._far = np.concatenate([b.far for b in bonds]) + shift
        self._count = np.concatenate([b.count for b in bonds]).astype(np.float64)
        self._far_maps = np.concatenate([b.far_maps for b in bonds])
        self._constants = np.concatenate([b.constants for b in bonds])
        self._bond_crystal = np.repeat(np.arange(len(units)), sizes)
        angles = [b.angles for b in bonds if b.angles is not None]
        self._angles = _CpuAngleLists(angles, first_site) if network.uses_angles else None

    def energies(self, parameters: Sequence[Parameters]) -> Floats:
        """Energies ``[C]``, eV per cell."""
        lattices, points = _stacked(parameters)
        energies, _ = self._twin.energies(self._graph(self._vectors(lattices, points))[0])
        return energies

    def evaluate(self, parameters: Sequence[Parameters]) -> Evaluation:
        """Energies and their gradients in the free parameters."""
        lattices, points = _stacked(parameters)
        graph, index = self._graph(self._vectors(lattices, points))
        energies, tape = self._twin.energies(graph)
        pulls = self._twin.pulls(graph, tape)
        strains, sites = np.zeros_like(lattices), np.zeros_like(points)
        shortest = np.full(len(lattices), np.inf)
        ends = self._center, self._far, self._far_maps
        pull_back(
            lattices, self._maps, self._bond_crystal, *ends, graph.vectors, pulls, index, strains, sites, shortest
        )
        return Evaluation(energies, self._gradients(strains, sites), np.sqrt(shortest))

    def _vectors(self, lattices: Floats, points: Floats) -> Floats:
        ends = self._center, self._far, self._far_maps, self._constants
        found: Floats = bond_vectors(lattices, points, self._maps, self._offsets, self._bond_crystal, *ends)
        return found

    def _graph(self, vectors: Floats) -> tuple[CpuGraph, Ints]:
        """The graph of the bonds within the cut-off, the short ones first, and their indices in the list."""
        network = self._network
        squared = np.square(vectors).sum(axis=1)
        if self._angles is not None:
            # rounding must not tell a bond from its reverse
            squared = squared[self._angles.leader]
        short = squared <= network.threebody_cutoff**2
        within = squared <= network.cutoff**2
        first = np.flatnonzero(short & within)
        index = np.concatenate([first, np.flatnonzero(within & ~short)])
        graph = CpuGraph(
            num_crystals=len(self._units),
            crystal=self._site_crystal,
            species=self._species,
            multiplicity=self._multiplicity,
            projectors=self._projectors,
            center=self._center[index],
            far=self._far[index],
            count=self._count[index],
            vectors=vectors[index],
            num_short=len(first),
            angles=None if self._angles is None else self._angles.among(index, len(first)),
        )
        return graph, index

    def _gradients(self, strains: Floats, sites: Floats) -> list[Floats]:
        gradients = []
        start = 0
        for strain, unit in zip(strains, self._units, strict=True):
            end = start + len(unit.multiplicities)
            cell = unit.basis.reshape(-1, 9) @ strain.reshape(9)
            gradients.append(np.concatenate([cell, sites[start:end][unit.free]]))
            start = end
        return gradients


class _CpuAngleLists:
    """The lists of angles of several crystals as one."""

    def __init__(self, lists: Sequence[AngleList], first_site: Ints) -> None:
        angles = [len(a.left) for a in lists]
        first_bond = np.concatenate([[0], np.cumsum([len(a.leader) for a in lists])])
        bond_shift = np.repeat(first_bond[:-1], angles)
        self.leader = np.concatenate([a.leader for a in lists]) + np.repeat(first_bond[:-1], np.diff(first_bond))
        self._center = np.concatenate([a.center for a in lists]) + np.repeat(first_site[:-1], angles)
        self._left = np.concatenate([a.left for a in lists]) + bond_shift
        self._right = np.concatenate([a.right for a in lists]) + bond_shift
        self._rotations = np.concatenate([a.rotations for a in lists])
        self._count = np.concatenate([a.count for a in lists]).astype(np.float64)

    def among(self, index: Ints, num_short: int) -> CpuAngles:
        """The angles among some of the bonds listed, of which the first ``num_short`` are short."""
        leader = self.leader[index]
        leads = leader == index
        leading = np.flatnonzero(leads)
        # the undirected bonds are numbered by their leaders' order in the graph; a bond outside of it has no number
        number = np.full(len(self.leader), -1)
        number[index[leading]] = np.arange(len(leading))
        short = int((leading < num_short).sum())
        left, right = number[self._left], number[self._right]
        chosen = np.flatnonzero((np.minimum(left, right) >= 0) & (np.maximum(left, right) < short))
        return CpuAngles(
            undirected=number[leader],
            leading=leading,
            num_short=short,
            center=self._center[chosen],
            left=left[chosen],
            right=right[chosen],
            rotations=self._rotations[chosen],
            count=self._count[chosen],
        )


def _stacked(parameters: Sequence[Parameters]) -> tuple[Floats, Floats]:
    return np.stack([p.lattice for p in parameters]), np.concatenate([p.points for p in parameters])
