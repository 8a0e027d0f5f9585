"""M3GNet's energy on the quotient graph of crystals by their symmetry.

M3GNet (Chen & Ong, Nat. Comput. Sci. 2, 718 (2022)) gives every atom and every bond features that are invariant
scalars, so atoms of one orbit carry equal features, and so do bonds that a site's symmetry maps onto each other. This
module evaluates the network on one representative of each. Three things make that exact and fast:

- a message is weighted by how often it occurs at the atom that receives it (`QuotientGraph.message_weights`);
- the sum over pairs of bonds at an atom (equation 2) factorises by the addition theorem of spherical harmonics, so no
  pair is ever formed: Σ_k f(r_ik) P_l(u_ij · u_ik) = Σ_m C_lm(u_ij) [Σ_k f(r_ik) C_lm(u_ik)];
- the first layer of every network on a bond splits into a product per atom at each end and a product per bond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import silu

from crysim.errors import InputError
from crysim_energies.quotient.graph import QuotientGraph
from crysim_energies.quotient.harmonics import MAX_DEGREE, degrees, harmonics
from crysim_energies.quotient.layers import BondNetwork, Convert, GatedMLP, Linear
from crysim_energies.quotient.radial import RadialBasis

if TYPE_CHECKING:
    from crysim_energies.matgl_loading import M3GNetPotential


class QuotientM3GNet:
    """A loaded M3GNet potential, to be evaluated on quotient graphs.

    Args:
        potential: what `crysim_energies.matgl_loading.load_m3gnet` returns; its weights are copied.
        dtype: of the network; basis functions and the sums over atoms are float64 in any case.
        device: where the network runs.

    Raises:
        InputError: the model has parts that this module does not know (state features, a set2set readout, ...).
    """

    def __init__(
        self, potential: M3GNetPotential, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> None:
        model = potential.model
        _refuse_unknown_parts(model)
        self.element_types = potential.element_types
        self.cutoff = potential.cutoff
        self.threebody_cutoff = potential.threebody_cutoff
        self.convention = potential.convention
        self.max_l = int(model.max_l)
        self.dtype = dtype
        self.device = torch.device(device)
        self._data_mean = potential.data_mean
        self._data_std = potential.data_std
        self._element_refs = potential.element_refs.detach().to(self.device, torch.float64)
        self._bond_basis = RadialBasis(model.bond_expansion.rbf, self.device)
        self._angle_basis = RadialBasis(model.basis_expansion.sbf, self.device)

        def convert(parameter: torch.Tensor) -> torch.Tensor:
            return parameter.detach().to(self.device, dtype)

        self._node_embedding = convert(model.embedding.layer_node_embedding.weight)
        self._edge_embedding = Linear.from_module(model.embedding.layer_edge_embedding.layers[0], convert)
        self._blocks = [
            _Block(interaction, layer.conv, convert)
            for interaction, layer in zip(model.three_body_interactions, model.graph_layers, strict=True)
        ]
        self._readout = GatedMLP.from_matgl(model.final_layer.gated, convert)

    def energies(self, graph: QuotientGraph) -> torch.Tensor:
        """Energies of the crystals, eV per cell, ``[C]`` float64, differentiable in the graph's vectors."""
        lengths = graph.vectors.norm(dim=1)
        radial = self._bond_basis(lengths)
        pairs = self._pair_basis(graph, lengths, radial)
        radial = radial.to(self.dtype)
        weights = graph.message_weights(self.convention).to(self.dtype)[:, None]
        receiver = graph.center if self.convention == "source" else graph.far
        nodes = self._node_embedding.index_select(0, graph.species)
        edges = silu(self._edge_embedding(radial))
        for block in self._blocks:
            edges = block.add_three_body(graph, pairs, nodes, edges)
            edges, messages = block.convolve(graph, radial, nodes, edges)
            nodes = nodes.index_add(0, receiver, messages * weights)
        atomic = self._readout(nodes).reshape(-1).double()
        atomic = (self._data_std * atomic + self._element_refs[graph.species]) * graph.multiplicity
        energies: torch.Tensor = atomic.new_full((graph.num_crystals,), self._data_mean)
        return energies.index_add(0, graph.crystal, atomic)

    def _pair_basis(self, graph: QuotientGraph, lengths: torch.Tensor, radial: torch.Tensor) -> _PairBasis:
        """Equation 2's basis functions of the short bonds, which no layer changes."""
        short = graph.num_short
        lengths = lengths[:short]
        basis = radial[:short] if self._angle_basis == self._bond_basis else self._angle_basis(lengths)
        cutoff = _polynomial_cutoff(lengths / self.threebody_cutoff)
        basis = basis.reshape(short, self.max_l, basis.shape[1] // self.max_l) * cutoff[:, None, None]
        norm = [math.sqrt((2 * degree + 1) / (4 * math.pi)) for degree in range(self.max_l)]
        basis = basis * basis.new_tensor(norm)[:, None]
        directions = harmonics(graph.vectors[:short] / lengths[:, None], self.max_l)
        counted = basis * graph.count[:short, None, None]
        degree = torch.tensor(degrees(self.max_l), device=basis.device)
        return _PairBasis(
            degree=degree,
            cutoff=cutoff[:, None].to(self.dtype),
            own=basis.to(self.dtype),
            harmonics=directions[:, :, None].to(self.dtype),
            shares=(counted.index_select(1, degree) * directions[:, :, None]).to(self.dtype),
            center=graph.center[:short],
            far=graph.far[:short],
        )


@dataclass(frozen=True)
class _PairBasis:
    """What the three-body sums of all layers share; T short bonds, M = max_l² components, N radial functions.

    Attributes:
        degree: l of every component, ``[M]``.
        cutoff: the smooth three-body cut-off of the bond, ``[T, 1]``.
        own: radial functions with Y_l0's normalisation, ``[T, max_l, N]``.
        harmonics: C_lm of the bond's direction, ``[T, M, 1]``.
        shares: what the bond, times its count, adds to its representative's sum, ``[T, M, N]``.
        center, far: the orbits at its ends, ``[T]``.
    """

    degree: torch.Tensor
    cutoff: torch.Tensor
    own: torch.Tensor
    harmonics: torch.Tensor
    shares: torch.Tensor
    center: torch.Tensor
    far: torch.Tensor


class _Block:
    """One layer: the three-body interaction (equations 2 and 3) and the graph convolution (4 and 5)."""

    def __init__(self, interaction: Any, conv: Any, convert: Convert) -> None:
        self._atom = Linear.from_module(interaction.update_network_atom.layers[0], convert)
        self._bond = GatedMLP.from_matgl(interaction.update_network_bond, convert)
        n = self._atom.weight.shape[0]
        self._edge = BondNetwork(conv.edge_update_func, conv.edge_weight_func, n, convert)
        self._node = BondNetwork(conv.node_update_func, conv.node_weight_func, n, convert)
        self._center_weight = torch.cat([self._edge.center_weight, self._node.center_weight], dim=1)
        self._far_weight = torch.cat([self._edge.far_weight, self._node.far_weight], dim=1)
        self._bias = torch.cat([self._edge.bias, self._node.bias])

    def add_three_body(
        self, graph: QuotientGraph, pairs: _PairBasis, nodes: torch.Tensor, edges: torch.Tensor
    ) -> torch.Tensor:
        """Bond features ``[U, features]`` with the three-body update of the short ones."""
        short, components, radials = pairs.shares.shape
        if not short:
            return edges
        gates = torch.sigmoid(self._atom(nodes)).index_select(0, pairs.far).reshape(short, -1, radials)
        shares = pairs.shares * gates.index_select(1, pairs.degree)
        sums = shares.new_zeros(len(nodes), components * radials).index_add(0, pairs.center, shares.reshape(short, -1))
        # the representative's own bonds stand for their images under the site's group
        sums = torch.bmm(graph.projectors, sums.reshape(-1, components, radials)).reshape(len(nodes), -1)
        products = sums.index_select(0, pairs.center).reshape(short, components, radials) * pairs.harmonics
        total = products.new_zeros(short, pairs.own.shape[1], radials).index_add(1, pairs.degree, products)
        # a bond makes no pair with itself, and P_l(1) = 1
        total = (total - pairs.own * gates).reshape(short, -1) * pairs.cutoff
        return torch.cat([edges[:short] + self._bond(total), edges[short:]])

    def convolve(
        self, graph: QuotientGraph, radial: torch.Tensor, nodes: torch.Tensor, edges: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """New bond features ``[U, features]`` and the messages to the atoms ``[U, features]``."""
        center = torch.addmm(self._bias, nodes, self._center_weight).index_select(0, graph.center)
        ends = center + (nodes @ self._far_weight).index_select(0, graph.far)
        width = self._edge.width
        edges = edges + self._edge(ends[:, :width], edges, radial)
        return edges, self._node(ends[:, width:], edges, radial)


def _polynomial_cutoff(ratio: torch.Tensor) -> torch.Tensor:
    """1 - 10 x³ + 15 x⁴ - 6 x⁵ below the cut-off, x the length over it; zero beyond (arXiv:2003.03123)."""
    cubed = ratio**3
    return torch.where(ratio <= 1, 1 - cubed * (10 - 15 * ratio + 6 * ratio * ratio), torch.zeros_like(ratio))


def _refuse_unknown_parts(model: Any) -> None:
    unknown = {
        "state features": bool(model.include_state),
        "an intensive readout": bool(model.is_intensive),
        "azimuthal angles (use_phi)": bool(model.basis_expansion.use_phi),
        f"harmonics beyond degree {MAX_DEGREE}": int(model.max_l) > MAX_DEGREE + 1,
        "an activation other than swish": not isinstance(model.embedding.layer_edge_embedding.layers[1], torch.nn.SiLU),
    }
    for part, present in unknown.items():
        if present:
            raise InputError(f"this M3GNet has {part}: relax it with the option relaxer='ase'")
