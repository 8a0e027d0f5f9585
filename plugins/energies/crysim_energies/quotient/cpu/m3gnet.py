"""M3GNet on a CPU: `QuotientM3GNet`, whose module says what is computed, with the gradient written out."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

from crysim.arrays import Features, Floats, Ints
from crysim_energies.quotient.cpu.graph import CpuGraph
from crysim_energies.quotient.cpu.kernels import add_ends, scale_backward, sum_ends, sum_rows
from crysim_energies.quotient.cpu.layers import Activated, Gated, GatedTape, Mlp, bias_of, numbers
from crysim_energies.quotient.cpu.memory import keep_memory
from crysim_energies.quotient.cpu.radial import evaluated
from crysim_energies.quotient.cpu.three_body import (
    pair_functions,
    pair_functions_backward,
    pair_sums,
    pair_sums_backward,
)
from crysim_energies.quotient.cpu.vectors import lengths_of, to_vectors
from crysim_energies.quotient.geometry.harmonics import coefficients, degrees
from crysim_energies.quotient.networks.gated import GatedRows

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.m3gnet import Block, QuotientM3GNet

PairFunctions = tuple[Features, Features, Features, Features]
"""Of the short bonds: components, cut, once, twice (`three_body`)."""


class CpuM3GNet:
    """An M3GNet on one core.

    Args:
        network: whose weights are taken, float32.
    """

    def __init__(self, network: QuotientM3GNet) -> None:
        keep_memory()
        self._cutoff = network.threebody_cutoff
        self._into_source = network.convention == "source"
        self._mean, self._std = float(network.data_mean), float(network.data_std)
        self._basis, self._pair_basis = network.bond_basis, network.angle_basis
        self._same_basis = self._pair_basis.same_as(self._basis)
        self._embedding: Features = numbers(network.node_embedding)
        self._references: Floats = numbers(network.element_refs)
        self._edge_embedding, self._edge_bias = numbers(network.edge_embedding.weight), bias_of(network.edge_embedding)
        self._norm = numbers(network.norm)
        self._coefficients = coefficients(network.max_l)
        self._degrees = np.array(degrees(network.max_l))
        self._blocks = [_CpuBlock(block) for block in network.blocks]
        # the bonds' and the messages' of each block
        self._radial = np.stack([weight for block in self._blocks for weight in block.radial])
        self._values, self._gates = Mlp(network.readout.values), Mlp(network.readout.gates)

    @staticmethod
    def suits(network: QuotientM3GNet) -> bool:
        """Whether atoms and bonds have as many features: their messages are made in one array."""
        return network.node_embedding.shape[1] == network.edge_embedding.weight.shape[1]

    def with_elements(self, network: QuotientM3GNet) -> CpuM3GNet:
        """With the elements' features and reference energies of a network that has the same weights otherwise."""
        one = copy(self)
        one._embedding, one._references = numbers(network.node_embedding), numbers(network.element_refs)
        return one

    def energies(self, graph: CpuGraph) -> tuple[Floats, _Tape]:
        """Energies of the crystals ``[C]``, eV per cell, and the tape for `pulls`."""
        lengths, directions = lengths_of(graph.vectors)
        values, slopes = evaluated(self._basis, lengths)
        radial = values.astype(np.float32)
        short = graph.num_short
        of_pairs = (values, slopes) if self._same_basis else evaluated(self._pair_basis, lengths[:short])
        pairs = self._pairs(graph, lengths[:short], directions[:short], of_pairs[0][:short], of_pairs[1][:short])
        weights = self._message_weights(graph)
        scales = np.matmul(radial, self._radial)
        scales[1::2] *= weights
        nodes = self._embedding[graph.species]
        embedded = Activated.of(radial @ self._edge_embedding, self._edge_bias)
        edges = embedded.out.copy()
        receiver = graph.center if self._into_source else graph.far
        tapes = []
        for i, block in enumerate(self._blocks):
            tape, messages = block(graph, pairs, nodes, edges, scales[2 * i], scales[2 * i + 1])
            nodes = nodes.copy()
            sum_rows(messages, receiver, nodes)
            tapes.append(tape)
        value, of_values = self._values(nodes)
        gate, of_gates = self._gates(nodes)
        gate = expit(gate)
        atomic = (value * gate).reshape(-1).astype(np.float64)
        atomic = (self._std * atomic + self._references[graph.species]) * graph.multiplicity
        energies = np.full(graph.num_crystals, self._mean)
        np.add.at(energies, graph.crystal, atomic)
        readout = _Readout(value, gate, of_values, of_gates)
        return energies, _Tape(lengths, directions, slopes, pairs, embedded, weights, receiver, tapes, readout)

    def pulls(self, graph: CpuGraph, tape: _Tape) -> Floats:
        """The slopes of the sum of the energies in the graph's vectors ``[U, 3]``, eV/Å."""
        to_nodes = self._readout_backward(graph, tape.readout)
        to_edges = np.zeros_like(tape.embedded.out)
        to_scales = np.empty((len(self._radial), *to_edges.shape), dtype=np.float32)
        pairs = tape.pairs
        slopes = pairs.no_slopes()
        for i in reversed(range(len(self._blocks))):
            to_messages = to_nodes[tape.receiver]
            own = to_scales[2 * i], to_scales[2 * i + 1]
            self._blocks[i].backward(graph, pairs, slopes, tape.blocks[i], to_nodes, to_edges, to_messages, *own)
        to_scales[1::2] *= tape.weights
        to_radial = np.matmul(to_scales, self._radial.transpose(0, 2, 1)).sum(axis=0)
        to_radial += tape.embedded.backward(to_edges) @ self._edge_embedding.T
        to_lengths = (to_radial * tape.slopes).sum(axis=1)
        to_directions = np.zeros_like(tape.directions)
        directions = tape.directions[: graph.num_short]
        pair_functions_backward(directions, self._coefficients, pairs.steps, slopes, to_lengths, to_directions)
        return to_vectors(tape.lengths, tape.directions, to_lengths, to_directions)

    def _readout_backward(self, graph: CpuGraph, readout: _Readout) -> Features:
        pull = (self._std * graph.multiplicity[:, None]).astype(np.float32)
        value, gate = readout.value, readout.gate
        to_nodes = self._values.backward(readout.of_values, pull * gate)
        to_nodes += self._gates.backward(readout.of_gates, pull * value * gate * (1 - gate))
        return to_nodes

    def _message_weights(self, graph: CpuGraph) -> Features:
        """See `QuotientGraph.message_weights`; ``[U, 1]``."""
        weights = graph.count
        if not self._into_source:
            weights = weights * graph.multiplicity[graph.center] / graph.multiplicity[graph.far]
        return weights.astype(np.float32)[:, None]

    def _pairs(self, graph: CpuGraph, lengths: Floats, directions: Floats, values: Floats, slopes: Floats) -> _Pairs:
        """What the three-body sums of all layers share: see `three_body`."""
        size, width = len(lengths), values.shape[1]
        pairs = _Pairs(
            center=graph.center[:size],
            far=graph.far[:size],
            degrees=self._degrees,
            components=np.empty((size, len(self._degrees)), dtype=np.float32),
            cut=np.empty(size, dtype=np.float32),
            once=np.empty((size, width), dtype=np.float32),
            twice=np.empty((size, width), dtype=np.float32),
            steps=np.empty((size, 1 + 2 * width)),
        )
        taken = lengths, directions, values, slopes, graph.count[:size]
        pair_functions(*taken, self._norm, self._cutoff, self._coefficients, *pairs.functions, pairs.steps)
        return pairs


class _Pairs(NamedTuple):
    """What the sums over pairs of bonds take: see `three_body`.

    Attributes:
        center, far, degrees, components, cut, once, twice: as there.
        steps: slopes of cut, once and twice in the bonds' lengths.
    """

    center: Ints
    far: Ints
    degrees: Ints
    components: Features
    cut: Features
    once: Features
    twice: Features
    steps: Floats

    @property
    def functions(self) -> PairFunctions:
        """What is differentiated."""
        return self.components, self.cut, self.once, self.twice

    def no_slopes(self) -> PairFunctions:
        """Zeros, for the slopes in them."""
        components, cut, once, twice = (np.zeros_like(part) for part in self.functions)
        return components, cut, once, twice

    @property
    def arrays(self) -> tuple[Ints, Ints, Ints, Features, Features, Features, Features]:
        """As the loops take them."""
        return self.center, self.far, self.degrees, *self.functions


class _Readout(NamedTuple):
    value: Features
    gate: Features
    of_values: list[Activated]
    of_gates: list[Activated]


class _Tape(NamedTuple):
    """What `CpuM3GNet.pulls` needs of `CpuM3GNet.energies`."""

    lengths: Floats
    directions: Floats
    slopes: Floats
    pairs: _Pairs
    embedded: Activated
    weights: Features
    receiver: Ints
    blocks: list[_BlockTape]
    readout: _Readout


class _BlockTape(NamedTuple):
    """What a block's gradient needs of its call.

    Attributes:
        gates: of the three-body sums at the atoms ``[R, L N]``.
        projected: sums of the representatives ``[R, M, N]``.
        update: the tape of the three-body update of the bonds.
        edge, node: the tapes of both gated networks.
        edges, messages: their outputs before they are scaled ``[U, features]``.
        edge_scale, node_scale: ``[U, features]``.
    """

    gates: Features
    projected: Features
    update: GatedTape
    edge: GatedTape
    node: GatedTape
    edges: Features
    messages: Features
    edge_scale: Features
    node_scale: Features


class _CpuBlock:
    """One layer: the three-body interaction and the graph convolution."""

    def __init__(self, block: Block) -> None:
        self._atom = Mlp([block.atom])
        self._bond = Gated(GatedRows(block.bond.values, block.bond.gates, [block.bond.values[0].weight.shape[0]]))
        self._edge, self._node = Gated(block.edge.gated), Gated(block.node.gated)
        self.radial = [numbers(network.radial_weight) for network in (block.edge, block.node)]
        self._width = self._edge.width
        # an atom's share of the first layers as a centre and as a far end, of both networks: four widths side by side
        nets = self._edge, self._node
        self._ends = np.ascontiguousarray(np.concatenate([net.parts[i] for i in (0, 1) for net in nets], axis=1))

    def __call__(
        self,
        graph: CpuGraph,
        pairs: _Pairs,
        nodes: Features,
        edges: Features,
        edge_scale: Features,
        node_scale: Features,
    ) -> tuple[_BlockTape, Features]:
        """Update the bonds' features in place; messages to the atoms ``[U, features]``."""
        gates, projected, update = self._add_three_body(graph, pairs, nodes, edges)
        table = nodes @ self._ends
        edge, edge_tape = self._edge(self._rows(graph, table, edges, self._edge, 0))
        edges += edge * edge_scale
        messages, node_tape = self._node(self._rows(graph, table, edges, self._node, self._width))
        tape = _BlockTape(gates, projected, update, edge_tape, node_tape, edge, messages, edge_scale, node_scale)
        return tape, messages * node_scale

    def backward(
        self,
        graph: CpuGraph,
        pairs: _Pairs,
        slopes: PairFunctions,
        tape: _BlockTape,
        to_nodes: Features,
        to_edges: Features,
        to_messages: Features,
        to_edge_scale: Features,
        to_node_scale: Features,
    ) -> None:
        """Turn pulls on the layer's outputs into pulls on its inputs, in place.

        Args:
            to_nodes, to_edges: on the features of atoms and bonds.
            to_messages: on the messages, whose pull on the atoms is that on the atoms themselves; it is used up.
            to_edge_scale, to_node_scale: on the scales, written.
        """
        to_table = np.zeros((len(to_nodes), self._ends.shape[1]), dtype=np.float32)
        scale_backward(to_messages, tape.messages, tape.node_scale, to_node_scale)
        self._rows_backward(graph, self._node, tape.node, to_messages, to_table, to_edges, self._width)
        through = to_edges.copy()
        scale_backward(through, tape.edges, tape.edge_scale, to_edge_scale)
        self._rows_backward(graph, self._edge, tape.edge, through, to_table, to_edges, 0)
        to_nodes += to_table @ self._ends.T
        if len(pairs.center):
            to_totals = self._bond.backward(tape.update, to_edges[: len(pairs.center)]) @ self._bond.parts[0].T
            to_gates = np.zeros_like(tape.gates)
            to_projected = np.zeros_like(tape.projected)
            pair_sums_backward(
                to_totals,
                tape.gates,
                *pairs.arrays,
                graph.projectors,
                tape.projected,
                to_projected,
                np.empty_like(to_projected),
                to_gates,
                *slopes,
            )
            to_nodes += self._atom.backward([], to_gates * tape.gates * (1 - tape.gates))

    def _add_three_body(
        self, graph: CpuGraph, pairs: _Pairs, nodes: Features, edges: Features
    ) -> tuple[Features, Features, GatedTape]:
        gates: Features = expit(self._atom(nodes)[0])
        shape = (len(nodes), len(pairs.degrees), gates.shape[1] // (pairs.degrees[-1] + 1))
        sums, projected = np.zeros(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        totals = np.empty((len(pairs.center), gates.shape[1]), dtype=np.float32)
        pair_sums(gates, *pairs.arrays, graph.projectors, sums, projected, totals)
        update, tape = self._bond(totals @ self._bond.parts[0])
        edges[: len(update)] += update
        return gates, projected, tape

    def _rows(self, graph: CpuGraph, table: Features, edges: Features, network: Gated, first: int) -> Features:
        x: Features = edges @ network.parts[2]
        add_ends(x, table, graph.center, graph.far, first, 2 * self._width)
        return x

    def _rows_backward(
        self,
        graph: CpuGraph,
        network: Gated,
        tape: GatedTape,
        pull: Features,
        to_table: Features,
        to_edges: Features,
        first: int,
    ) -> None:
        x = network.backward(tape, pull)
        sum_ends(x, to_table, graph.center, graph.far, first, 2 * self._width)
        to_edges += x @ network.parts[2].T
