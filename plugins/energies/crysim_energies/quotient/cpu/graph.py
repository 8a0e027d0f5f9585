"""`QuotientGraph` as NumPy arrays, and what the batches ask of a network on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from crysim.arrays import Features, Floats, Ints


@dataclass(frozen=True)
class CpuAngles:
    """The angles of quotient graphs; fields as in `crysim_energies.quotient.networks.graph.Angles`.

    Attributes:
        undirected: ``[U]``.
        leading: ``[V]``.
        num_short: T.
        center, left, right: ``[A]``.
        rotations: ``[A, 3, 3]``.
        count: ``[A]``.
    """

    undirected: Ints
    leading: Ints
    num_short: int
    center: Ints
    left: Ints
    right: Ints
    rotations: Floats
    count: Floats


@dataclass(frozen=True)
class CpuGraph:
    """Quotient graphs; fields as in `crysim_energies.quotient.networks.graph.QuotientGraph`.

    Attributes:
        num_crystals: C.
        crystal, species: ``[R]``.
        multiplicity: ``[R]``.
        projectors: ``[R, l², l²]``.
        center, far: ``[U]``.
        count: ``[U]``.
        vectors: ``[U, 3]``.
        num_short: of the bonds, which come first.
        angles: between the short bonds, if the network asks for them.
    """

    num_crystals: int
    crystal: Ints
    species: Ints
    multiplicity: Floats
    projectors: Features
    center: Ints
    far: Ints
    count: Floats
    vectors: Floats
    num_short: int
    angles: CpuAngles | None = None


class CpuNetwork(Protocol):
    """A network on a CPU, in float32."""

    def energies(self, graph: CpuGraph) -> tuple[Floats, Any]:
        """Energies of the crystals ``[C]``, eV per cell, and the tape for `pulls`."""

    def pulls(self, graph: CpuGraph, tape: Any) -> Floats:
        """The slopes of the sum of the energies in the graph's vectors ``[U, 3]``, eV/Å."""
