"""`Batch` on one core of a CPU: NumPy, and the network's gradient written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats, Ints
from crysim_energies.quotient.cpu.graph import CpuAngles, CpuGraph, CpuNetwork
from crysim_energies.quotient.cpu.vectors import bond_vectors, pull_back
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.relaxation.evaluation import Evaluation
from crysim_energies.quotient.relaxation.layout import AnglesLayout, Layout, stacked

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
        self._layout = Layout(network.element_types, units, bonds)
        # kernels are compiled for this layout, and projectors come in any
        self._projectors = np.ascontiguousarray(self._layout.projectors, dtype=np.float32)

    def energies(self, parameters: Sequence[Parameters]) -> Floats:
        """Energies ``[C]``, eV per cell."""
        lattices, points = stacked(parameters)
        energies, _ = self._twin.energies(self._graph(self._vectors(lattices, points))[0])
        return energies

    def evaluate(self, parameters: Sequence[Parameters]) -> Evaluation:
        """Energies and their gradients in the free parameters."""
        lattices, points = stacked(parameters)
        graph, index = self._graph(self._vectors(lattices, points))
        energies, tape = self._twin.energies(graph)
        pulls = self._twin.pulls(graph, tape)
        strains, sites = np.zeros_like(lattices), np.zeros_like(points)
        shortest = np.full(len(lattices), np.inf)
        laid = self._layout
        ends = laid.bond_crystal, laid.center, laid.far, laid.far_maps
        pull_back(lattices, laid.maps, *ends, graph.vectors, pulls, index, strains, sites, shortest)
        return Evaluation(energies, laid.gradients(strains, sites), np.sqrt(shortest))

    def _vectors(self, lattices: Floats, points: Floats) -> Floats:
        laid = self._layout
        ends = laid.bond_crystal, laid.center, laid.far, laid.far_maps, laid.constants
        found: Floats = bond_vectors(lattices, points, laid.maps, laid.offsets, *ends)
        return found

    def _graph(self, vectors: Floats) -> tuple[CpuGraph, Ints]:
        """The graph of the bonds within the cut-off, the short ones first, and their indices in the list."""
        network, laid = self._network, self._layout
        squared = np.square(vectors).sum(axis=1)
        if laid.angles is not None:
            # rounding must not tell a bond from its reverse
            squared = squared[laid.angles.leader]
        short = squared <= network.threebody_cutoff**2
        within = squared <= network.cutoff**2
        first = np.flatnonzero(short & within)
        index = np.concatenate([first, np.flatnonzero(within & ~short)])
        graph = CpuGraph(
            num_crystals=len(laid.units),
            crystal=laid.site_crystal,
            species=laid.species,
            multiplicity=laid.multiplicity,
            projectors=self._projectors,
            center=laid.center[index],
            far=laid.far[index],
            count=laid.count[index],
            vectors=vectors[index],
            num_short=len(first),
            angles=None if laid.angles is None else _among(laid.angles, index, len(first)),
        )
        return graph, index


def _among(lists: AnglesLayout, index: Ints, num_short: int) -> CpuAngles:
    """The angles among some of the bonds listed, of which the first ``num_short`` are short."""
    leader = lists.leader[index]
    leads = leader == index
    leading = np.flatnonzero(leads)
    # the undirected bonds are numbered by their leaders' order in the graph; a bond outside of it has no number
    number = np.full(len(lists.leader), -1)
    number[index[leading]] = np.arange(len(leading))
    short = int((leading < num_short).sum())
    left, right = number[lists.left], number[lists.right]
    chosen = np.flatnonzero((np.minimum(left, right) >= 0) & (np.maximum(left, right) < short))
    return CpuAngles(
        undirected=number[leader],
        leading=leading,
        num_short=short,
        center=lists.center[chosen],
        left=left[chosen],
        right=right[chosen],
        rotations=lists.rotations[chosen],
        count=lists.count[chosen],
    )
