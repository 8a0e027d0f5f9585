"""CHGNet on a CPU: `QuotientCHGNet`, whose module says what is computed, with the gradient written out."""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from crysim.arrays import Features, Floats
from crysim_energies.quotient.cpu.graph import CpuAngles, CpuGraph
from crysim_energies.quotient.cpu.kernels import add_ends, scale_backward, sum_ends, sum_rows
from crysim_energies.quotient.cpu.layers import Activated, Gated, GatedTape, LayerNorm, Mlp, Normed, numbers
from crysim_energies.quotient.cpu.memory import keep_memory
from crysim_energies.quotient.cpu.radial import evaluated
from crysim_energies.quotient.cpu.vectors import lengths_of, to_vectors
from crysim_energies.quotient.networks.chgnet import STRAIGHT

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.chgnet import AngleNetwork, AtomConv, BondConv, QuotientCHGNet


class CpuCHGNet:
    """A CHGNet on one core.

    Args:
        network: whose weights are taken, float32.
    """

    def __init__(self, network: QuotientCHGNet) -> None:
        keep_memory()
        self._nodes: Features = numbers(network.nodes)
        self._references: Floats = numbers(network.references)
        self._long_basis, self._short_basis = network.long_basis, network.short_basis
        self._frequencies = numbers(network.frequencies)
        self._edges = numbers(network.edges)
        self._short_weights, self._angles = Mlp([network.short_weights]), Mlp([network.angles])
        self._atom_convs = [_CpuAtomConv(conv) for conv in network.atom_convs]
        self._bond_convs = [_CpuBondConv(conv) for conv in network.bond_convs]
        self._angle_updates = [_CpuAngleNetwork(update) for update in network.angle_updates]
        self._norm = None if network.norm is None else LayerNorm(*network.norm)
        self._readout = Mlp(network.readout)

    def with_elements(self, network: QuotientCHGNet) -> CpuCHGNet:
        """With the elements' features and reference energies of a network that has the same weights otherwise."""
        one = copy(self)
        one._nodes, one._references = numbers(network.nodes), numbers(network.references)
        return one

    def energies(self, graph: CpuGraph) -> tuple[Floats, _Tape]:
        """Energies of the crystals ``[C]``, eV per cell, and the tape for `pulls`."""
        assert graph.angles is not None
        angles = graph.angles
        lengths, directions = lengths_of(graph.vectors[angles.leading])
        values, slopes = evaluated(self._long_basis, lengths)
        embedded = values.astype(np.float32) @ self._edges
        nodes = self._nodes[graph.species]
        width = nodes.shape[1]
        edges, weights = np.ascontiguousarray(embedded[:, :-width]), embedded[:, -width:]
        count = graph.count.astype(np.float32)[:, None]
        scale = weights[angles.undirected] * count
        pairs = self._pairs(angles, lengths[: angles.num_short], directions[: angles.num_short])
        features = pairs.features
        ends = _Ends(graph, angles)
        tapes: list[_Layer] = []
        for i, conv in enumerate(self._atom_convs):
            nodes, of_atoms = conv(ends, nodes, edges, scale)
            of_bonds = of_angles = None
            if i < len(self._bond_convs):
                edges, of_bonds = self._bond_convs[i](ends, nodes, edges, features, pairs.scale)
            if i < len(self._angle_updates):
                update, of_angles = self._angle_updates[i](ends, nodes, edges, features)
                features = features + update
            tapes.append(_Layer(of_atoms, of_bonds, of_angles))
        normed = None
        if self._norm is not None:
            nodes, normed = self._norm(nodes)
        out, of_readout = self._readout(nodes)
        atomic = (out.reshape(-1).astype(np.float64) + self._references[graph.species]) * graph.multiplicity
        energies = np.zeros(graph.num_crystals)
        np.add.at(energies, graph.crystal, atomic)
        return energies, _Tape(lengths, directions, slopes, count, scale, pairs, ends, tapes, normed, of_readout)

    def pulls(self, graph: CpuGraph, tape: _Tape) -> Floats:
        """The slopes of the sum of the energies in the graph's vectors ``[U, 3]``, eV/Å."""
        assert graph.angles is not None
        angles, ends, pairs = graph.angles, tape.ends, tape.pairs
        to_nodes = self._readout.backward(tape.readout, graph.multiplicity.astype(np.float32)[:, None])
        if self._norm is not None and tape.normed is not None:
            to_nodes = self._norm.backward(tape.normed, to_nodes)
        to_edges = np.zeros((len(tape.lengths), to_nodes.shape[1]), dtype=np.float32)
        to_scale, to_pair_scale = np.zeros_like(tape.scale), np.zeros_like(pairs.scale)
        to_features = np.zeros_like(pairs.features)
        for i in reversed(range(len(self._atom_convs))):
            layer = tape.layers[i]
            if layer.angles is not None:
                self._angle_updates[i].backward(ends, layer.angles, to_features.copy(), to_nodes, to_edges, to_features)
            if layer.bonds is not None:
                self._bond_convs[i].backward(
                    ends, layer.bonds, pairs.scale, to_nodes, to_edges, to_features, to_pair_scale
                )
            self._atom_convs[i].backward(ends, layer.atoms, tape.scale, to_nodes, to_edges, to_scale)
        to_scale *= tape.counts
        to_weights = np.zeros((len(to_edges), to_scale.shape[1]), dtype=np.float32)
        sum_rows(to_scale, angles.undirected, to_weights)
        to_values = np.concatenate([to_edges, to_weights], axis=1) @ self._edges.T
        to_lengths = (to_values * tape.slopes).sum(axis=1)
        to_directions = np.zeros_like(tape.directions)
        self._pairs_backward(angles, tape, to_features, to_pair_scale, to_lengths, to_directions)
        found = np.zeros_like(graph.vectors)
        found[angles.leading] = to_vectors(tape.lengths, tape.directions, to_lengths, to_directions)
        return found

    def _pairs(self, angles: CpuAngles, lengths: Floats, directions: Floats) -> _Pairs:
        values, slopes = evaluated(self._short_basis, lengths)
        weights, _ = self._short_weights(values.astype(np.float32))
        count = angles.count.astype(np.float32)[:, None]
        left, right = weights[angles.left] * count, weights[angles.right]
        turned = (angles.rotations * directions[angles.right][:, None, :]).sum(axis=2)
        cosines = STRAIGHT * (directions[angles.left] * turned).sum(axis=1)
        basis, basis_slopes = self._fourier(np.arccos(cosines))
        basis_slopes *= (-STRAIGHT / np.sqrt(1 - cosines * cosines))[:, None]
        features, _ = self._angles(basis.astype(np.float32))
        return _Pairs(slopes, left, right, count, left * right, turned, basis_slopes, features)

    def _pairs_backward(
        self,
        angles: CpuAngles,
        tape: _Tape,
        to_features: Features,
        to_scale: Features,
        to_lengths: Floats,
        to_directions: Floats,
    ) -> None:
        pairs, short = tape.pairs, angles.num_short
        to_weights = np.zeros((short, to_scale.shape[1]), dtype=np.float32)
        sum_rows(to_scale * pairs.right * pairs.counts, angles.left, to_weights)
        sum_rows(to_scale * pairs.left, angles.right, to_weights)
        to_lengths[:short] += (self._short_weights.backward([], to_weights) * pairs.slopes).sum(axis=1)
        to_cosines = (self._angles.backward([], to_features) * pairs.basis_slopes).sum(axis=1)[:, None]
        to_turned = to_cosines * tape.directions[angles.left]
        to_right = (angles.rotations * to_turned[:, :, None]).sum(axis=1)
        for axis in range(3):
            column = to_directions[:, axis]
            column[:short] += np.bincount(angles.left, (to_cosines * pairs.turned)[:, axis], short)
            column[:short] += np.bincount(angles.right, to_right[:, axis], short)

    def _fourier(self, angle: Floats) -> tuple[Floats, Floats]:
        """Sines and cosines of the multiples of angles ``[n]``, ``[n, num_angular]``, and their slopes."""
        phase = angle[:, None] * self._frequencies
        sine, cosine = np.sin(phase), np.cos(phase)
        constant = np.full((len(angle), 1), math.sqrt(0.5))
        values = np.concatenate([constant, sine, cosine], axis=1)
        slopes = np.concatenate([0 * constant, cosine * self._frequencies, -sine * self._frequencies], axis=1)
        return values / math.sqrt(math.pi), slopes / math.sqrt(math.pi)


class _Ends:
    """Which atoms and undirected bonds take part in each bond and in each angle; see `networks.chgnet`."""

    def __init__(self, graph: CpuGraph, angles: CpuAngles) -> None:
        self.num_short = angles.num_short
        self.of_bond = graph.center, angles.undirected, graph.far
        self.of_angle = angles.left, angles.right, angles.center
        crystals = np.zeros((graph.num_crystals, 1), dtype=np.float32)
        crystals[graph.crystal[angles.center]] = 1
        self.with_angles: Features = crystals[graph.crystal[graph.center[angles.leading]]]


class _Pairs(NamedTuple):
    """What the angles have from the start; A angles of T short bonds.

    Attributes:
        slopes: of the short bonds' basis in their lengths ``[T, k]``.
        left, right: weights of both bonds, the left ones times the count, ``[A, f]``.
        counts: ``[A, 1]``.
        scale: their product.
        turned: right directions in the left one's frame ``[A, 3]``.
        basis_slopes: of the angles' basis in the cosines.
        features: ``[A, f]``.
    """

    slopes: Floats
    left: Features
    right: Features
    counts: Features
    scale: Features
    turned: Floats
    basis_slopes: Floats
    features: Features


class _Messages(NamedTuple):
    """What the gradient of a convolution needs of its call: its messages before they are scaled, and their tape."""

    messages: Features
    gated: GatedTape

    def before_scale(self, pull: Features, scale: Features, to_scale: Features) -> Features:
        """The pull on the messages, written over that on the scaled ones; that on the scale is added."""
        along = np.empty_like(pull)
        scale_backward(pull, self.messages, scale, along)
        to_scale += along
        return pull


class _Layer(NamedTuple):
    atoms: _Messages
    bonds: _Messages | None
    angles: GatedTape | None


class _Tape(NamedTuple):
    """What `CpuCHGNet.pulls` needs of `CpuCHGNet.energies`."""

    lengths: Floats
    directions: Floats
    slopes: Floats
    counts: Features
    scale: Features
    pairs: _Pairs
    ends: _Ends
    layers: list[_Layer]
    normed: Normed | None
    readout: list[Activated]


class _CpuAtomConv:
    """Messages of the bonds to the atoms that they leave."""

    def __init__(self, conv: AtomConv) -> None:
        self._gated, self._out = Gated(conv.gated), Mlp([conv.out])
        center, _, far = self._gated.parts
        # an atom's share of the first layer as a centre and as a far end, side by side
        self._ends = np.ascontiguousarray(np.concatenate([center, far], axis=1))

    def __call__(self, ends: _Ends, nodes: Features, edges: Features, scale: Features) -> tuple[Features, _Messages]:
        """New features of the atoms ``[R, f]``."""
        center, undirected, far = ends.of_bond
        x = (edges @ self._gated.parts[1])[undirected]
        add_ends(x, nodes @ self._ends, center, far, 0, self._gated.width)
        messages, tape = self._gated(x)
        sums = np.zeros_like(nodes)
        sum_rows(messages * scale, center, sums)
        return nodes + self._out(sums)[0], _Messages(messages, tape)

    def backward(
        self,
        ends: _Ends,
        tape: _Messages,
        scale: Features,
        to_nodes: Features,
        to_edges: Features,
        to_scale: Features,
    ) -> None:
        """Turn pulls on the features after into those before, in place; add to that on the scale."""
        center, undirected, far = ends.of_bond
        pull = self._out.backward([], to_nodes)[center]
        x = self._gated.backward(tape.gated, tape.before_scale(pull, scale, to_scale))
        to_table = np.zeros((len(to_nodes), 2 * self._gated.width), dtype=np.float32)
        sum_ends(x, to_table, center, far, 0, self._gated.width)
        to_nodes += to_table @ self._ends.T
        of_bonds = np.zeros((len(to_edges), self._gated.width), dtype=np.float32)
        sum_rows(x, undirected, of_bonds)
        to_edges += of_bonds @ self._gated.parts[1].T


class _CpuAngleNetwork:
    """A gated network of an angle's two bonds, itself and its vertex."""

    def __init__(self, network: AngleNetwork) -> None:
        self._gated = Gated(network.gated)
        left, right, self._own, self._vertex = self._gated.parts
        self._sides = np.ascontiguousarray(np.concatenate([left, right], axis=1))

    def __call__(self, ends: _Ends, nodes: Features, edges: Features, features: Features) -> tuple[Features, GatedTape]:
        """Outputs ``[A, f]``."""
        left, right, vertex = ends.of_angle
        x = (nodes @ self._vertex)[vertex]
        x += features @ self._own
        add_ends(x, edges[: ends.num_short] @ self._sides, left, right, 0, self._gated.width)
        return self._gated(x)

    def backward(
        self,
        ends: _Ends,
        tape: GatedTape,
        pull: Features,
        to_nodes: Features,
        to_edges: Features,
        to_features: Features,
    ) -> None:
        """Add to the pulls on the inputs, from one on the outputs."""
        left, right, vertex = ends.of_angle
        x = self._gated.backward(tape, pull)
        to_table = np.zeros((ends.num_short, 2 * self._gated.width), dtype=np.float32)
        sum_ends(x, to_table, left, right, 0, self._gated.width)
        to_edges[: ends.num_short] += to_table @ self._sides.T
        of_atoms = np.zeros((len(to_nodes), self._gated.width), dtype=np.float32)
        sum_rows(x, vertex, of_atoms)
        to_nodes += of_atoms @ self._vertex.T
        to_features += x @ self._own.T


class _CpuBondConv:
    """Messages of the angles to their left bonds."""

    def __init__(self, conv: BondConv) -> None:
        self._network = _CpuAngleNetwork(conv.messages)
        self._weight = numbers(conv.out.weight)
        self._bias = None if conv.out.bias is None else numbers(conv.out.bias)

    def __call__(
        self, ends: _Ends, nodes: Features, edges: Features, features: Features, scale: Features
    ) -> tuple[Features, _Messages]:
        """New features of the undirected bonds ``[V, f]``."""
        messages, tape = self._network(ends, nodes, edges, features)
        sums = np.zeros((ends.num_short, messages.shape[1]), dtype=np.float32)
        sum_rows(messages * scale, ends.of_angle[0], sums)
        # chgnet adds the bias to every bond of a crystal that has angles
        edges = edges.copy() if self._bias is None else edges + ends.with_angles * self._bias
        edges[: ends.num_short] += sums @ self._weight
        return edges, _Messages(messages, tape)

    def backward(
        self,
        ends: _Ends,
        tape: _Messages,
        scale: Features,
        to_nodes: Features,
        to_edges: Features,
        to_features: Features,
        to_scale: Features,
    ) -> None:
        """Turn pulls on the features after into those before, in place; add to that on the scale."""
        pull = (to_edges[: ends.num_short] @ self._weight.T)[ends.of_angle[0]]
        pull = tape.before_scale(pull, scale, to_scale)
        self._network.backward(ends, tape.gated, pull, to_nodes, to_edges, to_features)
