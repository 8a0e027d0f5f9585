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
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad, silu

from crysim.errors import InputError
from crysim.interfaces import Blend
from crysim_energies.quotient.geometry.harmonics import MAX_DEGREE, coefficients, degrees, monomials
from crysim_energies.quotient.networks.gated import GatedRows, both_towers
from crysim_energies.quotient.networks.graph import QuotientGraph
from crysim_energies.quotient.networks.layers import Convert, GatedMLP, Linear, with_blend
from crysim_energies.quotient.networks.radial import RadialBasis, polynomial_cutoff, tabulated

if TYPE_CHECKING:
    from crysim_energies.m3gnet_parts import M3GNetParts


class QuotientM3GNet:
    """A loaded M3GNet potential, to be evaluated on quotient graphs.

    Args:
        potential: what `crysim_energies.matgl_loading.load_parts` or `load_m3gnet` returns; its weights are copied.
        dtype: of the network; basis functions and the sums over atoms are float64 in any case.
        device: where the network runs.

    Raises:
        InputError: the model has parts that this module does not know (state features, a set2set readout, ...).
    """

    def __init__(
        self,
        potential: M3GNetParts,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        model = potential.model
        _refuse_unknown_parts(model)
        self.element_types = potential.element_types
        self.cutoff = potential.cutoff
        self.threebody_cutoff = potential.threebody_cutoff
        self.uses_angles = False
        self.convention = potential.convention
        self.max_l = int(model.max_l)
        self.dtype = dtype
        self.device = torch.device(device)
        self.made: dict[str, Any] = {}
        self.data_mean = potential.data_mean
        self.data_std = potential.data_std
        self.element_refs = potential.element_refs.detach().to(self.device, torch.float64)
        self.bond_basis = RadialBasis(model.bond_expansion.rbf, self.device)
        self.angle_basis = RadialBasis(model.basis_expansion.sbf, self.device)
        self._same_basis = self.angle_basis.same_as(self.bond_basis)
        radials = int(model.max_n)
        # harmonics() leaves out the normalisation of Y_l0
        norm = [math.sqrt((2 * degree + 1) / (4 * math.pi)) for degree in range(self.max_l)]
        self.norm = torch.tensor(norm, dtype=torch.float64, device=self.device).repeat_interleave(radials)
        spread = torch.eye(self.max_l)[:, degrees(self.max_l)]
        self._spread = torch.kron(spread, torch.eye(radials)).to(self.device, dtype)
        matrix = torch.from_numpy(coefficients(self.max_l)).repeat_interleave(radials, dim=1)
        self._harmonics = matrix.to(self.device, dtype)

        def convert(parameter: torch.Tensor) -> torch.Tensor:
            return parameter.detach().to(self.device, dtype)

        self.node_embedding = convert(model.embedding.layer_node_embedding.weight)
        self.edge_embedding = Linear.from_module(model.embedding.layer_edge_embedding.layers[0], convert)
        self.blocks = [
            Block(interaction, layer.conv, convert)
            for interaction, layer in zip(model.three_body_interactions, model.graph_layers, strict=True)
        ]
        self.readout = GatedMLP.from_matgl(model.final_layer.gated, convert)

    def energies(self, graph: QuotientGraph) -> torch.Tensor:
        """Energies of the crystals, eV per cell, ``[C]`` float64, differentiable in the graph's vectors."""
        lengths = graph.vectors.norm(dim=1)
        basis = self.bond_basis(lengths.detach())
        radial = tabulated(lengths, *basis, self.dtype)
        pairs = self._pair_basis(graph, lengths, basis)
        weights = graph.message_weights(self.convention).to(self.dtype)[:, None]
        receiver = graph.center if self.convention == "source" else graph.far
        ends = [both_towers(atoms, len(graph.species)) for atoms in (graph.center, graph.far)]
        nodes = self.node_embedding.index_select(0, graph.species)
        edges = silu(self.edge_embedding(radial))
        for block in self.blocks:
            edges = block.add_three_body(graph, pairs, nodes, edges)
            edges, messages = block.convolve(ends, radial, nodes, edges)
            nodes = nodes.index_add(0, receiver, messages * weights)
        atomic = self.readout(nodes).reshape(-1).double()
        atomic = (self.data_std * atomic + self.element_refs[graph.species]) * graph.multiplicity
        energies: torch.Tensor = atomic.new_full((graph.num_crystals,), self.data_mean)
        return energies.index_add(0, graph.crystal, atomic)

    def blended(self, blend: Blend) -> QuotientM3GNet:
        """The network in which the blend's first element has the mean features and reference energy of all."""
        one = copy(self)
        one.node_embedding = with_blend(self.node_embedding, self.element_types, blend)
        one.element_refs = with_blend(self.element_refs, self.element_types, blend)
        return one

    def _pair_basis(
        self, graph: QuotientGraph, lengths: torch.Tensor, basis: tuple[torch.Tensor, torch.Tensor]
    ) -> _PairBasis:
        """Equation 2's basis functions of the short bonds, which no layer changes."""
        short = graph.num_short
        lengths, vectors = lengths[:short], graph.vectors[:short]
        known = lengths.detach()
        values, slopes = (part[:short] for part in basis) if self._same_basis else self.angle_basis(known)
        cut, cut_slope = (part[:, None] for part in polynomial_cutoff(known, self.threebody_cutoff))
        # times the smooth cut-off once for a bond that is a neighbour, twice for one that meets itself
        once, once_slope = self.norm * values * cut, self.norm * (slopes * cut + values * cut_slope)
        twice, twice_slope = once * cut, once_slope * cut + once * cut_slope
        count = graph.count[:short, None]
        table = tabulated(
            lengths,
            torch.cat([once * count, twice, cut], dim=1),
            torch.cat([once_slope * count, twice_slope, cut_slope], dim=1),
            self.dtype,
        )
        radials = values.shape[1]
        components = monomials((vectors / lengths[:, None]).to(self.dtype), self.max_l) @ self._harmonics
        return _PairBasis(
            spread=self._spread,
            own=table[:, radials : 2 * radials],
            harmonics=components * table[:, 2 * radials :],
            shares=(table[:, :radials] @ self._spread) * components,
            center=graph.center[:short],
            far=graph.far[:short],
        )


@dataclass(frozen=True)
class _PairBasis:
    """What the three-body sums of all layers share; T short bonds, M = max_l² components, N radial functions each.

    Attributes:
        spread: hands the functions (l, n) to all components of degree l, ``[max_l N, M N]``, zeros and ones.
        own: what a bond adds to its own sum and must not: its radial functions, ``[T, max_l N]``.
        harmonics: C_lm of the bond's direction times its smooth cut-off, ``[T, M N]``, the same for every n.
        shares: what the bond, times its count, adds to its representative's sum, ``[T, M N]``.
        center, far: the orbits at its ends, ``[T]``.
    """

    spread: torch.Tensor
    own: torch.Tensor
    harmonics: torch.Tensor
    shares: torch.Tensor
    center: torch.Tensor
    far: torch.Tensor


class Block:
    """One layer: the three-body interaction (equations 2 and 3) and the graph convolution (4 and 5)."""

    def __init__(self, interaction: Any, conv: Any, convert: Convert) -> None:
        self.atom = Linear.from_module(interaction.update_network_atom.layers[0], convert)
        self.bond = GatedMLP.from_matgl(interaction.update_network_bond, convert)
        n = self.atom.weight.shape[0]
        self.edge = _BondNetwork(conv.edge_update_func, conv.edge_weight_func, n, convert)
        self.node = _BondNetwork(conv.node_update_func, conv.node_weight_func, n, convert)
        nets = (self.edge.gated, self.node.gated)
        self._bias = torch.cat([net.bias for net in nets])
        self._center_weight, self._far_weight = (torch.cat([net.parts[i] for net in nets]) for i in (0, 1))

    def add_three_body(
        self, graph: QuotientGraph, pairs: _PairBasis, nodes: torch.Tensor, edges: torch.Tensor
    ) -> torch.Tensor:
        """Bond features ``[U, features]`` with the three-body update of the short ones."""
        short = len(pairs.center)
        if not short:
            return edges
        gates = torch.sigmoid(self.atom(nodes)).index_select(0, pairs.far)
        sums = nodes.new_zeros(len(nodes), pairs.shares.shape[1])
        sums = sums.index_add(0, pairs.center, pairs.shares * (gates @ pairs.spread))
        # the representative's own bonds stand for their images under the site's group
        sums = torch.bmm(graph.projectors, sums.reshape(len(nodes), graph.projectors.shape[1], -1)).flatten(1)
        total = (sums.index_select(0, pairs.center) * pairs.harmonics) @ pairs.spread.T
        # a bond makes no pair with itself, and P_l(1) = 1
        update = self.bond(total - pairs.own * gates)
        return edges + pad(update, (0, 0, 0, len(edges) - short))

    def convolve(
        self, ends: list[torch.Tensor], radial: torch.Tensor, nodes: torch.Tensor, edges: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """New bond features ``[U, features]`` and the messages to the atoms ``[U, features]``."""
        stacked = nodes.expand(4, *nodes.shape)
        center = torch.baddbmm(self._bias, stacked, self._center_weight)
        far = torch.bmm(stacked, self._far_weight)
        (of_edge, of_node), (to_edge, to_node) = center.chunk(2), far.chunk(2)
        edges = edges + self.edge([of_edge, to_edge], ends, edges, radial)
        return edges, self.node([of_node, to_node], ends, edges, radial)


class _BondNetwork:
    """A gated network of (centre's features, far end's features, bond's features), weighted by the bond's length.

    Attributes:
        gated: the network, its parts in this order.
    """

    def __init__(self, gated: Any, weight: Any, num_node_features: int, convert: Convert) -> None:
        n = num_node_features
        rest = next(iter(gated.layers)).in_features - 2 * n
        self.gated = GatedRows.from_matgl(gated, (n, n, rest), convert)
        self.radial_weight = Linear.from_module(weight, convert).weight

    def __call__(
        self, tables: list[torch.Tensor], ends: list[torch.Tensor], edges: torch.Tensor, radial: torch.Tensor
    ) -> torch.Tensor:
        """Messages ``[U, out]``.

        Args:
            tables: the first layer's share of every atom as a centre (bias included) and as a far end,
                ``[2, R, hidden]`` each.
            ends: the atoms at both ends of the bonds (`both_towers`).
            edges: bond features ``[U, features]``.
            radial: basis functions of the bond lengths ``[U, n]``.
        """
        return self.gated(tables, ends, radial @ self.radial_weight, own=(2, edges))


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
