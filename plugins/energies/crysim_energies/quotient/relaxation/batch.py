"""Energies and gradients of many crystals at once, as functions of their free parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from crysim.arrays import Floats, Ints
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.networks.graph import Angles, QuotientGraph
from crysim_energies.quotient.networks.network import QuotientNetwork
from crysim_energies.quotient.relaxation.evaluation import Evaluation
from crysim_energies.quotient.relaxation.layout import AnglesLayout, Layout, stacked


class Batch:
    """Crystals with their lists of bonds, laid out as one graph on the network's device.

    Args:
        network: what is evaluated.
        units: the crystals.
        bonds: a list of each, which must hold every bond within the network's cut-off at the parameters evaluated.
    """

    def __init__(self, network: QuotientNetwork, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]) -> None:
        self._network = network
        self._layout = laid = Layout(network.element_types, units, bonds)

        def tensor(array: Floats | Ints, dtype: torch.dtype | None = None) -> torch.Tensor:
            return torch.as_tensor(array, dtype=dtype, device=network.device)

        self._species, self._multiplicity = tensor(laid.species), tensor(laid.multiplicity)
        self._projectors = tensor(laid.projectors, network.dtype)
        self._site_crystal, self._bond_crystal = tensor(laid.site_crystal), tensor(laid.bond_crystal)
        self._maps, self._offsets = tensor(laid.maps), tensor(laid.offsets)
        self._center, self._far, self._count = tensor(laid.center), tensor(laid.far), tensor(laid.count)
        self._far_maps, self._constants = tensor(laid.far_maps), tensor(laid.constants)
        self._angles = None if laid.angles is None else _BatchedAngles(laid.angles, network.device)

    def __len__(self) -> int:
        return len(self._layout.units)

    def energies(self, parameters: Sequence[Parameters]) -> Floats:
        """Energies ``[C]``, eV per cell."""
        with torch.no_grad():
            lattices, points = self._upload(parameters)
            fractional = self._fractional(points)
            graph, _ = self._graph(_rows_times(fractional, lattices[self._bond_crystal]))
            energies: Floats = self._network.energies(graph).cpu().numpy()
            return energies

    def evaluate(self, parameters: Sequence[Parameters]) -> Evaluation:
        """Energies and their gradients in the free parameters."""
        lattices, points = self._upload(parameters)
        fractional = self._fractional(points)
        vectors = _rows_times(fractional, lattices[self._bond_crystal])
        graph, index = self._graph(vectors)
        graph.vectors.requires_grad_()
        energies = self._network.energies(graph)
        (pull,) = torch.autograd.grad(energies.sum(), graph.vectors)
        with torch.no_grad():
            count = len(self._layout.units)
            crystal = self._bond_crystal.index_select(0, index)
            center, far = graph.center, graph.far
            outer = (graph.vectors[:, :, None] * pull[:, None, :]).reshape(-1, 9)
            strain = outer.new_zeros(count, 9).index_add(0, crystal, outer)
            # dE/d(fractional vector), then back through the maps of both ends
            pull = (lattices[crystal] * pull[:, None, :]).sum(2)
            at_far = (self._far_maps.index_select(0, index) * pull[:, :, None]).sum(1)
            at_center = points.new_zeros(points.shape).index_add(0, center, pull)
            at_center = (self._maps * at_center[:, :, None]).sum(1)
            site = points.new_zeros(points.shape).index_add(0, far, at_far) - at_center
            lengths = graph.vectors.norm(dim=1)
            shortest = lengths.new_full((count,), torch.inf).scatter_reduce(0, crystal, lengths, "amin")
            # one transfer for all of it
            packed = torch.cat([energies.detach(), shortest, strain.reshape(-1), site.reshape(-1)]).cpu().numpy()
        energies_out, shortest_out, strains, sites = np.split(packed, np.cumsum([count, count, 9 * count]))
        return Evaluation(
            energies_out, self._layout.gradients(strains.reshape(-1, 3, 3), sites.reshape(-1, 3)), shortest_out
        )

    def _upload(self, parameters: Sequence[Parameters]) -> tuple[torch.Tensor, torch.Tensor]:
        lattices, points = (torch.as_tensor(part, device=self._network.device) for part in stacked(parameters))
        return lattices, points

    def _fractional(self, points: torch.Tensor) -> torch.Tensor:
        """Fractional vectors of all bonds listed, ``[u, 3]``."""
        coordinates = (self._maps * points[:, None, :]).sum(2) + self._offsets
        far = (self._far_maps * points.index_select(0, self._far)[:, None, :]).sum(2) + self._constants
        return far - coordinates.index_select(0, self._center)

    def _graph(self, vectors: torch.Tensor) -> tuple[QuotientGraph, torch.Tensor]:
        """The graph of the bonds within the cut-off, the short ones first, and their indices in the list."""
        network = self._network
        squared = (vectors * vectors).sum(1)
        if self._angles is not None:
            # rounding must not tell a bond from its reverse
            squared = squared.index_select(0, self._angles.leader)
        short = squared <= network.threebody_cutoff**2
        within = squared <= network.cutoff**2
        first = torch.nonzero(short & within)[:, 0]
        index = torch.cat([first, torch.nonzero(within & ~short)[:, 0]])
        graph = QuotientGraph(
            num_crystals=len(self._layout.units),
            crystal=self._site_crystal,
            species=self._species,
            multiplicity=self._multiplicity,
            projectors=self._projectors,
            center=self._center.index_select(0, index),
            far=self._far.index_select(0, index),
            count=self._count.index_select(0, index),
            vectors=vectors.index_select(0, index),
            num_short=len(first),
            angles=None if self._angles is None else self._angles.among(index, len(first)),
        )
        return graph, index


class _BatchedAngles:
    """The lists of angles of several crystals as one."""

    def __init__(self, laid: AnglesLayout, device: torch.device) -> None:
        def tensor(array: Floats | Ints) -> torch.Tensor:
            return torch.as_tensor(array, device=device)

        self.leader, self._center = tensor(laid.leader), tensor(laid.center)
        self._left, self._right = tensor(laid.left), tensor(laid.right)
        self._rotations, self._count = tensor(laid.rotations), tensor(laid.count)

    def among(self, index: torch.Tensor, num_short: int) -> Angles:
        """The angles among some of the bonds listed, of which the first ``num_short`` are short."""
        leader = self.leader.index_select(0, index)
        leads = leader == index
        # the undirected bonds are numbered by their leaders' order in the graph
        number = torch.full_like(self.leader, -1).index_copy(0, index, torch.where(leads, leads.cumsum(0) - 1, -1))
        leading = torch.nonzero(leads)[:, 0]
        short = int((leading < num_short).sum())
        left, right = number.index_select(0, self._left), number.index_select(0, self._right)
        # a bond that is not in the graph has no number
        chosen = torch.nonzero((torch.minimum(left, right) >= 0) & (torch.maximum(left, right) < short))[:, 0]
        return Angles(
            undirected=number.index_select(0, leader),
            leading=leading,
            num_short=short,
            center=self._center.index_select(0, chosen),
            left=left.index_select(0, chosen),
            right=right.index_select(0, chosen),
            rotations=self._rotations.index_select(0, chosen),
            count=self._count.index_select(0, chosen),
        )


def _rows_times(rows: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """``rows[i] @ matrices[i]`` for ``[n, 3]`` and ``[n, 3, 3]``: faster than a batched product of tiny matrices."""
    return (rows[:, :, None] * matrices).sum(1)
