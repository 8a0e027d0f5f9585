"""CHGNet's energy on the quotient graph of crystals by their symmetry.

CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)) gives atoms, undirected bonds and angles features that are
invariant scalars, so those of one orbit carry equal features. This module evaluates the network on one representative
of each, with three weights:

- an atom's sum takes the message of a bond that leaves it as often as its site's symmetry repeats the bond;
- an undirected bond's sum takes the messages of the angles at both of its ends, which are those of two bonds that leave
  representatives, or twice those of one that is its own reverse;
- such a sum takes an angle as often as the symmetry of the bond repeats its second bond.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import layer_norm, pad, silu

from crysim.errors import InputError
from crysim.interfaces import Blend
from crysim_energies.quotient.networks.gated import GatedRows, both_towers
from crysim_energies.quotient.networks.graph import Angles, QuotientGraph
from crysim_energies.quotient.networks.layers import Convert, Linear, with_blend
from crysim_energies.quotient.networks.radial import SmoothBessel, tabulated

STRAIGHT = 1 - 1e-6
"""chgnet multiplies cosines by this, so that the arc cosine has a slope everywhere."""


class QuotientCHGNet:
    """A loaded CHGNet, to be evaluated on quotient graphs.

    Args:
        model: chgnet's ``CHGNet``; its weights are copied.
        dtype: of the network; basis functions and the sums over atoms are float64 in any case.
        device: where the network runs.

    Raises:
        InputError: the model has parts that this module does not know (attention in the readout, batch norms, ...).
    """

    def __init__(self, model: Any, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> None:
        from pymatgen.core import Element

        _refuse_unknown_parts(model)
        self.element_types = tuple(
            Element.from_Z(z + 1).symbol for z in range(len(model.atom_embedding.embedding.weight))
        )
        self.cutoff = float(model.graph_converter.atom_graph_cutoff)
        self.threebody_cutoff = float(model.graph_converter.bond_graph_cutoff)
        self.uses_angles = True
        self.max_l = 1
        self.dtype = dtype
        self.device = torch.device(device)
        self.made: dict[str, Any] = {}

        def convert(parameter: torch.Tensor) -> torch.Tensor:
            return parameter.detach().to(self.device, dtype)

        references = torch.zeros(len(self.element_types))
        if model.composition_model is not None:
            references = model.composition_model.fc.weight.reshape(-1)
        self.references = references.detach().to(self.device, torch.float64)
        basis = model.bond_basis_expansion
        self.long_basis = SmoothBessel(basis.rbf_expansion_ag, self.device)
        self.short_basis = SmoothBessel(basis.rbf_expansion_bg, self.device)
        frequencies = model.angle_basis_expansion.fourier_expansion.frequencies
        self.frequencies = frequencies.detach().to(self.device, torch.float64)
        self.nodes = convert(model.atom_embedding.embedding.weight)
        # features and weights of the bonds, from one product
        self.edges = torch.cat(
            [convert(m.weight) for m in (model.bond_embedding, model.bond_weights_ag)]
        ).T.contiguous()
        self.short_weights = Linear.from_module(model.bond_weights_bg, convert)
        self.angles = Linear.from_module(model.angle_embedding, convert)
        sizes = _Sizes(model.atom_fea_dim, model.bond_fea_dim, model.angle_embedding.out_features)
        self.atom_convs = [AtomConv(layer, sizes, convert) for layer in model.atom_conv_layers]
        self.bond_convs = [BondConv(layer, sizes, convert) for layer in model.bond_conv_layers if layer is not None]
        # nothing looks at the angles after the last convolution of the bonds
        updates = [layer for layer in model.angle_layers if layer is not None][: max(0, len(self.bond_convs) - 1)]
        self.angle_updates = [AngleNetwork(layer, sizes, convert) for layer in updates]
        self.norm: tuple[torch.Tensor, torch.Tensor, float] | None = None
        if model.readout_norm is not None:
            norm = model.readout_norm
            self.norm = convert(norm.weight), convert(norm.bias), float(norm.eps)
        self.readout = [Linear.from_module(m, convert) for m in model.mlp.layers if isinstance(m, torch.nn.Linear)]

    def energies(self, graph: QuotientGraph) -> torch.Tensor:
        """Energies of the crystals, eV per cell, ``[C]`` float64, differentiable in the graph's vectors."""
        angles = graph.angles
        assert angles is not None
        vectors = graph.vectors.index_select(0, angles.leading)
        lengths = vectors.norm(dim=1)
        nodes = self.nodes.index_select(0, graph.species)
        embedded = tabulated(lengths, *self.long_basis(lengths.detach()), self.dtype) @ self.edges
        edges, weights = embedded[:, : -nodes.shape[1]], embedded[:, -nodes.shape[1] :]
        scale = weights.index_select(0, angles.undirected) * graph.count.to(self.dtype)[:, None]
        features, pair_scale = self._pairs(angles, vectors[: angles.num_short], lengths[: angles.num_short])
        ends = _Ends(graph, angles, self.dtype)
        for layer, conv in enumerate(self.atom_convs):
            nodes = conv(ends, nodes, edges, scale)
            if layer < len(self.bond_convs):
                edges = self.bond_convs[layer](ends, nodes, edges, features, pair_scale)
            if layer < len(self.angle_updates):
                features = features + self.angle_updates[layer](ends, nodes, edges, features)
        if self.norm is not None:
            nodes = layer_norm(nodes, nodes.shape[1:], *self.norm)
        for linear in self.readout[:-1]:
            nodes = silu(linear(nodes))
        atomic = self.readout[-1](nodes).reshape(-1).double()
        atomic = (atomic + self.references[graph.species]) * graph.multiplicity
        return atomic.new_zeros(graph.num_crystals).index_add(0, graph.crystal, atomic)

    def blended(self, blend: Blend) -> QuotientCHGNet:
        """The network in which the blend's first element has the mean features and reference energy of all."""
        one = copy(self)
        one.nodes = with_blend(self.nodes, self.element_types, blend)
        one.references = with_blend(self.references, self.element_types, blend)
        return one

    def _pairs(self, angles: Angles, vectors: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The angles' first features ``[A, f]``, and the weights of their messages ``[A, f]``."""
        weights = self.short_weights(tabulated(lengths, *self.short_basis(lengths.detach()), self.dtype))
        scale = weights.index_select(0, angles.left) * weights.index_select(0, angles.right)
        directions = vectors / lengths[:, None]
        turned = (angles.rotations * directions.index_select(0, angles.right)[:, None, :]).sum(2)
        cosines = (directions.index_select(0, angles.left) * turned).sum(1)
        angle = torch.acos(cosines * STRAIGHT)
        basis = tabulated(angle, *self._fourier(angle.detach()), self.dtype)
        return self.angles(basis), scale * angles.count.to(self.dtype)[:, None]

    def _fourier(self, angle: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Sines and cosines of the multiples of angles ``[n]``, ``[n, num_angular]``, and their slopes."""
        phase = angle[:, None] * self.frequencies
        sine, cosine = torch.sin(phase), torch.cos(phase)
        constant = torch.full_like(angle, math.sqrt(0.5))[:, None]
        values = torch.cat([constant, sine, cosine], dim=1)
        slopes = torch.cat([torch.zeros_like(constant), cosine * self.frequencies, -sine * self.frequencies], dim=1)
        return values / math.sqrt(math.pi), slopes / math.sqrt(math.pi)


@dataclass(frozen=True)
class _Sizes:
    """How many features atoms, bonds and angles have."""

    atom: int
    bond: int
    angle: int


class _Ends:
    """Which atoms and undirected bonds take part in each bond and in each angle, for both towers (`both_towers`).

    Attributes:
        with_angles: 1 for the undirected bonds of crystals that have angles, 0 for others, ``[V, 1]``.
    """

    def __init__(self, graph: QuotientGraph, angles: Angles, dtype: torch.dtype) -> None:
        atoms, bonds, self.num_short = len(graph.species), len(angles.leading), angles.num_short
        self.receiver = graph.center
        self.center = both_towers(graph.center, atoms)
        self.far = both_towers(graph.far, atoms)
        self.undirected = both_towers(angles.undirected, bonds)
        self.left_bond = angles.left
        self.left = both_towers(angles.left, self.num_short)
        self.right = both_towers(angles.right, self.num_short)
        self.vertex = both_towers(angles.center, atoms)
        crystals = torch.zeros(graph.num_crystals, dtype=dtype, device=graph.vectors.device)
        crystals.index_fill_(0, graph.crystal[angles.center], 1.0)
        self.with_angles = crystals[graph.crystal[graph.center[angles.leading]]][:, None]


class AtomConv:
    """Messages of the bonds to the atoms that they leave."""

    def __init__(self, layer: Any, sizes: _Sizes, convert: Convert) -> None:
        self.gated = GatedRows.from_chgnet(layer.twoBody_atom, (sizes.atom, sizes.bond, sizes.atom), convert)
        self.out = Linear.from_module(layer.mlp_out.layers[-1], convert)

    def __call__(self, ends: _Ends, nodes: torch.Tensor, edges: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """New features of the atoms ``[R, f]``."""
        gated = self.gated
        tables = [gated.table(0, nodes, bias=True), gated.table(1, edges), gated.table(2, nodes)]
        messages = gated(tables, [ends.center, ends.undirected, ends.far], scale)
        return nodes + self.out(torch.zeros_like(nodes).index_add(0, ends.receiver, messages))


class AngleNetwork:
    """A gated network of an angle's two bonds, itself and its vertex."""

    def __init__(self, layer: Any, sizes: _Sizes, convert: Convert) -> None:
        self.gated = GatedRows.from_chgnet(
            layer.twoBody_bond, (sizes.bond, sizes.bond, sizes.angle, sizes.atom), convert
        )

    def __call__(
        self,
        ends: _Ends,
        nodes: torch.Tensor,
        edges: torch.Tensor,
        features: torch.Tensor,
        scale: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Outputs ``[A, f]``, times a scale if there is one."""
        gated = self.gated
        short = edges[: ends.num_short]
        tables = [gated.table(0, short), gated.table(1, short), gated.table(3, nodes, bias=True)]
        return gated(tables, [ends.left, ends.right, ends.vertex], scale, own=(2, features))


class BondConv:
    """Messages of the angles to their left bonds."""

    def __init__(self, layer: Any, sizes: _Sizes, convert: Convert) -> None:
        self.messages = AngleNetwork(layer, sizes, convert)
        self.out = Linear.from_module(layer.mlp_out.layers[-1], convert)

    def __call__(
        self, ends: _Ends, nodes: torch.Tensor, edges: torch.Tensor, features: torch.Tensor, scale: torch.Tensor
    ) -> torch.Tensor:
        """New features of the undirected bonds ``[V, f]``."""
        messages = self.messages(ends, nodes, edges, features, scale)
        sums = messages.new_zeros(ends.num_short, edges.shape[1]).index_add(0, ends.left_bond, messages)
        edges = edges + pad(sums @ self.out.weight, (0, 0, 0, len(edges) - ends.num_short))
        # chgnet adds the bias to every bond of a crystal that has angles
        return edges if self.out.bias is None else edges + ends.with_angles * self.out.bias


def _refuse_unknown_parts(model: Any) -> None:
    from chgnet.model.composition_model import AtomRef
    from chgnet.model.functions import MLP
    from chgnet.model.layers import GraphPooling

    layers = [
        layer for layer in (*model.atom_conv_layers, *model.bond_conv_layers, *model.angle_layers) if layer is not None
    ]
    gated = [layer.twoBody_atom if hasattr(layer, "twoBody_atom") else layer.twoBody_bond for layer in layers]
    after = [getattr(layer, f"{part}_norm", None) for layer in layers for part in ("atom", "bond", "angle")]
    norms = [norm for network in gated for norm in (network.bn1, network.bn2)] + [model.readout_norm]
    unknown = {
        "a composition model that is not linear": not isinstance(model.composition_model, AtomRef | None),
        "a readout of pooled features": not (model.mlp_first and isinstance(model.pooling, GraphPooling)),
        "a gated readout": not isinstance(model.mlp, MLP),
        "norms after its convolutions": any(norm is not None for norm in after),
        "norms of batches": not all(isinstance(norm, torch.nn.LayerNorm | None) for norm in norms),
        "an activation other than silu": not all(isinstance(network.activation, torch.nn.SiLU) for network in gated),
    }
    for part, present in unknown.items():
        if present:
            raise InputError(f"this CHGNet has {part}: relax it with the option relaxer='ase'")
